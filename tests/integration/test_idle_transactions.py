"""Sessions that are idle inside a transaction, on real servers and on the double: who went on with it stays."""

import asyncio
import random
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.in_process import COMPONENT, vacate
from tests.support.postgres import VACATE, Client, Clients, LiveServer, eventually
from tests.support.race import statements_cut
from vacate.components.statements import statement
from vacate.demo.servers import Installation, Workplace
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.session import Demand, Session, Victim
from vacate.domain.sweeps.report import Signal
from vacate.operations.ports import Link, Signalled

FLIPPING = 40
ROUNDS = 4


@pytest.fixture(scope="module")
def warehouse(workplace: Workplace, installation: Installation) -> Generator[GaussDouble]:
    """A data warehouse."""
    name = f"idle-transactions-warehouse-{installation.major}"
    double = GaussDouble.start(workplace, name, installation, engine="dws", pool=False)
    yield double
    double.server.stop("immediate")


@pytest.fixture
async def warehouse_clients(warehouse: GaussDouble) -> AsyncGenerator[Clients]:
    """Opens sessions on the data warehouse, and closes them after the test."""
    async with Clients(warehouse) as opened:
        yield opened


def _victim(session: Session) -> Victim:
    assert session.key is not None
    return Victim(
        key=session.key,
        pid=session.pid,
        demand=Demand.SAME_IDLE_TRANSACTION,
        since=session.state_change,
        in_state_for=session.in_state_for,
    )


async def _signals(link: Link, victims: Sequence[Victim]) -> dict[int, Signalled]:
    """What became of each victim, by its session's id."""
    return {each.key.session_id: each async for chunk in link.terminate(victims, frozenset()) for each in chunk}


async def _seen(link: Link, *ids: int) -> list[Victim]:
    """Every one of these sessions as the look finds it, fixed for its end."""
    found = {session.session_id: session for session in (await link.snapshot()).sessions}
    return [_victim(found[each]) for each in ids]


async def _go_on(server: LiveServer, clients: Clients) -> dict[str, tuple[Client, str]]:
    """One session for each way in which a transaction goes on or ends, with the statement that does it."""
    server.server.psql("CREATE TABLE IF NOT EXISTS public.bookings (id int); GRANT ALL ON public.bookings TO app")
    return {
        "works on": (await clients.idle("BEGIN"), "SELECT 1"),
        "commits": (await clients.idle("BEGIN", "INSERT INTO public.bookings VALUES (7)"), "COMMIT"),
        "begins anew": (await clients.idle("BEGIN"), "COMMIT; BEGIN"),
        "rolls a failed one back": (await clients.aborted(), "ROLLBACK"),
    }


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


async def test_who_is_still_idle_in_its_transaction_ends_and_the_transaction_is_rolled_back(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql("CREATE TABLE IF NOT EXISTS public.bookings (id int); GRANT ALL ON public.bookings TO app")
    waiting = await clients.idle("BEGIN", "INSERT INTO public.bookings VALUES (1)")
    failed, other = await clients.aborted(), await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        answers = await _signals(link, await _seen(link, waiting.pid, failed.pid))

    assert {pid: each.signal for pid, each in answers.items()} == {
        waiting.pid: Signal.SIGNALLED,
        failed.pid: Signal.SIGNALLED,
    }
    await eventually(lambda: _are_gone(server, waiting.pid, failed.pid))
    assert await server.ask("SELECT FROM public.bookings") == []
    await other.use("COMMIT")


async def test_who_went_on_with_its_transaction_or_ended_it_stays(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    going_on = await _go_on(server, clients)
    pids = [client.pid for client, _ in going_on.values()]
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        victims = await _seen(link, *pids)
        for client, words in going_on.values():
            await client.use(words)
        answers = await _signals(link, victims)

    assert {name: answers[client.pid].signal for name, (client, _) in going_on.items()} == dict.fromkeys(
        going_on, Signal.WOKE
    )
    said = answers[going_on["commits"][0].pid].reason
    assert said == "it was used since the look, or its transaction ended (state now: idle)"
    assert all([await client.is_alive() for client, _ in going_on.values()])
    await clients.idle("TRUNCATE public.bookings")


async def test_who_is_in_the_middle_of_a_statement_stays(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    client = await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        victims = await _seen(link, client.pid)
        client.statement = asyncio.create_task(client.connection.execute("SELECT pg_sleep(600)"))
        await eventually(lambda: server.pids("pid = $1 AND state = 'active'", client.pid))
        answers = await _signals(link, victims)
    assert answers[client.pid].signal is Signal.WOKE
    assert client.pid in await server.pids("state = 'active'")


async def test_an_idle_session_without_a_transaction_is_not_what_was_meant(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        answers = await _signals(link, await _seen(link, client.pid))
    assert answers[client.pid].signal is Signal.WOKE
    assert await client.is_alive()


async def test_a_session_that_got_the_pid_of_one_that_was_idle_in_a_transaction_lives(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        (victim,) = await _seen(link, client.pid)
        earlier = victim.key.backend_start - timedelta(microseconds=1)
        answers = await _signals(link, [replace(victim, key=replace(victim.key, backend_start=earlier))])
    assert answers[client.pid].signal is Signal.GONE
    assert await client.is_alive()


async def test_the_demand_is_met_by_nobody_when_it_says_since_nothing(server: LiveServer, clients: Clients) -> None:
    client = await clients.idle("BEGIN")
    (row,) = await server.ask("SELECT backend_start FROM pg_stat_activity WHERE pid = $1", client.pid)
    (answer,) = await (await clients.open(user=VACATE)).connection.fetch(
        statement("postgresql", "terminate", server.major),
        *([client.pid], [row["backend_start"]], [None], 1, True, True, Demand.SAME_IDLE_TRANSACTION),
    )
    assert answer["signal"] == "woke"


async def _hop(client: Client) -> None:
    """Short statements in one transaction, with pauses of no rhythm, until the session is ended."""
    pause = random.Random(client.pid)  # noqa: S311 - no secret, only no rhythm.
    try:
        while True:
            await asyncio.sleep(pause.uniform(0.001, 0.01))
            await client.connection.execute("SELECT pg_sleep(0.005)")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return


async def test_no_statement_is_cut_off_in_sessions_that_hop_between_idle_and_busy_in_a_transaction(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    """The server's log is the judge; the load has teeth when some of the victims woke and some did not."""
    server.server.psql("ALTER SYSTEM SET log_min_error_statement = 'fatal'; SELECT pg_reload_conf();")
    cut_before = len(statements_cut(server))
    hopping = [await clients.idle("BEGIN") for _ in range(FLIPPING)]
    tasks = [asyncio.create_task(_hop(client)) for client in hopping]
    signals: list[Signal] = []
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        for _ in range(ROUNDS):
            victims = [
                _victim(each) for each in (await link.snapshot()).sessions if each.state == "idle in transaction"
            ]
            signals += [each.signal for each in (await _signals(link, victims)).values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {Signal.SIGNALLED, Signal.WOKE} <= set(signals)
    assert statements_cut(server)[cut_before:] == []


# --- the Gauss family ------------------------------------------------------------------------------------------------


async def test_in_the_gauss_family_who_is_still_idle_in_its_transaction_ends(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    waiting, failed = await gauss_clients.idle("BEGIN"), await gauss_clients.aborted()
    ids = [await gauss_server.sessionid_of(client.pid) for client in (waiting, failed)]
    async with vacate(tmp_path, gauss_server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        answers = await _signals(link, await _seen(link, *ids))
    assert {each: answers[each].signal for each in ids} == dict.fromkeys(ids, Signal.SIGNALLED)
    await eventually(lambda: _are_gone(gauss_server, waiting.pid, failed.pid))


async def test_in_the_gauss_family_who_went_on_with_its_transaction_or_ended_it_stays(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    going_on = await _go_on(gauss_server, gauss_clients)
    idle = await gauss_clients.idle()
    ids = {name: await gauss_server.sessionid_of(client.pid) for name, (client, _) in going_on.items()}
    idle_id = await gauss_server.sessionid_of(idle.pid)
    before = len(gauss_server.asked_to_end())
    async with vacate(tmp_path, gauss_server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        victims = await _seen(link, *ids.values(), idle_id)
        for client, words in going_on.values():
            await client.use(words)
        answers = await _signals(link, victims)
    assert {each.signal for each in answers.values()} == {Signal.WOKE}
    assert len(answers) == len(going_on) + 1
    assert gauss_server.asked_to_end()[before:] == []
    assert all([await client.is_alive() for client, _ in going_on.values()])


async def test_a_data_warehouse_goes_by_the_same_demand(
    warehouse: GaussDouble, warehouse_clients: Clients, tmp_path: Path
) -> None:
    waiting, works_on = await warehouse_clients.idle("BEGIN"), await warehouse_clients.idle("BEGIN")
    threads = [await warehouse.pid_of(client.pid) for client in (waiting, works_on)]
    async with vacate(tmp_path, warehouse.dsn()) as service, service.gateway.link(COMPONENT) as link:
        victims = await _seen(link, *(each for each in threads if each is not None))
        await works_on.use("SELECT 1")
        answers = await _signals(link, victims)
    assert [answers[each or 0].signal for each in threads] == [Signal.SIGNALLED, Signal.WOKE]
    assert await works_on.is_alive()


async def _are_gone(server: LiveServer, *pids: int) -> bool:
    return not await server.pids("pid = ANY($1::int[])", list(pids))


# --- an answer that the client has not got yet -----------------------------------------------------------------------

MOST_ROWS = 4000
_ROW = "SELECT repeat('x', 1000) FROM generate_series(1, {rows})"


async def _left_with_its_answer(server: LiveServer, client: Client, state: str) -> None:
    """Let the session say that it is idle while the end of its answer waits for the client, which reads nothing.

    The server reports the state and then sends what is left in its buffer. How long an answer must be for exactly
    that to get stuck depends on the machine, so it is searched for.
    """
    fits, too_long = 0, MOST_ROWS
    transport = client.connection._transport  # pyright: ignore[reportPrivateUsage] - only so can a client be made not to read.
    while too_long - fits > 1:
        rows = (fits + too_long) // 2
        transport.pause_reading()
        client.statement = asyncio.create_task(client.connection.execute(_ROW.format(rows=rows)))
        found = await _stuck_or_done(server, client.pid, rows)
        if found == (state, "ClientWrite"):
            return
        fits, too_long = (fits, rows) if found[0] == "active" else (rows, too_long)
        transport.resume_reading()
        await client.statement
    raise AssertionError("no answer is of the length that gets stuck at its end")


async def _stuck_or_done(server: LiveServer, pid: int, rows: int) -> tuple[str, str]:
    found: list[tuple[str, str]] = []

    async def settled() -> bool:
        seen = await server.ask("SELECT state, wait_event, query FROM pg_stat_activity WHERE pid = $1", pid)
        (state, waits, query) = seen[0]
        if query == _ROW.format(rows=rows) and waits in {"ClientRead", "ClientWrite"}:
            found.append((state, waits))
        return bool(found)

    await eventually(settled)
    return found[0]


@pytest.mark.parametrize(
    ("demand", "state"),
    [(Demand.SAME_IDLE_PERIOD, "idle"), (Demand.SAME_IDLE_TRANSACTION, "idle in transaction")],
)
async def test_who_has_not_sent_the_whole_answer_yet_is_not_idle_whatever_its_state_says(
    server: LiveServer, clients: Clients, tmp_path: Path, demand: Demand, state: str
) -> None:
    client = await clients.local()
    await client.use("BEGIN" if state != "idle" else "SELECT 1")
    await _left_with_its_answer(server, client, state)
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        (victim,) = await _seen(link, client.pid)
        victims = [replace(victim, demand=demand)]
        answers = [
            each async for chunk in link.terminate(victims, frozenset({GuardName.NO_CLIENT_ADDRESS})) for each in chunk
        ]
    assert [each.signal for each in answers] == [Signal.WOKE]
    client.connection._transport.resume_reading()  # pyright: ignore[reportPrivateUsage] - only so can a client be made not to read.
    assert client.statement is not None
    assert await client.statement
    assert await client.is_alive()
