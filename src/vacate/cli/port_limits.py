"""The limits of a port: how many connections there may be, and how long a peer is waited for."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from vacate.domain.durations import duration
from vacate.domain.errors import SettingsError
from vacate.settings.file import ConnectionsSection


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLimits:
    """Limits of one port. Times are in seconds.

    A connection is proved once a request on it was found to be correctly signed, or to have a token that is valid.
    `most` holds for all connections, `unproven` for those that are not proved, `unproven_per_source` for those of them
    from one address. `log_lines` about unproven requests are written a second. `head_s` is for a request's head,
    `idle_s` between two requests, `handshake_s` for TLS, `stalled_s` for a peer that reads none of its answer. At a
    stop, requests of proved senders may run for `stop_proved_s`, everything else for `stop_others_s`.
    """

    most: int = 2000
    unproven: int = 500
    unproven_per_source: int = 100
    trusted: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    open_files: int = 65_536
    files_aside: int = 256
    head_s: float = 30.0
    idle_s: float = 5.0
    handshake_s: float = 10.0
    stalled_s: float = 10.0
    log_lines: int = 10
    stop_proved_s: float = 60.0
    stop_others_s: float = 3.0

    def trusts(self, source: str) -> bool:
        """Whether an address may hold more than the share of one source, as a proxy in front of many callers does."""
        try:
            address = ip_address(source)
        except ValueError:
            return False
        return any(address.version == network.version and address in network for network in self.trusted)


def port_limits(section: ConnectionsSection) -> PortLimits:
    """The limits that the configuration asks for.

    Raises:
        SettingsError: a duration or a network cannot be read.
    """
    return PortLimits(
        most=section.most,
        unproven=section.unproven,
        unproven_per_source=section.unproven_per_source,
        trusted=tuple(_network(text) for text in section.trusted),
        open_files=section.open_files,
        files_aside=section.files_aside,
        log_lines=section.log_lines,
        handshake_s=duration(section.handshake_within, "connections.handshake_within").total_seconds(),
        stalled_s=duration(section.read_within, "connections.read_within").total_seconds(),
        stop_proved_s=duration(section.stop_within, "connections.stop_within").total_seconds(),
    )


_HEALTH_CONNECTIONS = 100


def health_limits(limits: PortLimits) -> PortLimits:
    """Return the limits of a port for health and metrics: monitors are few, and prove nothing."""
    few = _HEALTH_CONNECTIONS
    return replace(limits, most=few, unproven=few, unproven_per_source=few // 2, log_lines=1)


def beside_health(limits: PortLimits) -> PortLimits:
    """Return the limits of the port of the calls where another one takes files for health and metrics."""
    return replace(limits, files_aside=limits.files_aside + _HEALTH_CONNECTIONS)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise SettingsError(f"connections.trusted: {error}; write a network such as 10.0.0.0/8") from error
