"""The compatible door over operations that answer what a test wants, and remember what they were asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.support.sessions import idle_session
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Doorman, Tally
from vacate.domain.access.identity import Actor
from vacate.domain.errors import VacateError
from vacate.domain.sessions.activity import Activity, ActivityFilter, ComponentActivity, TransactionFilter
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome, Verb
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    Labels,
    Node,
    NodeId,
    ProjectId,
    Target,
)
from vacate.domain.topology.health import ComponentHealth, InstanceState
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.gaussdb_v3.routes import GaussdbV3Door
from vacate.http.gaussdb_v3.served import Served

AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ON_COORDINATOR = {"node_id": COMPONENT.node_id, "component_id": COMPONENT.id}

PRIMARY_NODE = NodeId("7f1c3d0a2b9e4c58a1d6e3b2c4f5a601no14")
STANDBY_NODE = NodeId("c90e5b7d13f24a6f8b2d7e4f6a8c1d02no14")
PRIMARY = replace(
    COMPONENT, node_id=PRIMARY_NODE, id=ComponentId("dn_6001"), kind=ComponentKind.DATA_NODE, shard="60011"
)
STANDBY = replace(PRIMARY, node_id=STANDBY_NODE, id=ComponentId("dn_6002"), role=ComponentRole.STANDBY)
DISTRIBUTED = Instance(
    project_id=PROJECT,
    id=INSTANCE.id,
    name="shop",
    components=(COMPONENT, PRIMARY, STANDBY),
    nodes=(
        Node(id=COMPONENT.node_id, name="cn-1", availability_zone="az1", address="192.0.2.11"),
        Node(id=PRIMARY_NODE, name="dn-1", availability_zone="az1", address="192.0.2.12"),
        Node(id=STANDBY_NODE, name="dn-2", availability_zone="az2", address="192.0.2.13"),
    ),
    region="north-1",
    port=8000,
    labels=Labels(vpc_id="vpc-1", subnet_id="net-1", charge_mode="prePaid", tags=(("team", "checkout"), ("tier", "1"))),
)

WAITING = Activity(
    session_id=4711,
    pid=4811,
    backend_start=AT - timedelta(hours=2),
    open_for=timedelta(hours=2, microseconds=999_999),
    user="app",
    database="shop",
    application="web",
    client_address="192.0.2.7",
    client_port=51234,
    state="active",
    state_change=AT - timedelta(seconds=30),
    transaction_start=AT - timedelta(seconds=45),
    in_transaction_for=timedelta(seconds=45),
    transaction_id="12345",
    statement_start=AT - timedelta(seconds=30),
    running_for=timedelta(seconds=30),
    statement_id=-(2**63) + 1,
    query="UPDATE orders SET total = 12.5",
    wait_event_type="Lock",
    wait_event="transactionid",
    blocked_by=(4712, 4713),
    lock_mode="ShareLock",
    lock_tag="transactionid 12344",
)
UNTOLD = Activity(
    session_id=1,
    pid=1,
    backend_start=AT,
    open_for=timedelta(0),
    user=None,
    database=None,
    application=None,
    client_address=None,
    client_port=None,
    state=None,
    state_change=None,
    transaction_start=None,
    in_transaction_for=None,
    transaction_id=None,
    statement_start=None,
    running_for=None,
    statement_id=None,
    query=None,
    wait_event_type=None,
    wait_event=None,
    blocked_by=None,
    lock_mode=None,
    lock_tag=None,
)


def report(*outcomes: Outcome, verb: Verb = Verb.KILL_IDLE, absent: tuple[int, ...] = ()) -> Report:
    """A report whose sessions are numbered from 1."""
    return Report(
        verb=verb,
        request_id="r1",
        component=COMPONENT,
        started_at=AT,
        finished_at=AT,
        sessions=tuple(
            SessionOutcome(session=idle_session(pid=pid), outcome=outcome, by="x", reason="y")
            for pid, outcome in enumerate(outcomes, start=1)
        ),
        absent=absent,
    )


def state(
    instance: Instance = DISTRIBUTED,
    *,
    problems: Mapping[Component, str] | None = None,
    version: str | None = "18.6",
) -> InstanceState:
    """An instance whose components are ready but for the problems."""
    return InstanceState(
        instance=instance,
        components=tuple(
            ComponentHealth(component=c, checked_at=AT, problem=(problems or {}).get(c), version=version)
            for c in instance.components
        ),
    )


@dataclass(kw_only=True)
class Operations:
    """What stands behind the door. `asked` holds each operation's name and what it was given."""

    ends_in: Report = field(default_factory=report)
    activities: tuple[Activity, ...] = ()
    surveyed: tuple[ComponentActivity, ...] = ()
    databases: tuple[str, ...] = ()
    states: tuple[InstanceState, ...] = field(default_factory=lambda: (state(),))
    fails_with: VacateError | None = None
    turns_away: VacateError | None = None
    slow_after: timedelta = timedelta(seconds=1)
    admitted: list[tuple[Actor, ProjectId]] = field(default_factory=list[tuple[Actor, ProjectId]])
    asked: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])

    def remember(self, who: Actor, *what: object) -> None:
        assert who in [admitted for admitted, _ in self.admitted]
        self.asked.append(what)
        if self.fails_with is not None:
            raise self.fails_with

    async def admit(self, who: Actor, project: ProjectId) -> None:
        self.admitted.append((who, project))
        if self.turns_away is not None:
            raise self.turns_away

    async def kill_idle(self, who: Actor, target: Target) -> Report:
        self.remember(who, "kill_idle", target)
        return self.ends_in

    async def kill_sessions(self, who: Actor, target: Target, ids: tuple[int, ...]) -> Report:
        self.remember(who, "kill_sessions", target, ids)
        return self.ends_in

    async def kill_transactions(self, who: Actor, target: Target, ids: tuple[int, ...]) -> Report:
        self.remember(who, "kill_transactions", target, ids)
        return self.ends_in

    async def list_sessions(self, who: Actor, target: Target, wanted: ActivityFilter) -> tuple[Activity, ...]:
        self.remember(who, "list_sessions", target, wanted)
        return self.activities

    async def list_transactions(self, who: Actor, target: Target, wanted: TransactionFilter) -> tuple[Activity, ...]:
        self.remember(who, "list_transactions", target, wanted)
        return self.activities

    async def survey(self, who: Actor, project: ProjectId, instance: InstanceId) -> tuple[ComponentActivity, ...]:
        self.remember(who, "survey", project, instance)
        return self.surveyed

    async def list_databases(self, who: Actor, project: ProjectId, instance: InstanceId) -> tuple[str, ...]:
        self.remember(who, "list_databases", project, instance)
        return self.databases

    async def describe_instances(self, who: Actor, project: ProjectId) -> tuple[InstanceState, ...]:
        self.remember(who, "describe_instances", project)
        return self.states

    async def describe_instance(self, who: Actor, project: ProjectId, instance: InstanceId) -> InstanceState:
        self.remember(who, "describe_instance", project, instance)
        return self.states[0]

    @property
    def served(self) -> Served:
        return Served(
            admit=self.admit,
            kill_idle=self.kill_idle,
            kill_sessions=self.kill_sessions,
            kill_transactions=self.kill_transactions,
            list_sessions=self.list_sessions,
            list_transactions=self.list_transactions,
            survey=self.survey,
            list_databases=self.list_databases,
            describe_instances=self.describe_instances,
            describe_instance=self.describe_instance,
            slow_after=self.slow_after,
        )

    async def send(self, method: str, target: str | bytes, body: bytes = b"") -> Answer:
        """Make one request with exactly this path, query and body."""
        door = GaussdbV3Door(gate=Gate(Doorman(), Tally()), served=self.served)
        target = target.encode() if isinstance(target, str) else target
        return await call(build_app(door.routes(), RememberingLog()), method, target, caller=Caller(parts=[body]))

    async def post(self, name: str, content: object) -> Answer:
        """Call an operation of the instance with a JSON body."""
        return await self.send("POST", of_instance(name), json.dumps(content).encode())

    async def get(self, name: str) -> Answer:
        """Call an operation of the instance; `name` may end in a query."""
        return await self.send("GET", of_instance(name))


def of_instance(name: str, *, project: str = PROJECT, instance: str = INSTANCE.id) -> str:
    """The path of an operation of the instance."""
    return f"/v3/{project}/instances/{instance}/{name}"
