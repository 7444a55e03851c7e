"""What a PostgreSQL server is, and what Vacate's role may do there."""

from vacate.domain.errors import MissingRightsError
from vacate.domain.texts import sql_identifier
from vacate.engines.capabilities import Capabilities
from vacate.engines.statements import statement
from vacate.engines.wire import StatementRefusedError, Wire

_INSUFFICIENT_PRIVILEGE = "42501"


async def probe(wire: Wire) -> Capabilities:
    """Ask the server which one it is and what may be done there.

    Raises:
        ComponentUnreachableError: it does not answer.
        MissingRightsError: it does not even tell which server it is.
        UnsupportedServerError: it is older than the oldest statement.
    """
    software = wire.software
    try:
        (row,) = await wire.fetch(statement("postgresql", "probe", software.major))
    except StatementRefusedError as error:
        if error.sqlstate == _INSUFFICIENT_PRIVILEGE:
            raise MissingRightsError(["GRANT EXECUTE ON FUNCTION pg_control_system() TO the role;"]) from error
        raise
    lacking = {"pg_read_all_stats": not row["sees_all_sessions"], "pg_signal_backend": not row["may_signal"]}
    login = sql_identifier(wire.decoder.name(row["login"]).shown)
    return Capabilities(
        software=software,
        system_identifier=row["system_identifier"],
        in_recovery=row["in_recovery"],
        remedies=tuple(f"GRANT {right} TO {login};" for right, lacks in lacking.items() if lacks),
    )
