"""Which refused login may be tried again by itself, and what a person is told."""

import pytest

from vacate.components.recognition import ServerSoftware
from vacate.components.refusals import LockingLoginError, login_problem, plain
from vacate.domain.topology.servers import Engine

GAUSS, POSTGRESQL = "gaussdb://vacate@db1/postgres", "postgresql://vacate@db1/postgres"
OPENGAUSS = ServerSoftware(engine=Engine.OPENGAUSS, version="6.0.2")


class _SaidError(Exception):
    """What a server said."""

    def __init__(self, sqlstate: str, words: str) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


DENIED = _SaidError("28P01", "Invalid username/password,login denied.")
LOCKED = _SaidError("28000", "The account has been locked.")
NO_RULE = _SaidError("28000", 'no pg_hba.conf entry for host "10.0.0.5", user "vacate", database "postgres", SSL off')
IN_CHINESE = _SaidError("28000", "账户已被锁定.")


@pytest.mark.parametrize(
    ("error", "dsn", "software", "locks"),
    [
        (DENIED, GAUSS, None, True),
        (DENIED, POSTGRESQL, None, True),
        (LOCKED, GAUSS, None, True),
        (LOCKED, POSTGRESQL, None, True),
        (IN_CHINESE, GAUSS, None, True),
        (IN_CHINESE, POSTGRESQL, OPENGAUSS, True),
        (NO_RULE, GAUSS, None, False),
        (NO_RULE, POSTGRESQL, OPENGAUSS, False),
        (_SaidError("28P01", 'password authentication failed for user "vacate"'), POSTGRESQL, None, False),
        (_SaidError("28000", 'role "vacate" is not permitted to log in'), POSTGRESQL, None, False),
    ],
)
def test_what_may_lock_a_role_is_told_apart(
    error: _SaidError, dsn: str, software: ServerSoftware | None, *, locks: bool
) -> None:
    problem = login_problem(error, dsn, software)
    assert "login refused: " in str(problem)
    assert isinstance(problem, LockingLoginError) is locks


def test_a_connection_that_ended_is_told_in_our_words() -> None:
    assert (
        plain(_SaidError("08003", "connection was closed in the middle of operation")) == "the server closed the link"
    )
