"""Where the service listens: the port of the calls, and the one of health and metrics where there is one."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from vacate.domain.errors import SettingsError
from vacate.settings.file import ServiceSection


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """A host and a port of this machine; port 0 is any that is free.

    `another_port` and `another_host` say how to choose another one, for messages about one that cannot be had.
    """

    host: str
    port: int
    another_port: str = "choose another one with VACATE_PORT"
    another_host: str = "choose an address of this machine with VACATE_HOST"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def calls_address(service: ServiceSection) -> ListenAddress:
    """Return where calls are answered."""
    return ListenAddress(host=service.host, port=service.port)


def health_address(service: ServiceSection) -> ListenAddress | None:
    """Return where health and metrics are answered instead of at the port of the calls; `None` to answer them there.

    Raises:
        SettingsError: the text is no address, or it is the one of the calls.
    """
    text = service.health_listen
    if not text:
        return None
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
        plain = parts.netloc == text and "@" not in text
    except ValueError:
        host, port, plain = None, None, False
    if not plain or not host or port is None:
        raise SettingsError(
            f"service.health_listen: {text!r} is no address; "
            "write a host and a port, such as 127.0.0.1:9180 or [::1]:9180"
        )
    if port and (host, port) == (service.host, service.port):
        raise SettingsError(f"service.health_listen: {text} is where calls are answered; choose another port")
    elsewhere = "choose another one with service.health_listen"
    return ListenAddress(host=host, port=port, another_port=elsewhere, another_host=elsewhere)
