"""A running service tells its endpoints by itself."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.support.receiver import SECRET, answer, receiving
from tests.support.tellers import event
from vacate.domain.audit.event import AuditAction
from vacate.settings.loading import load_settings
from vacate.wiring import open_service


async def test_a_service_tells_its_endpoints_and_counts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMS_SECRET", SECRET)
    monkeypatch.setenv("VACATE_SECRET_KEY", base64.b64encode(bytes(32)).decode())
    async with receiving([answer(200)]) as receiver:
        config = tmp_path / "vacate.toml"
        config.write_text(f'[[webhooks]]\nname = "teams"\nurl = "{receiver.url}"\nsecret_env = "TEAMS_SECRET"\n')
        async with open_service(load_settings(config)) as service:
            await service.state.audit.append(event(AuditAction.KILL_NAMED_INTENDED))
            async with asyncio.timeout(10):
                await receiver.came.wait()
    assert receiver.received[0].verified()["type"] == "kill.intended"
