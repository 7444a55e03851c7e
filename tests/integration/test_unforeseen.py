"""An error that nobody foresaw costs its component, and is told: through HTTP, in readiness, metrics, log and audit."""

import base64
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import Clients, LiveServer, eventually
from vacate.components.postgresql.link import PostgresqlLink
from vacate.domain.access.identity import Role
from vacate.domain.topology.components import ProjectId
from vacate.settings.loading import load_settings
from vacate.wiring import Service, open_directory, open_service

PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
INSTANCE = "3d39c18788b54a919bab633874c159dfin14"
NODE = "52c25e148a4a48c293b66ca95565719cno14"
PASSWORD = "correct horse"  # noqa: S105 - of a user that lives as long as a test.
BROKEN, SOUND = "dn_6001", "dn_6002"


class Mishap(Exception):  # noqa: N818 - what nobody foresaw has no name of ours.
    """Nothing that Vacate knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody signed in to a service in this process."""

    client: httpx.AsyncClient
    service: Service

    async def get(self, what: str) -> httpx.Response:
        return await self.client.get(f"/v3/{PROJECT}/instances/{INSTANCE}/{what}")

    async def kill(self, component: str) -> httpx.Response:
        body = {"node_id": NODE, "component_id": component}
        return await self.client.post(f"/v3/{PROJECT}/instances/{INSTANCE}/kill-free-session", json=body)

    async def problem(self, component: str) -> str | None:
        entries = (await self.client.get(f"/admin/v1/{PROJECT}/components")).json()["components"]
        return {entry["component_id"]: entry["problem"] for entry in entries}[component]

    async def counted(self, component: str) -> float:
        text = (await self.client.get("/metrics")).text
        start = f'vacate_unforeseen_errors_total{{component_id="{component}",instance_id="{INSTANCE}"}}'
        (line,) = [line for line in text.splitlines() if line.startswith(start)]
        return float(line.rpartition(" ")[2])

    async def audited(self) -> list[tuple[str, str | None]]:
        """What the audit has of sessions, newest first."""
        events = await self.service.state.audit.recent(limit=20)
        return [(str(e.action), e.error) for e in events if e.action.startswith("session:")]


@pytest.fixture
async def caller(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Caller]:
    """An operator of an instance with two components; both are on the same server, by different DSNs."""
    monkeypatch.setenv("VACATE_SECRET_KEY", base64.b64encode(bytes(32)).decode())
    config = tmp_path / "vacate.toml"
    config.touch(mode=0o600)
    components = "".join(
        f'[[projects.instances.nodes.components]]\nid = "{name}"\nkind = "DN"\nrole = "primary"\ndsn = "{dsn}"\n'
        for name, dsn in ((BROKEN, f"{server.dsn()}?user=vacate"), (SOUND, server.dsn()))
    )
    config.write_text(
        '[sweep]\ncheck_every = "200ms"\nconfirm_for = "5s"\n[watch]\ncensus_every = "200ms"\n'
        f'[[projects]]\nid = "{PROJECT}"\nname = "p"\n[[projects.instances]]\nid = "{INSTANCE}"\nname = "i"\n'
        f'[[projects.instances.nodes]]\nid = "{NODE}"\n{components}'
    )
    settings = load_settings(config)
    async with open_directory(settings) as directory:
        await directory.add_user(name="olga", domain="default", password=PASSWORD)
        await directory.grant(name="olga", domain="default", project_id=ProjectId(PROJECT), role=Role.OPERATOR)
    async with _signed_in(settings) as signed_in:
        yield signed_in


@asynccontextmanager
async def _signed_in(settings: object) -> AsyncGenerator[Caller]:
    async with (
        open_service(settings) as service,  # pyright: ignore[reportArgumentType]
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=service.app, raise_app_exceptions=False),  # pyright: ignore[reportArgumentType]
            base_url="http://vacate.test",
        ) as client,
    ):
        user = {"name": "olga", "domain": {"name": "default"}, "password": PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = await client.post(
            "/v3/auth/tokens", json={"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}
        )
        client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        caller = Caller(client=client, service=service)

        async def is_ready() -> bool:
            return await caller.problem(SOUND) is None and await caller.problem(BROKEN) is None

        await eventually(is_ready)
        yield caller


def _breaks(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on a read of the broken component ends in something that nobody foresaw."""
    right: Callable[[PostgresqlLink], Awaitable[object]] = getattr(PostgresqlLink, name)

    async def broken(self: PostgresqlLink) -> object:
        # Which component it is, is known there alone.
        statements: object = vars(self)["_wire"]
        if "?user=" in vars(vars(statements)["_wire"])["_dsn"]:
            raise Mishap("secret words")
        return await right(self)

    monkeypatch.setattr(PostgresqlLink, name, broken)


@pytest.mark.parametrize("what", ["session-overview", "real-time-session"])
async def test_an_instance_wide_call_names_the_component_and_is_no_500(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    _breaks(monkeypatch, "activity")
    query = {"session-overview": f"session-overview?node_id={NODE}"}.get(what, what)
    answer = await caller.get(query)
    assert answer.status_code < 500 or answer.json()["error_code"] != "DBS.108000", answer.text
    assert "secret words" not in answer.text


async def test_a_kill_that_fails_unforeseen_leaves_its_event_and_the_component_is_not_ready(
    caller: Caller, clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    idle = await clients.idle()
    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        _breaks(patched, "look")
        answers = [await caller.kill(BROKEN) for _ in range(3)]

        assert {answer.status_code for answer in answers} != {500}
        assert all("secret words" not in answer.text for answer in answers)
        assert "unforeseen" in (await caller.problem(BROKEN) or "")
        assert await caller.problem(SOUND) is None
        assert await caller.counted(BROKEN) >= len(answers)
        assert await caller.counted(SOUND) == 0
        refused = [(action, error) for action, error in await caller.audited() if action.endswith("refused")]
        assert len(refused) == len(answers)
        assert all(error and "Mishap" in error for _, error in refused)
        told = [record for record in caplog.records if record.exc_info]
        assert len(told) == 1, "a traceback is logged once"
        assert await idle.is_alive()

        # The others go on meanwhile.
        assert (await caller.kill(SOUND)).json() == {"success": True}

    async def is_ready_again() -> bool:
        return await caller.problem(BROKEN) is None

    await eventually(is_ready_again)
    assert (await caller.kill(BROKEN)).json() == {"success": True}


async def test_a_regular_read_that_fails_unforeseen_is_told_like_a_call(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    _breaks(monkeypatch, "look")

    async def is_told() -> bool:
        return "unforeseen" in (await caller.problem(BROKEN) or "") and await caller.counted(BROKEN) > 0

    await eventually(is_told)
    answer = await caller.kill(BROKEN)
    assert answer.json()["error_code"] != "DBS.108000"
    action, error = (await caller.audited())[0]
    assert action.endswith("refused")
    assert error


async def test_a_kill_that_breaks_after_its_intent_has_one_last_event(
    caller: Caller, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = await clients.idle()

    async def broken(*_: object) -> None:
        raise Mishap

    monkeypatch.setattr(PostgresqlLink, "still_present", broken)
    answer = await caller.kill(SOUND)

    assert answer.json()["error_code"] != "DBS.108000"
    actions = [action for action, _ in await caller.audited()]
    assert sorted(actions) == ["session:kill_idle:finished", "session:kill_idle:intended"]
    assert not await idle.is_alive()
