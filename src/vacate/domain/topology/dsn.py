"""A DSN taken apart: where it leads, and the same login at another address. Its text is a secret."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from vacate.domain.errors import VacateError

GAUSS_SCHEMES = frozenset({"gaussdb", "opengauss"})
SCHEMES = frozenset({"postgresql", "postgres"}) | GAUSS_SCHEMES
_DEFAULT_PORT = 5432
# Each of these would lead elsewhere than the address that the DSN names.
_DETOURS = frozenset({"host", "hostaddr", "port", "service", "servicefile"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


_PLAIN_KEYWORD = re.compile(
    r"(?:^|(?<=\s))(host|hostaddr|port|dbname|sslmode|target_session_attrs)\s*=\s*([0-9A-Za-z._:-]+)(?=\s|$)"
)


class DsnInvalidError(VacateError):
    """A DSN cannot be used. The message names which one, and repeats nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Address:
    """Where a server listens. `host` is a name or an IP address without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is the asker's own machine, whichever that is."""
        return self.host in _LOOPBACK

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """A login as a URL with one host, and the address in it. The text always names the port."""

    text: str = field(repr=False)
    address: Address

    def at(self, address: Address) -> "Dsn":
        """The same login at another address."""
        parts = urlsplit(self.text)
        login, separator, _ = parts.netloc.rpartition("@")
        return Dsn(text=parts._replace(netloc=f"{login}{separator}{address}").geturl(), address=address)


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of a DSN that nobody has checked; empty and 0 for one that names none, or several."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", 0
    return ("", 0) if "," in parts.netloc else (host or "", port or 0)


def check_form(text: str, place: str) -> None:
    """Refuse a DSN that no driver could read as a URL; whatever else is in it is left to the driver.

    Raises:
        DsnInvalidError: it is none; the message says what to write, without user and password.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() in SCHEMES and rest:
        return
    if not separator and "=" in text:
        raise DsnInvalidError(
            f"{place} is in libpq's form of keywords and values; write it like {_as_url(text)}, with "
            f"{_one_of_the_schemes()}; in user and password write @ as %40, / as %2F, ? as %3F and # as %23"
        )
    raise DsnInvalidError(
        f"{place} is no URL of a scheme that Vacate knows; write it like "
        f"postgresql://user:password@host:port/database, with {_one_of_the_schemes()}"
    )


def has_password(url: str) -> bool:
    """Whether a DSN or another URL holds a password, as far as that can be told; in doubt it does."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower().startswith("sqlite"):
        return False
    login, at, _ = rest.rpartition("@")
    names = [name.lower() for name, _ in parse_qsl(rest.partition("?")[2], keep_blank_values=True)]
    return bool(at and ":" in login) or any("password" in name for name in names)


def _as_url(text: str) -> str:
    """The URL to write instead of keywords and values, with what no password can be a part of."""
    # A quoted value may hold what looks like another keyword.
    told = {} if "'" in text or "\\" in text else dict(_PLAIN_KEYWORD.findall(text))
    host = told.get("host", told.get("hostaddr", "host"))
    address = f"[{host}]" if ":" in host else host
    query = "&".join(f"{name}={told[name]}" for name in ("sslmode", "target_session_attrs") if name in told)
    port, database = told.get("port", str(_DEFAULT_PORT)), told.get("dbname", "database")
    return f"postgresql://user:password@{address}:{port}/{database}{'?' if query else ''}{query}"


def _one_of_the_schemes() -> str:
    return " or ".join(f"{scheme}://" for scheme in sorted(SCHEMES))


def user_of(text: str) -> str:
    """The user that a DSN or another URL logs in as; empty where it names none or cannot be read."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    asked = dict(parse_qsl(parts.query)).get("user", "")
    return unquote(parts.username or "") or asked


def parse_dsn(text: str, place: str) -> Dsn:
    """Read a DSN; `place` names it in errors, such as `DSN 2`.

    Raises:
        DsnInvalidError: it is no URL with one host, or another one than it seems.
    """
    if "://" not in text and "=" in text:
        check_form(text, place)
    if not text.isprintable() or " " in text:
        raise DsnInvalidError(f"{place} has spaces or characters that cannot be printed; percent-encode them")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # The error's own words quote what may be a part of the password.
        raise DsnInvalidError(
            f"{place} is no URL that can be read; percent-encode special characters of the password, and give one host"
        ) from None
    _check(parts, place)
    query = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if detours := sorted(_DETOURS.intersection(query)):
        raise DsnInvalidError(f"{place} has the parameter {detours[0]}; name the host and port in the URL's own place")
    if not host or "," in parts.netloc.rpartition("@")[2] or "%" in host:
        raise DsnInvalidError(f"{place} must name one host that is reached over TCP")
    if not parts.username and "user" not in query:
        raise DsnInvalidError(f"{place} names no user")
    if port is None and parts.scheme in GAUSS_SCHEMES:
        raise DsnInvalidError(f"{place} names no port")
    if port == 0:
        raise DsnInvalidError(f"{place} names the port 0, which is none")
    address = Address(host=host, port=_DEFAULT_PORT if port is None else port)
    return Dsn(text=text, address=address).at(address)


def _check(parts: SplitResult, place: str) -> None:
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise DsnInvalidError(f"{place} must be a URL like postgresql://user:password@host:port/database")
    # An unencoded slash, question mark or number sign ends the part with the password early: what follows it would
    # be taken for something else, and the password's beginning for the host.
    # Of two at signs, some take the first and some the last for the end of the password.
    if parts.netloc.count("@") > 1 or "@" in parts.path + parts.query or parts.fragment:
        raise DsnInvalidError(
            f"{place} has one @ or # too many; write @ as %40, / as %2F, ? as %3F and # as %23 in the password"
        )
