"""A pooler between Vacate and the server is recognised, and nobody is ended through it."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest

from tests.support.in_process import session_ids, vacate
from tests.support.pooler import PoolMode, pgbouncer, through
from tests.support.postgres import Clients, LiveServer
from tests.support.proxy import LinkProxy
from vacate.components.own_session import postgresql_settings
from vacate.components.pooling import PoolerInBetweenError, pooler_refusal, refuse_pooler
from vacate.components.timeouts import Timeouts
from vacate.components.wire import Wire
from vacate.domain.sweeps.report import Outcome

MODES: tuple[PoolMode, ...] = ("session", "transaction", "statement")
# What an operator has to write there so that a login of ours goes through at all.
EVERYTHING = ",".join(postgresql_settings("", Timeouts()))


@pytest.fixture(params=MODES)
def lenient(server: LiveServer, request: pytest.FixtureRequest) -> Generator[int]:
    """A PgBouncer that drops whatever a login asks for."""
    mode: PoolMode = request.param
    with pgbouncer(server, mode, ignored=EVERYTHING) as port:
        yield port


async def test_a_pooler_that_drops_what_we_ask_for_is_refused(
    server: LiveServer, clients: Clients, lenient: int, tmp_path: Path
) -> None:
    idle = await clients.idle()
    async with vacate(tmp_path, through(server.dsn(), lenient)) as service:
        with pytest.raises(PoolerInBetweenError, match="let the DSN name the database server itself"):
            await service.sweep()
        assert "a connection pooler stands between" in (service.problem() or "")
        with pytest.raises(PoolerInBetweenError):
            await service.sweep()
    assert await idle.is_alive()


async def test_a_pooler_that_refuses_what_we_ask_for_is_called_one(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    with pgbouncer(server, "transaction") as port:
        async with vacate(tmp_path, through(server.dsn(), port)) as service:
            with pytest.raises(PoolerInBetweenError, match="unsupported startup parameter"):
                await service.sweep()
    assert await idle.is_alive()


async def test_a_pooler_whose_sessions_others_have_used_is_refused(server: LiveServer, lenient: int) -> None:
    """What they prepared there must not hide that it is a pooler."""
    dsn = through(server.dsn(), lenient)
    other = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        # The driver counts its statements by hexadecimal numbers, from 1 in each program.
        await other.execute(";".join(f"PREPARE __asyncpg_stmt_{number:x}__ AS SELECT 1" for number in range(1, 5000)))
        wires = [Wire(dsn, Timeouts()) for _ in range(4)]
        refused = await asyncio.gather(*(wire.connect() for wire in wires), return_exceptions=True)
    finally:
        other.terminate()
    assert [type(each) for each in refused] == [PoolerInBetweenError] * len(wires)


async def test_a_plain_forwarder_of_connections_is_no_pooler(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    async with LinkProxy(server.port) as proxy, vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}


def test_a_session_that_is_older_than_its_login_is_a_poolers() -> None:
    with pytest.raises(PoolerInBetweenError, match="older than the login"):
        refuse_pooler(announced=7, answering=(7, 7), age_s=60.0, login_took_s=0.1)


def test_two_backends_that_answer_one_client_are_a_poolers() -> None:
    with pytest.raises(PoolerInBetweenError, match="two different backends"):
        refuse_pooler(announced=7, answering=(7, 8), age_s=0.0, login_took_s=0.1)


@pytest.mark.parametrize("age_s", [None, 0.0, 2.0])
def test_a_session_as_old_as_its_login_is_our_own(age_s: float | None) -> None:
    refuse_pooler(announced=7, answering=(7, 7), age_s=age_s, login_took_s=0.1)


def test_other_refusals_are_no_poolers() -> None:
    assert pooler_refusal("28P01", "password authentication failed") is None
