"""What a server may send, and what may be sent to it: bounds on answers, and on how a password is told.

A server that was taken over, or that somebody else answers for, can send without end, lie about lengths, or ask for the
password in the clear. The drivers take all of that, so it is refused before they see it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from vacate.domain.errors import ComponentUnreachableError

MOST_BYTES: Final = 32 << 20
MOST_MESSAGES: Final = 50_000
MOST_COLUMNS: Final = 64
_MOST_WORDS: Final = 1 << 20
_MOST_SETTINGS: Final = 1 << 20
_SHORTEST: Final = 4
_AUTHENTICATION, _ROW, _COLUMNS, _SETTING, _ERROR, _NOTICE = b"RDTSEN"

SEEN_OF_A_BODY: Final[Mapping[int, int]] = {_AUTHENTICATION: 4, _ROW: 2, _COLUMNS: 2}
"""How many bytes of a message's body must be there before it is judged, by its letter."""

_OK, _CLEARTEXT, _MD5, _STRONG = 0, 3, 5, 10
_METHODS: Mapping[int, tuple[str, ...]] = {
    _OK: ("none",),
    _CLEARTEXT: ("password",),
    _MD5: ("md5",),
    _STRONG: ("scram-sha-256", "sha256"),
}
_KNOWN = tuple(name for names in _METHODS.values() for name in names)
_PARAMETER = "require_auth"


class UntrustedServerError(ComponentUnreachableError):
    """A server sends what none sends in good faith, or asks for a password in a way that would give it away."""


class Privacy(IntEnum):
    """How well others are kept from reading a connection, and from answering in the server's place."""

    NONE = 0
    ENCRYPTED = 1
    PROVED = 2
    """The server's certificate and name were verified, or the connection is a socket of this machine's."""


@dataclass(slots=True)
class Caution:
    """What one login allows, and what was found wrong with its server.

    Args:
        methods: the ways to log in that the DSN names; none leaves the choice to the privacy of the connection.
    """

    methods: frozenset[str] = frozenset()
    breach: UntrustedServerError | None = field(default=None)

    def watch(self, privacy: Privacy) -> "Watch":
        """Begin to watch one connection."""
        return Watch(self, privacy)


class Watch:
    """Counts what a server sends since it was last asked something."""

    def __init__(self, caution: Caution, privacy: Privacy) -> None:
        """Take what is allowed, and how private the connection is."""
        self._caution = caution
        self._privacy = privacy
        self._bytes = 0
        self._messages = 0
        self._settings = 0
        self._proves = False

    def asked(self) -> None:
        """Note that the server was sent something: what comes now is the answer."""
        self._bytes = self._messages = 0

    def check(self, kind: int, length: int, begun: bytes) -> None:
        """Look at the next message: its letter, the length that it says it has, and the beginning of its body.

        Raises:
            UntrustedServerError: the message, or what came before it, is too much or is nonsense.
        """
        self._messages += 1
        self._bytes += length
        if length < _SHORTEST + SEEN_OF_A_BODY.get(kind, 0):
            self._refuse("it sent a message of an impossible length")
        if self._bytes > MOST_BYTES:
            self._refuse(f"it answered with more than {MOST_BYTES >> 20} MiB")
        if self._messages > MOST_MESSAGES:
            self._refuse(f"it answered with more than {MOST_MESSAGES:,} rows and messages")
        if kind in {_ROW, _COLUMNS} and int.from_bytes(begun[:2]) > MOST_COLUMNS:
            self._refuse(f"it answered with more than {MOST_COLUMNS} columns")
        if kind in {_ERROR, _NOTICE, _SETTING} and length > _MOST_WORDS:
            self._refuse("an error, notice or setting of it is longer than 1 MiB")
        if kind == _SETTING:
            self._settings += length
            if self._settings > _MOST_SETTINGS:
                self._refuse("it told of more than 1 MiB of settings")
        if kind == _AUTHENTICATION:
            self._check_login(int.from_bytes(begun[:4]))

    def _check_login(self, code: int) -> None:
        """Withhold the password from whoever asks for it in a way that gives it away."""
        named = _METHODS.get(code, ())
        if self._caution.methods:
            if code == _OK and self._proves:
                return
            self._proves = True
            if named and not self._caution.methods.intersection(named):
                wanted = ", ".join(sorted(self._caution.methods))
                self._withhold(f"the server asks for the login {named[0]!r}, and the DSN allows {_PARAMETER}={wanted}")
            return
        if code == _CLEARTEXT and self._privacy < Privacy.PROVED:
            self._withhold(
                "the server asks for the password in the clear, and it has not proved who it is: let the line for "
                "Vacate's role in pg_hba.conf say scram-sha-256, or let the DSN say sslmode=verify-full; to allow it "
                f"all the same, add {_PARAMETER}=password to the DSN"
            )
        if code == _MD5 and self._privacy < Privacy.ENCRYPTED:
            self._withhold(
                "the server asks for an MD5 login over a connection without TLS, where whoever listens can find out "
                "the password: let the line for Vacate's role in pg_hba.conf say scram-sha-256 and give the role its "
                "password anew, or let the DSN say sslmode=verify-full; to allow it all the same, add "
                f"{_PARAMETER}=md5 to the DSN"
            )

    def _refuse(self, reason: str) -> None:
        raise self._noted(UntrustedServerError(f"the server is not to be trusted: {reason}; the connection is dropped"))

    def _withhold(self, reason: str) -> None:
        raise self._noted(UntrustedServerError(f"the password is withheld: {reason}"))

    def _noted(self, breach: UntrustedServerError) -> UntrustedServerError:
        self._caution.breach = breach
        return breach


def caution_of(dsn: str) -> Caution:
    """What a DSN allows: the ways to log in that its `require_auth` names, as libpq has them.

    Raises:
        ComponentUnreachableError: it names one that is not known.
    """
    try:
        written = dict(parse_qsl(urlsplit(dsn).query)).get(_PARAMETER, "")
    except ValueError:
        return Caution()
    methods = frozenset(name.strip() for name in written.split(",") if name.strip())
    if unknown := sorted(methods.difference(_KNOWN)):
        raise ComponentUnreachableError(
            f"{_PARAMETER} of the DSN names {unknown[0]!r}; it may name {', '.join(_KNOWN)}, several with commas"
        )
    return Caution(methods=methods)


def for_the_driver(dsn: str) -> str:
    """The same DSN without what the drivers do not know, which they would ask the server for."""
    if _PARAMETER not in dsn:
        return dsn
    parts = urlsplit(dsn)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != _PARAMETER]
    return parts._replace(query=urlencode(kept)).geturl()
