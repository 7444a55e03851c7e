"""Sweeps during which the service, its store or the target is killed at any moment: what is told stays the truth.

The target's own log is the witness: it has a line for every session that was ended by a signal, whoever was there to
see it. `make crash` runs many rounds; the suite runs a few.
"""

import asyncio
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.contract.administration import Administrator
from tests.contract.places import INSTANCE, NODES, PROJECT, PROJECT_NAME, call
from tests.contract.raw import Signed
from tests.support.service import (
    COORDINATOR,
    Cluster,
    Key,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    RunningService,
    ServiceFailedError,
    Site,
    configuration,
    eventually,
    running_cluster,
)
from vacate.demo.servers import Server
from vacate.domain.access.identity import Role

ROUNDS = int(os.environ.get("VACATE_CRASHES", "9"))
SEED = int(os.environ.get("VACATE_CRASHES_SEED", "1"))
SESSIONS = 8
SHOP = {"applications": {"include": ["shop"]}}
# Longer than a sweep takes here, so that some are killed before it, most during it, and some after it.
LATEST_S = 0.08
SETTLED_S = 90.0
ENDED_BY_US = re.compile(r"(?m)^([0-9a-f]+\.[0-9a-f]+)\|FATAL: +terminating connection due to administrator command")
TOLD_AS_ENDED = {"terminated", "unconfirmed", "gone"}
# A call that was killed has no answer, and neither has one on a store that is away.
NO_ANSWER = (OSError, HTTPException, AssertionError)


@dataclass(slots=True, kw_only=True)
class Rig:
    """The target and the store, the site, and the service that runs now."""

    cluster: Cluster
    site: Site
    key: Key = field(repr=False)
    starts: int = 0
    service: RunningService = field(init=False)
    running: ExitStack = field(init=False)

    @property
    def target(self) -> Server:
        return self.cluster.coordinator

    @property
    def store(self) -> Server:
        return self.cluster.data_node

    @property
    def olga(self) -> Administrator:
        return Administrator(service=self.service, key=self.key)

    def start(self) -> None:
        self.starts += 1
        self.running = ExitStack()
        self.service = self.running.enter_context(self.site.serving(name=f"service-{self.starts}"))

    def kill_service(self) -> None:
        self.service.process.kill()
        with suppress(ServiceFailedError):
            self.running.close()
        self.start()

    def kill_store(self) -> None:
        self.store.kill()
        self.store.start()

    def kill_target(self) -> None:
        self.target.kill()
        self.target.start()

    def crash(self, what: str) -> None:
        """Kill it, start it again, and wait until everything works together again."""
        kills: Mapping[str, Callable[[], None]] = {
            "service": self.kill_service,
            "store": self.kill_store,
            "target": self.kill_target,
        }
        kills[what]()
        eventually(self.is_ready, within_s=60.0)

    def is_ready(self) -> bool:
        with suppress(OSError, HTTPException, ValueError):
            return self.service.get("/readyz")[0] == 200
        return False

    def ended_by_signal(self) -> set[str]:
        """Every session that the target's log says was ended by a signal, as the log names sessions."""
        return set(ENDED_BY_US.findall(self.target.log_path.read_text(errors="replace")))

    def events(self, folder: Path) -> list[dict[str, Any]]:
        """The whole audit, sessions read."""
        path = folder / "audit.jsonl"
        self.site.vacate("audit", "export", "--output", str(path))
        events = [json.loads(line) for line in path.read_text().splitlines()]
        return [{**event, "sessions": _sessions(event)} for event in events]


def _sessions(event: Mapping[str, Any]) -> dict[str, str]:
    """The outcome of each session by what the target's log calls it: when it began, in seconds, and its pid."""
    told = event["sessions"]
    listed = json.loads(told) if isinstance(told, str) else told
    return {
        f"{int(datetime.fromisoformat(each['backend_start']).timestamp()):x}.{each['pid']:x}": each["outcome"]
        for each in listed
        if each["backend_start"]
    }


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rig]:
    with running_cluster(tmp_path_factory.mktemp("crashing")) as cluster:
        cluster.coordinator.settings["log_line_prefix"] = "%c|"
        cluster.coordinator.restart()
        cluster.data_node.psql("CREATE DATABASE vacate;")
        component = PlannedComponent(
            node_id=NODES[COORDINATOR], id=COORDINATOR, dsn=cluster.dsn(cluster.coordinator, "vacate")
        )
        project = PlannedProject(
            id=PROJECT,
            name=PROJECT_NAME,
            instances=(PlannedInstance(id=INSTANCE, name="shop", components=(component,)),),
        )
        store = cluster.data_node
        url = store.dsn("postgres", store.place.superuser_password, "vacate")
        site = Site(tmp_path_factory.mktemp("crash-site"), configuration([project]), store_url=url)
        rig = Rig(cluster=cluster, site=site, key=site.add_user("olga", project_id=PROJECT, role=Role.OPERATOR))
        rig.start()
        yield rig
        rig.running.close()


@asynccontextmanager
async def idle_sessions(dsn: str) -> AsyncGenerator[None]:
    """Open sessions that sit idle, whatever becomes of them and of their server."""
    opened = [await asyncpg.connect(dsn, server_settings={"application_name": "shop"}) for _ in range(SESSIONS)]
    try:
        for each in opened:
            await each.fetchval("SELECT 1")
        yield
    finally:
        for each in opened:
            each.terminate()


async def swept_and_crashed(rig: Rig, chance: random.Random, plans: list[Any]) -> str:
    """One sweep, planned or by the compatible call, during which something is killed; what that was."""
    what = chance.choice(["service", "store", "target"])
    async with idle_sessions(rig.cluster.dsn(rig.target, "app")):
        if chance.random() < 0.75:
            plan = await asyncio.to_thread(rig.olga.plan, SHOP)
            assert plan["victims"] == SESSIONS
            plans.append((plan, what))
            sweeping = asyncio.create_task(asyncio.to_thread(_unanswered, lambda: rig.olga.apply(plan)))
        else:
            signed = Signed(service=rig.service, key=rig.key)
            sweeping = asyncio.create_task(asyncio.to_thread(_unanswered, lambda: signed.send(path=call())))
        await asyncio.sleep(chance.uniform(0, LATEST_S))
        await asyncio.to_thread(rig.crash, what)
        await sweeping
    return what


def _unanswered(ask: Callable[[], object]) -> None:
    with suppress(*NO_ANSWER):
        ask()


def test_after_every_crash_the_audit_has_every_kill_and_each_plan_says_what_was_done(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a script of crashes, no secret
    plans: list[Any] = []
    began = time.monotonic()
    crashed = Counter(asyncio.run(swept_and_crashed(rig, chance, plans)) for _ in range(ROUNDS))
    ended = rig.ended_by_signal()

    states = {plan["id"]: _ended_state(rig, plan) for plan, _ in plans}
    events = rig.events(tmp_path)
    assert rig.site.vacate("audit", "verify").startswith("whole: ")

    intended = {each for event in events if event["action"].endswith(":intended") for each in event["sessions"]}
    assert ended <= intended, "a session was ended without an event that says so"
    for plan, what in plans:
        assert_plan_is_told(plan, states[plan["id"]], what, [e for e in events if e["plan_id"] == plan["id"]], ended)
        assert rig.olga.apply(plan).status == 409, "a plan is applied once"

    stages = Counter(state["stage"] for state in states.values())
    took = time.monotonic() - began
    if "VACATE_CRASHES" in os.environ:
        killed = ", ".join(f"{what} {count}" for what, count in sorted(crashed.items()))
        told = ", ".join(f"{stage} {count}" for stage, count in sorted(stages.items()))
        with capsys.disabled():
            sys.stdout.write(f"\n{ROUNDS} sweeps in {took:.0f} s. Killed: {killed}. Sessions ended: {len(ended)}. ")
            sys.stdout.write(f"Plans: {told}. Not in the audit: 0; plans told wrongly or applied twice: 0.\n")


def _ended_state(rig: Rig, plan: Any) -> Any:  # noqa: ANN401 - whatever was sent
    """The plan as soon as nobody applies it any more. One whose application never began is still open."""

    def shown() -> Any:  # noqa: ANN401
        state = rig.olga.done("GET", f"plans/{plan['id']}")
        return state if state["stage"] != "applying" else None

    state = eventually(shown, within_s=SETTLED_S)
    if state["stage"] == "open":
        assert rig.olga.apply(plan).status == 200
        return rig.olga.ended(plan)
    return state


def assert_plan_is_told(
    plan: Any,  # noqa: ANN401
    state: Any,  # noqa: ANN401
    what: str,
    events: Iterable[Mapping[str, Any]],
    ended: set[str],
) -> None:
    """That a plan was begun at most once, and tells of each of its sessions what became of it."""
    of_plan = list(events)
    assert sum(event["action"] == "plan:apply:started" for event in of_plan) <= 1
    told: dict[str, str] = {}
    for event in of_plan:
        if event["action"] == "session:kill_planned:finished":
            told |= event["sessions"]
    victims = _sessions({"sessions": [{**victim, "outcome": ""} for victim in _victims(plan)]}).keys()
    for victim in victims & ended:
        assert told.get(victim) in TOLD_AS_ENDED, (plan["id"], victim, told.get(victim), state["stage"])
    for victim, outcome in told.items():
        assert outcome != "terminated" or victim in ended or what == "target", (plan["id"], victim, outcome)
    (line,) = state["components"]
    counts = line["progress"]["outcomes"]
    if told:
        assert counts == dict(Counter(told.values()))
    assert not counts or sum(counts.values()) == len(victims)


def _victims(plan: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [victim for line in plan["components"] for victim in line["victims"]]
