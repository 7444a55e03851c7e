"""Connection pools: what becomes of the next requests when idle connections were ended, and which setting helps.

Every pool is a program of its own, with the settings of its makers but for the size.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.neighbours.beside import PROGRAMS, Talker, talking
from tests.support.in_process import session_ids, vacate
from tests.support.postgres import APP, LiveServer, eventually
from vacate.domain.judging.criteria import Criteria, idle_for
from vacate.domain.judging.limits import Grouping, Limits
from vacate.domain.sweeps.report import Outcome

NODE = Path(sys.executable).with_name("node")
NODE_POOL = PROGRAMS.with_name("node") / "pool.cjs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool of some client library: its program, how many sessions it keeps, and their last statement."""

    name: str
    command: tuple[str | Path, ...]
    size: int = 4
    last_statement: str
    failed: range | None
    """How many of the next requests may fail without the setting; `None` for a process that exits."""

    def __str__(self) -> str:
        return self.name


def _python(name: str) -> tuple[str | Path, ...]:
    return (sys.executable, PROGRAMS / f"{name}_requests.py")


POOLS = (
    Pool(name="psycopg_pool", command=_python("psycopg_pool"), last_statement="", failed=range(4, 5)),
    Pool(name="sqlalchemy", command=_python("sqlalchemy"), last_statement="ROLLBACK", failed=range(1, 2)),
    Pool(
        name="asyncpg",
        command=_python("asyncpg"),
        last_statement="SELECT pg_advisory_unlock_all",
        failed=range(1, 5),  # As its loop gets a turn between two requests, or not.
    ),
    Pool(name="django", command=_python("django"), size=1, last_statement="SELECT 1", failed=range(1, 2)),
    Pool(
        name="node-postgres",
        command=(NODE, PROGRAMS.with_name("node") / "pool.cjs"),
        last_statement="SELECT 1",
        failed=None,
    ),
)


@asynccontextmanager
async def serving(pool: Pool, server: LiveServer, *, checked: bool) -> AsyncGenerator[Talker]:
    """The pool's program with its sessions open and idle."""
    async with talking(pool.command, DSN=server.dsn(APP), CHECKED="1" if checked else "0") as service:
        await eventually(lambda: _all_idle(pool, server))
        yield service
    await eventually(lambda: _nobody(server))


async def _all_idle(pool: Pool, server: LiveServer) -> bool:
    return len(await server.pids("usename = 'app' AND state = 'idle'")) == pool.size


async def _nobody(server: LiveServer) -> bool:
    return not await server.pids("usename = 'app'")


@pytest.mark.parametrize("pool", POOLS, ids=str)
async def test_a_pools_sessions_have_no_name_and_a_sweep_without_a_threshold_ends_them(
    pool: Pool, server: LiveServer, tmp_path: Path
) -> None:
    async with serving(pool, server, checked=True), vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    met = [entry for entry in report.sessions if entry.session.user == APP]
    assert [entry.outcome for entry in met] == [Outcome.TERMINATED] * pool.size
    assert {entry.session.application for entry in met} == {""}
    assert all((entry.session.query or "").lstrip().startswith(pool.last_statement) for entry in met)


@pytest.mark.parametrize("pool", POOLS, ids=str)
async def test_a_threshold_of_minutes_leaves_a_pool_that_is_in_use_alone(
    pool: Pool, server: LiveServer, tmp_path: Path
) -> None:
    patient = Criteria(states=idle_for(timedelta(minutes=5)))
    async with (
        serving(pool, server, checked=False) as requests,
        vacate(tmp_path, server.dsn(), criteria=patient) as service,
    ):
        report = await service.sweep()
        answers = await requests.requests(pool.size)

    assert not session_ids(report, Outcome.TERMINATED)
    assert answers == ["ok"] * pool.size


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool.failed is not None], ids=str)
async def test_without_its_setting_requests_fail_after_a_sweep_until_the_pool_has_recovered(
    pool: Pool, server: LiveServer, tmp_path: Path
) -> None:
    async with serving(pool, server, checked=False) as requests, vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        answers = await requests.requests(2 * pool.size)

    assert pool.failed is not None
    assert len(answers) - answers.count("ok") in pool.failed, answers
    assert answers[-1] == "ok"


@pytest.mark.parametrize("pool", POOLS, ids=str)
async def test_with_its_setting_no_request_fails_after_a_sweep(pool: Pool, server: LiveServer, tmp_path: Path) -> None:
    async with serving(pool, server, checked=True) as requests, vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()
        answers = await requests.requests(2 * pool.size)

    assert len(session_ids(report, Outcome.TERMINATED)) == pool.size
    assert answers == ["ok"] * (2 * pool.size)


async def test_a_node_process_that_does_not_handle_its_pools_errors_exits(server: LiveServer, tmp_path: Path) -> None:
    node = POOLS[-1]
    async with serving(node, server, checked=False) as requests, vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        assert await requests.says() == ""
        assert await asyncio.to_thread(requests.process.wait) != 0


async def test_a_pool_without_names_keeps_its_youngest_per_user(server: LiveServer, tmp_path: Path) -> None:
    pool = POOLS[0]
    kept = replace(Criteria(), limits=Limits(group_by=(Grouping.USER,), keep_youngest=pool.size))
    async with (
        serving(pool, server, checked=False) as requests,
        vacate(tmp_path, server.dsn(), criteria=kept) as service,
    ):
        report = await service.sweep()
        answers = await requests.requests(pool.size)

    assert not session_ids(report, Outcome.TERMINATED)
    assert answers == ["ok"] * pool.size
