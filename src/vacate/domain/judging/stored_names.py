"""Names as servers keep them, and why a name as it is written may never be met.

PostgreSQL and the Gauss family keep 63 bytes of a name, cut between two characters. Of an application's name they keep
printable ASCII alone; every other byte becomes `?`, and from PostgreSQL 16 on a backslash, `x` and two digits.
"""

from vacate.domain.judging.patterns import Glob, Pattern

MOST_BYTES = 63
_FIRST, _LAST = 0x20, 0x7E


def clipped(name: str) -> str:
    """A name as far as servers keep it."""
    return name.encode("utf-8", "surrogatepass")[:MOST_BYTES].decode("utf-8", "ignore")


def stored_application(name: str, *, escaped: bool) -> str:
    """An application's name as a server keeps it in a database whose encoding is UTF-8.

    It is cut, then rewritten, then cut again. `escaped` says how it is rewritten: by PostgreSQL 16 and newer, or else
    by older ones and the Gauss family.
    """
    kept = (
        chr(byte) if _FIRST <= byte <= _LAST else f"\\x{byte:02x}" if escaped else "?"
        for byte in clipped(name).encode("utf-8", "surrogatepass")
    )
    return "".join(kept)[:MOST_BYTES]


def never_met(written: Pattern, what: str) -> str | None:
    """Why no session can have such a user, database or application, and what to write; `None` where one can.

    A regular expression is taken as it is.
    """
    if isinstance(written, str):
        return _never_met_name(written, what)
    return _never_met_glob(written, what) if isinstance(written, Glob) else None


def _never_met_name(name: str, what: str) -> str | None:
    if not name and what != "application":
        return f"no {what} has an empty name"
    if "*" in name:
        return (
            f"{name!r} is compared letter by letter; for a glob write {{ glob = {_quoted(name)} }}, "
            f"and for the star itself {{ glob = {_quoted(name.replace('*', chr(92) + '*'))} }}"
        )
    if what == "application" and not _plain(name):
        old, new = (stored_application(name, escaped=escaped) for escaped in (False, True))
        return (
            f"no session is ever called {name!r}: PostgreSQL 16 and newer keep it as {_quoted(new)}, "
            f"PostgreSQL 15 and the Gauss family as {_quoted(old)}; write what your servers keep"
        )
    if clipped(name) != name:
        return f"no {what} has so long a name: servers keep {MOST_BYTES} bytes of it; write {_quoted(clipped(name))}"
    return None


def _never_met_glob(glob: Glob, what: str) -> str | None:
    shortest = glob.shortest
    if what == "application" and not _plain(shortest):
        return (
            f"the glob {glob.text!r} fits no session's name: servers replace what is not printable ASCII; "
            "write ? or * in its place"
        )
    if clipped(shortest) != shortest:
        return f"the glob {glob.text!r} fits no {what}: servers keep {MOST_BYTES} bytes of a name"
    return None


def _plain(text: str) -> bool:
    return all(_FIRST <= ord(character) <= _LAST for character in text)


def _quoted(text: str) -> str:
    """A text as TOML and JSON write it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
