"""What a server is and what Vacate's role may do there, asked anew before every sweep."""

from dataclasses import dataclass

from vacate.domain.errors import MissingRightsError, WrongServerError
from vacate.domain.topology import Component, ComponentRole
from vacate.engines.statements import statement
from vacate.engines.wire import StatementRefusedError, Wire
from vacate.operations.ports import Pins

_INSUFFICIENT_PRIVILEGE = "42501"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The answer of a server's probe: its identity, its recovery role, and the rights of the role `login`."""

    major_version: int
    version: str
    system_identifier: str
    in_recovery: bool
    login: str
    sees_all_sessions: bool
    may_signal: bool


async def probe(wire: Wire) -> Capabilities:
    """Ask the server what it is and what may be done there.

    Raises:
        ComponentUnreachableError: it does not answer.
        MissingRightsError: it does not even tell which server it is.
        UnsupportedServerError: it is older than the oldest statement.
    """
    major = wire.major_version()
    try:
        rows = await wire.fetch(statement("postgresql", "probe", major))
    except StatementRefusedError as error:
        if error.sqlstate == _INSUFFICIENT_PRIVILEGE:
            raise MissingRightsError(["GRANT EXECUTE ON FUNCTION pg_control_system() TO the role;"]) from error
        raise
    return Capabilities(major_version=major, **dict(rows[0]))


async def check(capabilities: Capabilities, component: Component, pins: Pins) -> None:
    """Refuse a server that is not the component's, or that hides what must be seen.

    The first server ever found for a component is pinned; from then on it must be the same.

    Raises:
        WrongServerError, MissingRightsError, StoreUnavailableError.
    """
    expected_recovery = component.role is ComponentRole.STANDBY
    if capabilities.in_recovery != expected_recovery:
        seen = "a standby" if capabilities.in_recovery else "a primary"
        raise WrongServerError(
            f"it is {seen}, and {component.id} is configured as {component.role}; "
            "after a switchover, correct the role in the configuration"
        )
    found = capabilities.system_identifier
    pinned = await pins.pinned(component) or await pins.pin(component, found)
    if pinned != found:
        raise WrongServerError(
            f"its system identifier is {found}, and {component.id} is pinned to {pinned}; "
            "if the server was replaced on purpose, run: vacate component unpin"
        )
    remedies: list[str] = []
    if not capabilities.sees_all_sessions:
        remedies.append(f'GRANT pg_read_all_stats TO "{capabilities.login}";')
    if not capabilities.may_signal:
        remedies.append(f'GRANT pg_signal_backend TO "{capabilities.login}";')
    if remedies:
        raise MissingRightsError(remedies)
