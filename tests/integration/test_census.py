"""A census of real servers counts what the server itself tells a superuser, and stands in no sweep's way."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.support.in_process import COMPONENT, COORDINATOR, INSTANCE, PROJECT, Vacate, session_ids, vacate
from tests.support.postgres import Client, Clients, LiveServer, eventually
from tests.support.proxy import LinkProxy
from tests.support.watched import inventory_of
from vacate.components.agent import GatewaySettings
from vacate.components.timeouts import Timeouts
from vacate.domain.sessions.census import Census, Uncounted
from vacate.domain.sessions.session import ABORTED, IDLE, IN_TRANSACTION
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import Component, Instance
from vacate.operations.clock import utc_now
from vacate.operations.reading.take_census import TakeCensus

FOR_LONG = timedelta(minutes=1)
IMPATIENT = Timeouts(connect=timedelta(seconds=2), answer=timedelta(seconds=2))
OFTEN = GatewaySettings(read_every=timedelta(milliseconds=100))

# The view and its columns, and nothing that Vacate's own statements use.
WITNESS = """
SELECT state, datname, usename, count(*)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND usename = 'app'
 GROUP BY state, datname, usename
"""


async def read_all(service: Vacate) -> None:
    """Have every server read, as its agent does again and again."""
    for component in service.components:
        await service.gateway.snapshot(component)


async def census(service: Vacate) -> tuple[Census | Uncounted, ...]:
    instance = Instance(project_id=PROJECT, id=INSTANCE, name="shop", components=service.components)
    inventory = inventory_of(instance)
    return await TakeCensus(inventory=inventory, gateway=service.gateway, clock=utc_now, good_for=FOR_LONG)()


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
        await service.gateway.snapshot(service.components[0])
        # Whoever opened the server, or closed the sessions of the last test, may still be on its way out.
        await eventually(lambda: _are(8, witness))
        await read_all(service)
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
        at_least = await waited()
        await read_all(service)
        (found,) = await census(service)
        at_most = await waited()
    assert isinstance(found, Census)
    assert at_least <= found.longest[IN_TRANSACTION] <= at_most
    assert found.longest[ABORTED] == timedelta(0)
    assert found.longest[IDLE] >= timedelta(0)


async def test_a_server_that_says_nothing_is_left_out_and_counted_again_afterwards(
    server: LiveServer, proxy: LinkProxy, clients: Clients, tmp_path: Path
) -> None:
    await clients.idle()
    servers = {COORDINATOR: server.dsn(), COMPONENT: server.dsn(port=proxy.port)}
    async with vacate(tmp_path, servers, timeouts=IMPATIENT, settings=OFTEN) as service:
        service.gateway.start()
        await eventually(lambda: _are_counted(service, {COORDINATOR, COMPONENT}))
        proxy.stall()
        await eventually(lambda: _are_counted(service, {COORDINATOR}))
        proxy.resume()
        await eventually(lambda: _are_counted(service, {COORDINATOR, COMPONENT}))


async def _are_counted(service: Vacate, components: set[Component]) -> bool:
    return {each.component for each in await census(service) if isinstance(each, Census)} == components


async def test_a_census_logs_in_to_no_server(server: LiveServer, proxy: LinkProxy, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        (found,) = await census(service)
    assert isinstance(found, Uncounted)
    assert proxy.accepted == 0


async def test_a_census_counts_while_a_sweep_runs(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    victims = await clients.many_idle(2)
    async with vacate(tmp_path, server.dsn()) as service:
        counted: list[tuple[Census | Uncounted, ...]] = []

        async def count() -> None:
            await read_all(service)
            counted.append(await census(service))

        service.meanwhile.after_look = count
        report = await service.sweep()
        await read_all(service)
        (afterwards,) = await census(service)
    ((meanwhile,),) = counted
    assert isinstance(meanwhile, Census)
    assert sum(each.sessions for each in meanwhile.counts if each.user == "app") == 2
    assert session_ids(report, Outcome.TERMINATED) == {victim.pid for victim in victims}
    assert isinstance(afterwards, Census)
    assert {c.user for c in afterwards.counts} & {"app", "vacate"} == {"vacate"}
