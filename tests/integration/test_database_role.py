"""The page about the database role, done as written on real servers: the role can do its work, and not without it."""

import asyncio
import re
import time
from collections.abc import Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from tests.support.in_process import vacate
from tests.support.postgres import APP, PASSWORD, VACATE, LiveServer
from vacate.demo.servers import THROWAWAY, Installation, Server, Workplace
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError
from vacate.domain.sweeps.report import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "database-role.md"
STATEMENT = re.compile(r"^```sql(?P<marks>[^\n]*)\n(?P<sql>.*?)^```$", re.MULTILINE | re.DOTALL)

_RESERVED_SINCE = 16
_RESERVED = 2  # as the page says
_FEW = {"max_connections": "8", "superuser_reserved_connections": "1", "shared_buffers": "16MB"}
_FILLED_S = 15.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A block of SQL in the page. `since` is the first version that it is for."""

    sql: str
    since: int
    as_vacate: bool


def statements() -> tuple[Statement, ...]:
    return tuple(
        Statement(
            sql=found["sql"].replace("change-me", PASSWORD),
            since=int((re.search(r"since=(\d+)", found["marks"]) or [0, 0])[1]),
            as_vacate="as=vacate" in found["marks"],
        )
        for found in STATEMENT.finditer(PAGE.read_text(encoding="utf-8"))
    )


@pytest.fixture(scope="module")
def server(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """A small server whose administrator has followed the page, and that has an application's role besides."""
    made = Server.create(workplace, f"role-{installation.major}", installation, settings={**THROWAWAY, **_FEW})
    made.start()
    for statement in statements():
        if not statement.as_vacate and installation.major >= statement.since:
            made.psql(statement.sql)
    made.psql("CREATE ROLE app LOGIN PASSWORD :'password';", variables={"password": PASSWORD})
    made.restart()
    yield LiveServer(server=made)
    made.stop("immediate")


async def test_the_check_of_the_page_finds_every_right(server: LiveServer) -> None:
    (check,) = (statement.sql for statement in statements() if statement.as_vacate)
    session = await asyncpg.connect(server.dsn(VACATE))
    try:
        rights = await session.fetchrow(check)
    finally:
        await session.close()
    assert rights is not None
    assert dict(rights) == {"sees_all_sessions": True, "may_signal": True, "knows_the_server": True}


async def test_the_role_is_no_superuser(server: LiveServer) -> None:
    assert server.server.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'vacate'") == "f"


async def test_a_sweep_works_with_the_role(server: LiveServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(vacate(tmp_path, server.dsn()))
        idle = await _logged_in(stack, server)
        report = await service.sweep()
        outcomes = {entry.session.pid: entry.outcome for entry in report.sessions}
    assert outcomes[idle] is Outcome.TERMINATED
    assert report.succeeded


@pytest.mark.parametrize("right", ["pg_read_all_stats", "pg_signal_backend"])
async def test_a_right_that_is_missing_is_named_with_the_statement_to_run(
    server: LiveServer, tmp_path: Path, right: str
) -> None:
    server.server.psql(f"REVOKE {right} FROM vacate")
    async with vacate(tmp_path, server.dsn()) as service:
        with pytest.raises(MissingRightsError) as missing:
            await service.sweep()
        assert len(missing.value.remedies) == 1
        server.server.psql(missing.value.remedies[0])
        assert (await service.sweep()).succeeded


async def test_the_remedy_of_the_page_gives_the_system_identifier_back(server: LiveServer, tmp_path: Path) -> None:
    (remedy,) = re.findall(r"`(GRANT EXECUTE [^`]+;)`", PAGE.read_text(encoding="utf-8"))
    server.server.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    async with vacate(tmp_path, server.dsn()) as service:
        with pytest.raises(MissingRightsError, match="pg_control_system"):
            await service.sweep()
        server.server.psql(remedy)
        assert (await service.sweep()).succeeded


async def test_the_role_gets_in_when_no_slot_is_left_where_slots_can_be_kept(
    server: LiveServer, tmp_path: Path
) -> None:
    kept = _RESERVED if server.major >= _RESERVED_SINCE else 0
    slots = int(_FEW["max_connections"]) - int(_FEW["superuser_reserved_connections"]) - kept
    async with AsyncExitStack() as stack:
        await _fill(stack, server, slots)
        service = await stack.enter_async_context(vacate(tmp_path, server.dsn()))
        if not kept:
            with pytest.raises(ComponentUnreachableError, match="no connection slot is left for Vacate's role"):
                await service.sweep()
            return
        report = await service.sweep()
    assert report.succeeded
    assert report.counts[Outcome.TERMINATED] == slots


async def _fill(stack: AsyncExitStack, server: LiveServer, slots: int) -> None:
    """Log in until every slot is the application's; those of earlier sessions come free in a moment."""
    deadline = time.monotonic() + _FILLED_S
    filled = 0
    while filled < slots:
        try:
            await _logged_in(stack, server)
            filled += 1
        except asyncpg.TooManyConnectionsError:
            assert time.monotonic() < deadline, f"only {filled} of {slots} slots came free"
            await asyncio.sleep(_POLL_S)
    with pytest.raises(asyncpg.TooManyConnectionsError):
        await _logged_in(stack, server)


async def _logged_in(stack: AsyncExitStack, server: LiveServer) -> int:
    """Log in as the application and stay idle until the stack is closed."""
    session = await asyncpg.connect(server.dsn(APP))
    stack.push_async_callback(session.close, timeout=5)
    return session.get_server_pid()
