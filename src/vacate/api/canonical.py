"""The canonical request: one text for all the ways in which a request may be written on the wire."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes


def canonical_request(method: str, uri: bytes, query: bytes, headers: Mapping[bytes, bytes], payload: bytes) -> bytes:
    """The text that stands for a request when it is signed.

    Args:
        method: as sent.
        uri: one of `canonical_uris`.
        query: the raw query.
        headers: the signed headers with their values, in the order of signing.
        payload: the body's hash.
    """
    return b"\n".join(
        (
            # No method that is served has other characters; one that has them must still be told apart.
            method.encode("utf-8", "backslashreplace"),
            uri,
            _canonical_query(query),
            b"".join(name + b":" + value + b"\n" for name, value in headers.items()),
            b";".join(headers),
            payload,
        )
    )


def canonical_uris(path: bytes) -> Iterator[bytes]:
    """The path as clients sign it: each segment percent-encoded anew, a slash at the end.

    Most clients decode the path first. The Node client encodes what is encoded already, so that form follows
    when it differs.
    """
    decoded = _canonical_uri(unquote_to_bytes(path))
    yield decoded
    if (undecoded := _canonical_uri(path)) != decoded:
        yield undecoded


def _canonical_uri(path: bytes) -> bytes:
    encoded = quote_from_bytes(path, safe="/").encode("ascii")
    return encoded if encoded.endswith(b"/") else encoded + b"/"


def _canonical_query(query: bytes) -> bytes:
    """The pairs decoded, sorted by name and value, and encoded anew.

    The raw query is of no use: clients leave characters bare on the wire that they encode when they sign.
    A bare `+` is a space, as it is for whoever reads the query afterwards.
    """
    pairs: list[tuple[bytes, bytes]] = []
    for item in query.split(b"&"):
        if item:
            name, _, value = item.replace(b"+", b" ").partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return "&".join(
        f"{quote_from_bytes(name, safe='')}={quote_from_bytes(value, safe='')}" for name, value in sorted(pairs)
    ).encode("ascii")
