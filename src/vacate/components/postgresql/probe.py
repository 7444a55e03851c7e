"""What a PostgreSQL server is, and what Vacate's role may do there."""

from vacate.components.capabilities import Capabilities
from vacate.components.drivers import Row
from vacate.components.statements import statement
from vacate.components.wire import Wire
from vacate.domain.errors import MissingRightsError
from vacate.domain.texts import sql_identifier

_GRANTS_SAY_WHAT_IS_INHERITED = 16


async def probe(wire: Wire) -> Capabilities:
    """Ask the server which one it is and what may be done there.

    Raises:
        ComponentUnreachableError: it does not answer.
        MissingRightsError: it does not even tell which server it is.
        UnsupportedServerError: it is older than the oldest statement.
    """
    software = wire.software
    (own,) = await wire.fetch(statement("postgresql", "rights", software.major))
    if taken := _taken_away(own):
        raise MissingRightsError(taken)
    (row,) = await wire.fetch(statement("postgresql", "probe", software.major))
    return Capabilities(
        software=software,
        system_identifier=row["system_identifier"],
        in_recovery=row["in_recovery"],
        maximum=row["maximum"],
        reserved=row["reserved"],
        remedies=_remedies(row, software.major),
    )


def _taken_away(own: Row) -> tuple[str, ...]:
    """What gives back what everybody has by default. It counts in one database, so the statement says in which."""
    role, place = sql_identifier(own["login"]), sql_identifier(own["database"]).replace("*/", "* /")
    objects = (*(f"EXECUTE ON FUNCTION {f}" for f in own["functions"]), *(f"SELECT ON {t}" for t in own["relations"]))
    return tuple(f"/* in the database {place} */ GRANT {each} TO {role};" for each in objects)


def _remedies(row: Row, major: int) -> tuple[str, ...]:
    """What gives our role the rights that it lacks.

    Since PostgreSQL 16 each grant says whether it is inherited. Before, the role's own attribute says so for all of
    them, and a grant that is there already is not the one that is missing.
    """
    role = sql_identifier(row["login"])
    lacking = [
        right
        for right, has in (("pg_read_all_stats", row["sees_all_sessions"]), ("pg_signal_backend", row["may_signal"]))
        if not has
    ]
    if major >= _GRANTS_SAY_WHAT_IS_INHERITED:
        return tuple(f"GRANT {right} TO {role} WITH INHERIT TRUE;" for right in lacking)
    grants = [f"GRANT {right} TO {role};" for right in lacking if right not in row["granted"]]
    return (*([f"ALTER ROLE {role} INHERIT;"] if lacking and not row["inherits"] else []), *grants)
