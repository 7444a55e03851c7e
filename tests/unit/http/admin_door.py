"""Our own door over operations that answer what a test wants, and remember what they were asked."""

import json
from dataclasses import dataclass, field
from datetime import timedelta

from tests.support.place import PROJECT
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Doorman, Tally
from vacate.api.admin.examples import APPLIED, AT, EXPLAINED, OPEN
from vacate.api.gaussdb_v3.examples import INSTANCE, STATE
from vacate.domain.access.identity import Actor
from vacate.domain.audit.record import AuditQuery, RecordedEvent
from vacate.domain.errors import VacateError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.explanation import Explanation
from vacate.domain.plans.plan import PlanId, PlanState, Scope
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import InstanceId, ProjectId, Target
from vacate.domain.topology.health import InstanceState
from vacate.http.admin.routes import AdminDoor
from vacate.http.admin.served import Served
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.operations.sweeps.turn_freeze import Turned

FROZEN = Freeze(instance_id=INSTANCE, by="otto", reason="month end", since=AT)
PLAN = OPEN.plan


@dataclass(kw_only=True)
class Operations:
    """What stands behind the door. `asked` holds each operation's name and what it was given."""

    plan: PlanState = OPEN
    applied: PlanState = APPLIED
    explained: Explanation = EXPLAINED
    events: tuple[RecordedEvent, ...] = ()
    state: InstanceState = STATE
    frozen: tuple[Freeze, ...] = (FROZEN,)
    turned: Turned = field(default_factory=lambda: Turned(stood=FROZEN, changed=True))
    fails_with: VacateError | None = None
    turns_away: VacateError | None = None
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

    async def make_plan(
        self, actor: Actor, scope: Scope, *, criteria: str | None, expires_in: timedelta | None
    ) -> PlanState:
        self.remember(actor, "make_plan", scope, criteria, expires_in)
        return self.plan

    async def show_plan(self, who: Actor, project: ProjectId, plan: PlanId) -> PlanState:
        self.remember(who, "show_plan", project, plan)
        return self.plan

    async def list_plans(self, who: Actor, project: ProjectId, limit: int) -> tuple[PlanState, ...]:
        self.remember(who, "list_plans", project, limit)
        return (self.plan,)

    async def apply_plan(
        self, actor: Actor, project_id: ProjectId, plan_id: PlanId, digest: str, *, wait: timedelta
    ) -> PlanState:
        self.remember(actor, "apply_plan", project_id, plan_id, digest, wait)
        return self.applied

    async def stop_plan(self, who: Actor, project: ProjectId, plan: PlanId) -> PlanState:
        self.remember(who, "stop_plan", project, plan)
        return self.applied

    async def explain(
        self, actor: Actor, target: Target, *, session_id: int | None, pid: int | None, criteria: Criteria | None
    ) -> Explanation:
        self.remember(actor, "explain", target, session_id, pid, criteria)
        return self.explained

    async def instances(self, who: Actor, project: ProjectId) -> tuple[InstanceState, ...]:
        self.remember(who, "instances", project)
        return (self.state,)

    async def search_audit(self, who: Actor, project: ProjectId, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        self.remember(who, "search_audit", project, query)
        return self.events

    async def standing(self, who: Actor, project: ProjectId) -> tuple[Freeze, ...]:
        self.remember(who, "standing", project)
        return self.frozen

    async def freeze(self, who: Actor, project: ProjectId, instance: InstanceId, reason: str) -> Turned:
        self.remember(who, "freeze", project, instance, reason)
        return self.turned

    async def thaw(self, who: Actor, project: ProjectId, instance: InstanceId) -> Turned:
        self.remember(who, "thaw", project, instance)
        return self.turned

    @property
    def served(self) -> Served:
        return Served(
            admit=self.admit,
            make_plan=self.make_plan,
            show_plan=self.show_plan,
            list_plans=self.list_plans,
            apply_plan=self.apply_plan,
            stop_plan=self.stop_plan,
            explain=self.explain,
            instances=self.instances,
            search_audit=self.search_audit,
            standing=self.standing,
            freeze=self.freeze,
            thaw=self.thaw,
        )

    async def send(self, method: str, target: str | bytes, body: bytes = b"") -> Answer:
        """Make one request with exactly this path, query and body."""
        door = AdminDoor(gate=Gate(Doorman(), Tally()), served=self.served)
        target = target.encode() if isinstance(target, str) else target
        return await call(build_app(door.routes(), RememberingLog()), method, target, caller=Caller(parts=[body]))

    async def post(self, name: str, content: object) -> Answer:
        """Call something of the project with a JSON body."""
        return await self.send("POST", below(name), json.dumps(content).encode())

    async def put(self, name: str, content: object) -> Answer:
        """Call something of the project with a JSON body."""
        return await self.send("PUT", below(name), json.dumps(content).encode())

    async def get(self, name: str) -> Answer:
        """Call something of the project; `name` may end in a query."""
        return await self.send("GET", below(name))


def below(name: str, *, project: str = PROJECT) -> str:
    """The path of a call of the project."""
    return f"/admin/v1/{project}/{name}"
