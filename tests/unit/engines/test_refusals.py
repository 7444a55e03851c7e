"""What a refused login is told as: what happened, and what helps on this very server."""

import pytest

from vacate.domain.servers import Engine
from vacate.engines.recognition import ServerSoftware
from vacate.engines.refusals import login_problem

DSN = "postgresql://va%22c%20ate:s3cret@db:5432/postgres"


class _RefusalError(Exception):
    """A server's refusal, as a driver has it."""

    def __init__(self, sqlstate: str, function: str = "InitPostgres") -> None:
        self.sqlstate = sqlstate
        self.server_source_function = function
        super().__init__("remaining connection slots are reserved")


def _software(version: str, engine: Engine = Engine.POSTGRESQL) -> ServerSoftware:
    return ServerSoftware(engine=engine, version=version)


@pytest.mark.parametrize(
    ("software", "advised", "not_advised"),
    [
        (_software("18.6"), ('GRANT pg_use_reserved_connections TO "va""c ate";',), ("superuser_reserved",)),
        (_software("15.18"), ("superuser_reserved_connections",), ("pg_use_reserved_connections",)),
        (_software("6.0.0", Engine.OPENGAUSS), ("max_connections",), ("pg_use_reserved_connections",)),
        (None, ("16 and newer", "pg_use_reserved_connections", "max_connections"), ()),
    ],
    ids=["18", "15", "openGauss", "never seen"],
)
def test_where_no_slot_is_left_the_advice_is_one_that_the_server_can_follow(
    software: ServerSoftware | None, advised: tuple[str, ...], not_advised: tuple[str, ...]
) -> None:
    told = str(login_problem(_RefusalError("53300"), DSN, software))
    assert all(word in told for word in advised)
    assert not any(word in told for word in not_advised)
    assert "s3cret" not in told


def test_a_limit_of_the_role_itself_is_told_from_a_full_server() -> None:
    told = str(login_problem(_RefusalError("53300", "InitializeSessionUserId"), DSN, _software("18.6")))
    assert 'ALTER ROLE "va""c ate" CONNECTION LIMIT -1;' in told
    assert "reserved_connections" not in told


def test_a_limit_of_the_database_is_told_from_a_full_server() -> None:
    told = str(login_problem(_RefusalError("53300", "CheckMyDatabase"), DSN, _software("18.6")))
    assert "CONNECTION LIMIT" in told
    assert "reserved_connections" not in told
