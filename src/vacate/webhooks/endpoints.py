"""An endpoint: where messages go, which ones, and what may be a URL for them."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from vacate.domain.errors import SettingsError
from vacate.webhooks.signing import SigningKey


class MessageType(StrEnum):
    """What an endpoint may be told."""

    PLAN_MADE = "plan.made"
    """These sessions are ended if the plan is applied."""
    KILL_INTENDED = "kill.intended"
    """These sessions are about to be signalled."""
    KILL_FINISHED = "kill.finished"
    """What became of them."""
    FREEZE_ON = "freeze.on"
    FREEZE_OFF = "freeze.off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One receiver. The URL often holds a token, so it is in no text that is made of an endpoint.

    `owners` are the owners whose sessions it is told of, `""` for sessions without one; `None` stands for everybody.
    `timeout` bounds one whole attempt. `authorities` is a file of certificates that are trusted besides the system's.
    """

    name: str
    url: str = field(repr=False)
    keys: tuple[SigningKey, ...] = field(repr=False)
    events: frozenset[MessageType] = frozenset(MessageType)
    owners: frozenset[str] | None = None
    timeout: timedelta = timedelta(seconds=10)
    authorities: Path | None = None

    @property
    def host(self) -> str:
        """Host and port, which may be shown."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """Host and port of a URL; the rest may hold a token."""
    return urlsplit(url).netloc


def check_url(url: str, place: str, *, allow_plain: bool) -> None:
    """Refuse what is no URL for messages; `place` names it, as the URL itself may hold a secret.

    Plain HTTP is for this machine only, unless it is allowed.

    Raises:
        SettingsError: it is none.
    """
    try:
        parts = urlsplit(url)
        # Asking for the port is what finds one that is none.
        host, well = parts.hostname or "", parts.port != 0
    except ValueError:
        parts, host, well = urlsplit(""), "", False
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{place}: it holds a user or a password; the signature is what proves the sender")
    well = well and bool(host) and parts.scheme in {"http", "https"} and not parts.fragment
    if not well or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(f"{place}: it must be like https://hooks.example.net/vacate, in ASCII and without #")
    if parts.scheme == "http" and not allow_plain and not _this_machine(host):
        raise SettingsError(
            f"{place}: plain http:// would show everybody on the way who is about to be disconnected; use https://, "
            "or set allow_plain = true"
        )


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
