"""The one plan that every example of the door is about, over the instance that all examples are about."""

from datetime import UTC, datetime, timedelta

from vacate.api.gaussdb_v3.examples import INSTANCE, PROJECT, STATE
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.explanation import Answer, Explanation, RuleKind, Step
from vacate.domain.judging.settings import GuardName
from vacate.domain.judging.verdicts import Objection, Verdict
from vacate.domain.judging.victim_warnings import VictimWarning, WarningKind
from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    LineStage,
    Plan,
    PlanId,
    PlannedComponent,
    PlannedVictim,
    PlanStage,
    PlanState,
    Scope,
)
from vacate.domain.sessions.session import CLIENT_BACKEND, IDLE, Demand, Session, SessionKey
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.report import Outcome

AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
BEGAN = AT - timedelta(hours=2)
REQUEST = "b1ec39e0a7bd4c0f8b0a7a8b2c1f6f2e"
CRITERIA = '{"states": {"idle": "10min"}, "users": {"exclude": ["batch"]}}'
COMPONENT = STATE.instance.components[0]

_VICTIM = PlannedVictim(
    key=SessionKey(session_id=4711, backend_start=BEGAN),
    pid=4711,
    demand=Demand.SAME_IDLE_PERIOD,
    since=AT - timedelta(minutes=12),
    state="idle",
    in_state_for=timedelta(minutes=12),
    user="app",
    database="shop",
    application="web",
    client_address="192.0.2.7",
)
_PLAN = Plan(
    id=PlanId("8c1c6c1f6a3b4f0b9d3e2a1b0c9d8e7f"),
    scope=Scope(project_id=PROJECT, instance_id=INSTANCE),
    criteria=CRITERIA,
    made_at=AT,
    expires_at=AT + timedelta(minutes=10),
    by="olga",
    request_id=REQUEST,
    components=(
        PlannedComponent(
            component=COMPONENT,
            victims=(_VICTIM,),
            spared=(("not_idle", 3), ("superuser", 1)),
            slots=Slots(maximum=100, reserved=3, used=5),
            warnings=(
                VictimWarning(
                    kind=WarningKind.POOLER, sessions=1, user="app", client_address="192.0.2.7", application="web"
                ),
            ),
        ),
    ),
)
OPEN = PlanState(plan=_PLAN, stage=PlanStage.OPEN, application=None, lines=(LineProgress(component=COMPONENT),))
_STARTED = AT + timedelta(minutes=1)
APPLYING = PlanState(
    plan=_PLAN,
    stage=PlanStage.APPLYING,
    application=Application(by="olga", request_id=REQUEST, started_at=_STARTED),
    lines=(LineProgress(component=COMPONENT, stage=LineStage.RUNNING, started_at=_STARTED),),
)
APPLIED = PlanState(
    plan=_PLAN,
    stage=PlanStage.APPLIED,
    application=Application(
        by="olga", request_id=REQUEST, started_at=_STARTED, finished_at=_STARTED + timedelta(seconds=1)
    ),
    lines=(
        LineProgress(
            component=COMPONENT,
            stage=LineStage.DONE,
            counts={Outcome.TERMINATED: 1},
            started_at=_STARTED,
            finished_at=_STARTED + timedelta(seconds=1),
        ),
    ),
)

_IDLE = Session(
    session_id=4711,
    pid=4711,
    backend_start=BEGAN,
    backend_type=CLIENT_BACKEND,
    state=IDLE,
    state_change=AT - timedelta(minutes=12),
    in_state_for=timedelta(minutes=12),
    transaction_start=None,
    user="app",
    superuser=False,
    database="shop",
    application="web",
    client_address="192.0.2.7",
    client_port=51234,
    query="COMMIT",
    holds_advisory_lock=True,
    holds_replication_slot=False,
    own=False,
)
_HOLDS = Objection(by=GuardName.ADVISORY_LOCK, reason="it holds an advisory lock")
EXPLAINED = Explanation(
    session=_IDLE,
    verdict=Verdict(session=_IDLE, objections=(_HOLDS,)),
    trail=(
        Step(
            rule=Criterion.NOT_IDLE,
            kind=RuleKind.CRITERION,
            about="state",
            answer=Answer.PASSES,
            reason="its state is as wanted",
        ),
        Step(
            rule=GuardName.ADVISORY_LOCK,
            kind=RuleKind.GUARD,
            about="",
            answer=Answer.OBJECTS,
            reason=_HOLDS.reason,
        ),
    ),
)
