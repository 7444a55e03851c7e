"""SM3, the hash of the national standard GB/T 32905, and its HMAC.

`hashlib` has it only where Python was built beside an OpenSSL that has it; `cryptography` brings its own.
"""

from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC


def sm3(data: bytes) -> bytes:
    """The hash, in 32 bytes."""
    state = Hash(SM3())
    state.update(data)
    return state.finalize()


def hmac_sm3(secret: bytes, text: bytes) -> bytes:
    """The keyed hash, in 32 bytes."""
    state = HMAC(secret, SM3())
    state.update(text)
    return state.finalize()
