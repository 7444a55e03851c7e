"""How many sessions a real server has room for, and how many it has, in the server's own numbers."""

from pathlib import Path

from tests.support.in_process import COMPONENT, vacate
from tests.support.postgres import Clients, LiveServer

RESERVED_SINCE = 16


async def test_the_slots_are_those_of_the_servers_settings_and_its_list(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        before = (await service.gateway.snapshot(COMPONENT)).slots
        await clients.many_idle(3)
        after = (await service.gateway.snapshot(COMPONENT)).slots
    shown = "max_connections", "superuser_reserved_connections"
    maximum, superusers = [int(server.server.psql(f"SHOW {name};")) for name in shown]
    others = int(server.server.psql("SHOW reserved_connections;")) if server.major >= RESERVED_SINCE else 0
    assert (after.maximum, after.reserved) == (maximum, superusers + others)
    assert after.used == before.used + 3
    assert after.free == maximum - superusers - others - after.used


async def test_what_is_no_client_takes_no_slot(server: LiveServer, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        snapshot = await service.gateway.snapshot(COMPONENT)
    assert 1 <= snapshot.slots.used < len(snapshot.sessions)
