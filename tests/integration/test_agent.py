"""The agent of a component on a real server: reads between the statements of a sweep, and checks that end."""

from pathlib import Path

import pytest

from tests.support.in_process import COMPONENT, session_ids, vacate
from tests.support.postgres import Clients, LiveServer
from tests.support.proxy import LinkProxy
from vacate.components.wire import Wire
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sweeps.report import Outcome


async def test_a_listing_and_a_snapshot_slip_in_between_two_statements_of_a_sweep(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    victims = await clients.many_idle(4)
    listed: list[int] = []
    async with vacate(tmp_path, server.dsn()) as service:

        async def look() -> None:
            listed.append(len(await service.gateway.activity(COMPONENT)))
            await service.gateway.snapshot(COMPONENT)

        service.meanwhile.signals_at_once = 2
        service.meanwhile.after_chunk = look
        report = await service.sweep()

    assert len(listed) == 1
    assert session_ids(report, Outcome.TERMINATED) == {victim.pid for victim in victims}


async def test_everything_goes_over_one_link(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    await clients.idle()
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        await service.sweep()
        # The very first login may take two attempts.
        opened = proxy.accepted
        for _ in range(3):
            await service.sweep()
            await service.gateway.activity(COMPONENT)
            await service.gateway.databases(COMPONENT)
        assert proxy.links == 1
    assert proxy.accepted == opened


async def test_snapshots_are_counted(server: LiveServer, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        assert service.gateway.latest(COMPONENT) is None
        taken = [await service.gateway.snapshot(COMPONENT) for _ in range(3)]
        assert service.gateway.latest(COMPONENT) is taken[-1]
    assert [each.version for each in taken] == [1, 2, 3]
    assert taken[0].taken_at < taken[-1].taken_at


async def test_a_link_that_is_lost_after_every_check_is_an_error_and_no_endless_attempt(
    server: LiveServer, proxy: LinkProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wire, "vouch", Wire.drop)
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        with pytest.raises(ComponentUnreachableError, match="closes the link as soon as it was checked"):
            await service.sweep()
    assert proxy.accepted <= 4
