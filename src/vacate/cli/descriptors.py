"""How many files this process may have open, and how many of them may be connections of callers."""

import resource
from contextlib import suppress


def raise_open_files(most: int) -> int:
    """Raise the soft limit of open files as far as the hard one lets it, though not beyond `most`.

    Returns:
        The limit that holds from now on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return most if soft == resource.RLIM_INFINITY else soft
    # Some systems have a lower limit of their own; then the old one stays.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def room_for_connections(open_files: int, aside: int) -> int:
    """How many connections leave `aside` files to store, components and logs; never more than half are kept back."""
    return max(open_files - aside, open_files // 2)
