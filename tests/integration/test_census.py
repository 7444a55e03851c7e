"""A census of real servers counts what the server itself tells a superuser, and stands in no sweep's way."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.support.in_process import COMPONENT, COORDINATOR, INSTANCE, PROJECT, Vacate, session_ids, vacate
from tests.support.postgres import Client, Clients, LiveServer, eventually
from tests.support.proxy import LinkProxy
from tests.support.watched import inventory_of
from vacate.domain.census import Census, Uncounted
from vacate.domain.sessions import ABORTED, IDLE, IN_TRANSACTION
from vacate.domain.sweeps import Outcome
from vacate.domain.topology import Instance
from vacate.engines.timeouts import Timeouts
from vacate.operations.clock import utc_now
from vacate.operations.take_census import TakeCensus

QUICKLY = timedelta(seconds=0.5)
IMPATIENT = Timeouts(connect=timedelta(seconds=2), answer=timedelta(seconds=2))

# The view and its columns, and nothing that Vacate's own statements use.
WITNESS = """
SELECT state, datname, usename, count(*)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND usename = 'app'
 GROUP BY state, datname, usename
"""


async def checked(service: Vacate) -> None:
    """Every server was reached once: a census leaves out those of which nothing is known."""
    for component in service.components:
        async with service.gateway.link(component):
            pass


async def census(service: Vacate, *, within: timedelta = timedelta(seconds=20)) -> tuple[Census | Uncounted, ...]:
    instance = Instance(project_id=PROJECT, id=INSTANCE, name="shop", components=service.components)
    take = TakeCensus(inventory=inventory_of(instance), gateway=service.gateway, clock=utc_now, answer_within=within)
    return await take()


async def _are(sessions: int, witness: Client) -> bool:
    """Whether there are so many client sessions."""
    return sessions == await witness.connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )


async def test_every_session_is_counted_as_the_server_tells_it(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    await clients.many_idle(3)
    await clients.idle("BEGIN")
    await clients.aborted()
    await clients.active()
    witness = await clients.open(user="postgres")
    async with vacate(tmp_path, server.dsn()) as service:
        await checked(service)
        # Whoever opened the server, or closed the sessions of the last test, may still be on its way out.
        await eventually(lambda: _are(8, witness))
        (found,) = await census(service)
        told = await witness.connection.fetch(WITNESS)
        room = await witness.connection.fetchval("SELECT current_setting('max_connections')::int")
    assert isinstance(found, Census)
    counted = {(c.state, c.database, c.user): c.sessions for c in found.counts}
    assert {key: n for key, n in counted.items() if key[2] == "app"} == {
        (row["state"], row["datname"], row["usename"]): row["count"] for row in told
    }
    by_user = Counter[str]()
    for (_, _, user), sessions in counted.items():
        by_user[user] += sessions
    assert by_user == {"app": 6, "postgres": 1, "vacate": 1}
    assert sum(by_user.values()) == found.slots.used == 8
    assert found.slots.maximum == room


async def test_the_longest_wait_is_measured_by_the_servers_clock(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    waits = await clients.idle("BEGIN")
    witness = await clients.open(user="postgres")

    async def waited() -> timedelta:
        span: timedelta = await witness.connection.fetchval(
            "SELECT clock_timestamp() - state_change FROM pg_stat_activity WHERE pid = $1", waits.pid
        )
        return span

    async with vacate(tmp_path, server.dsn()) as service:
        await checked(service)
        at_least = await waited()
        (found,) = await census(service)
        at_most = await waited()
    assert isinstance(found, Census)
    assert at_least <= found.longest[IN_TRANSACTION] <= at_most
    assert found.longest[ABORTED] == timedelta(0)
    assert found.longest[IDLE] >= timedelta(0)


async def test_a_server_that_says_nothing_is_left_out_and_its_link_is_good_again_afterwards(
    server: LiveServer, proxy: LinkProxy, clients: Clients, tmp_path: Path
) -> None:
    await clients.idle()
    servers = {COORDINATOR: server.dsn(), COMPONENT: server.dsn(port=proxy.port)}
    async with vacate(tmp_path, servers, timeouts=IMPATIENT) as service:
        await checked(service)
        proxy.stall()
        other, silent = await census(service, within=QUICKLY)
        proxy.resume()
        assert isinstance(other, Census)
        assert isinstance(silent, Uncounted)
        assert silent.reason.endswith("dn_6001: no answer within 0.5 s")
        _, again = await census(service)
        assert isinstance(again, Census)


async def test_a_server_that_nobody_has_checked_yet_is_not_logged_in_to(
    server: LiveServer, proxy: LinkProxy, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        (found,) = await census(service, within=QUICKLY)
    assert isinstance(found, Uncounted)
    assert proxy.accepted == 0


async def test_a_sweep_ends_its_victims_while_a_census_goes_without(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    victims = await clients.many_idle(2)
    async with vacate(tmp_path, server.dsn()) as service:
        await checked(service)
        go_on = asyncio.Event()
        looked = asyncio.Event()

        async def wait() -> None:
            looked.set()
            await go_on.wait()

        service.meanwhile.after_look = wait
        sweep = asyncio.create_task(service.sweep())
        await looked.wait()
        (meanwhile,) = await census(service, within=QUICKLY)
        go_on.set()
        report = await sweep
        (afterwards,) = await census(service)
    assert isinstance(meanwhile, Uncounted)
    assert session_ids(report, Outcome.TERMINATED) == {victim.pid for victim in victims}
    assert isinstance(afterwards, Census)
    assert {c.user for c in afterwards.counts} & {"app", "vacate"} == {"vacate"}
