"""Whether two texts name the same IP address, whatever way they spell it."""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address


def is_among(address: str, others: frozenset[str]) -> bool | None:
    """Whether an address is one of the others; `None` when that cannot be told.

    An IPv4 address that is written as an IPv6 one is the same address. Scopes (`%eth0`) are names that each machine
    gives by itself, so they are not compared. A text that is no address might stand for any of them.
    """
    known = _parsed(others)
    mine = parse(address)
    if mine is not None and mine in known:
        return True
    return None if mine is None or None in known else False


# The same few sets are asked about for every session of a look.
@lru_cache(maxsize=256)
def _parsed(addresses: frozenset[str]) -> AbstractSet[_Address | None]:
    return frozenset(map(parse, addresses))


# Few clients have many sessions each.
@lru_cache(maxsize=4096)
def parse(text: str) -> _Address | None:
    """An address from its text, an IPv4 one whatever way it is written; `None` where the text is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))
