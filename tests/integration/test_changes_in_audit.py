"""What is not about sessions leaves its event too: starts, pins, migrations, deliveries sent again."""

import asyncio
import base64
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.postgres import LiveServer, eventually
from vacate.cli import main
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent
from vacate.settings.loading import load_settings
from vacate.wiring import open_service, open_state

INSTANCE = "3d39c18788b54a919bab633874c159dfin14"


@pytest.fixture
def config(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VACATE_SECRET_KEY", base64.b64encode(bytes(32)).decode())
    monkeypatch.setenv("SUDO_USER", "olga")
    file = tmp_path / "vacate.toml"
    file.touch(mode=0o600)
    file.write_text(
        '[sweep]\ncheck_every = "200ms"\n'
        '[[projects]]\nid = "0611f1bd8b00d5d32f17c017f15b599f"\nname = "p"\n'
        f'[[projects.instances]]\nid = "{INSTANCE}"\nname = "i"\n'
        '[[projects.instances.nodes]]\nid = "52c25e148a4a48c293b66ca95565719cno14"\n'
        '[[projects.instances.nodes.components]]\nid = "dn_6001"\nkind = "DN"\nrole = "primary"\n'
        f'dsn = "{server.dsn()}"\n'
    )
    return file


async def started(config: Path) -> list[RecordedEvent]:
    """The audit, newest first, after a service has looked at its component once."""
    async with open_service(load_settings(config)) as service:

        async def is_ready() -> bool:
            return all(each.problem is None for each in service.gateway.health())

        await eventually(is_ready)
        return list(await service.state.audit.recent(100))


def change(config: Path) -> None:
    config.write_text(config.read_text().replace("200ms", "250ms"))


async def recorded(config: Path, action: AuditAction) -> list[RecordedEvent]:
    async with open_state(load_settings(config)) as state:
        return [event for event in await state.audit.recent(100) if event.action is action]


async def test_a_start_is_written_down_with_a_mark_that_follows_the_configuration(
    config: Path, server: LiveServer
) -> None:
    await started(config)
    await started(config)
    change(config)
    third, second, first = [e for e in await started(config) if e.action is AuditAction.CONFIGURATION_LOADED]
    assert first.note == second.note != third.note
    assert first.note is not None
    assert "with 1 components, configuration " in first.note
    assert (first.user_name, first.credential_kind) == ("vacate", "service")
    assert server.dsn().split("@")[0] not in first.note


async def test_the_first_sight_of_a_server_is_written_down_once_and_so_is_its_being_forgotten(config: Path) -> None:
    await started(config)
    (pinned,) = [e for e in await started(config) if e.action is AuditAction.COMPONENT_PINNED]
    assert pinned.target.component_id == "dn_6001"
    assert re.fullmatch(r"its server has the system identifier \d+", pinned.note or "")
    arguments = ["component", "unpin", INSTANCE, "dn_6001", "--config", str(config)]
    for said in ("is not pinned any more", "it was not pinned"):
        done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert done.exit_code == 0, done.output
        assert said in done.output
    (forgotten,) = await recorded(config, AuditAction.COMPONENT_UNPINNED)
    assert (forgotten.user_name, forgotten.credential_kind, forgotten.target.component_id) == (
        "olga",
        "command",
        "dn_6001",
    )
