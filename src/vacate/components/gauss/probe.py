"""What a server of the Gauss family is, and what Vacate's role may do there."""

from vacate.components.capabilities import Capabilities
from vacate.components.drivers import Row
from vacate.components.statements import statement
from vacate.components.wire import StatementRefusedError, Wire
from vacate.domain.errors import UnsupportedServerError
from vacate.domain.texts import sql_identifier
from vacate.domain.topology.servers import Engine

_UNDEFINED_FUNCTION = "42883"
_UNDEFINED_OBJECT = "42704"
_INSUFFICIENT_PRIVILEGE = "42501"

_SIGNALLERS = "gs_role_signal_backend"
_READERS = "gs_role_read_all_stats"
_DIALECT = "gauss"


async def probe(wire: Wire) -> Capabilities:
    """Ask the server which one it is and what may be done there.

    The family differs in what a server can be asked, so most questions are asked one by one.

    Raises:
        ComponentUnreachableError: it does not answer, or not to our role.
        UnsupportedServerError: it has nothing by which it could be told from another one.
    """
    software = wire.software
    offered = frozenset(row["offered"] for row in await wire.fetch(statement(_DIALECT, "offer")))
    (answer,) = await wire.fetch(statement(_DIALECT, "probe", offered=offered))
    named = await _asked(wire, statement(_DIALECT, "node_name"), {_UNDEFINED_OBJECT})
    node_name = wire.decoder.name(named["node_name"]).shown if named and named["node_name"] else None
    return Capabilities(
        software=software,
        system_identifier=await _identity(wire, node_name),
        in_recovery=answer["in_recovery"],
        maximum=answer["maximum"],
        reserved=answer["reserved"],
        remedies=await _remedies(wire, answer, software.engine),
        node_name=node_name,
        offered=offered,
        distributed=await _is_distributed(wire, software.engine),
    )


async def _identity(wire: Wire, node_name: str | None) -> str:
    """The system identifier; where there is none to be had, the name of the node, which is better than nothing."""
    row = await _asked(wire, statement(_DIALECT, "identity"), {_UNDEFINED_FUNCTION, _INSUFFICIENT_PRIVILEGE})
    if row is not None:
        return str(row["system_identifier"])
    if not node_name:
        raise UnsupportedServerError("the server is not supported: it has neither pg_control_system() nor a node name")
    return f"node {node_name}"


async def _is_distributed(wire: Wire, engine: Engine) -> bool | None:
    """Whether the server is a part of a distributed cluster; `None` if it does not tell."""
    if engine is Engine.DWS:
        return True
    row = await _asked(wire, statement(_DIALECT, "deployment"), {_UNDEFINED_FUNCTION})
    if row is not None:
        return bool(row["distributed"])
    # The oldest openGauss has no such function, and no openGauss is distributed.
    return False if engine is Engine.OPENGAUSS else None


async def _remedies(wire: Wire, answer: Row, engine: Engine) -> tuple[str, ...]:
    """What to run so that our role sees all sessions and may end them.

    With duties separated, a system administrator has neither right.
    """
    login = sql_identifier(wire.decoder.name(answer["login"]).shown)
    administrator = answer["system_admin"] and not answer["duties_separated"]
    remedies: list[str] = []
    if engine is Engine.DWS:
        if not administrator and not await _is_member(wire, _READERS):
            remedies.append(f"GRANT {_READERS} TO {login};")
    elif not administrator and not answer["monitor_admin"]:
        remedies.append(f"ALTER USER {login} MONADMIN;")
    member = administrator or await _is_member(wire, _SIGNALLERS)
    if member is None:
        remedies.append(f"ALTER USER {login} SYSADMIN;")
    elif not member:
        remedies.append(f"GRANT {_SIGNALLERS} TO {login};")
    return tuple(remedies)


async def _is_member(wire: Wire, role: str) -> bool | None:
    """Whether our role is a member; `None` where the server has no such role."""
    row = await _asked(wire, statement(_DIALECT, "membership"), {_UNDEFINED_OBJECT}, role)
    return None if row is None else bool(row["member"])


async def _asked(wire: Wire, sql: str, absent: set[str], *arguments: object) -> Row | None:
    """The one row of an answer; `None` where the server says by SQLSTATE that there is no such thing."""
    try:
        (row,) = await wire.fetch(sql, *arguments)
    except StatementRefusedError as error:
        if error.sqlstate in absent:
            return None
        raise
    return row
