"""Metrics of a service to which everything has happened once."""

from datetime import timedelta

from tests.support.fakes import TickingClock
from tests.support.place import COMPONENT, INSTANCE
from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.census import Census, count
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome, Signal, Verb
from vacate.domain.topology.health import ComponentHealth
from vacate.telemetry.metrics import Metrics, PlanStep

SECRET = "SELECT 'Minka'"  # noqa: S105 - what a user typed, and no metric may show.
SLOTS = Slots(maximum=100, reserved=3, used=71)
GOOD_FOR = timedelta(minutes=1)


def report(*outcomes: tuple[Outcome, str]) -> Report:
    """A sweep of a second and a half in which this became of the sessions, and by what."""
    return Report(
        verb=Verb.KILL_IDLE,
        request_id="request-1",
        component=COMPONENT,
        started_at=LOOK_AT,
        finished_at=LOOK_AT + timedelta(seconds=1.5),
        sessions=tuple(
            SessionOutcome(session=idle_session(pid=70_000 + n, query=SECRET), outcome=outcome, by=by, reason="r")
            for n, (outcome, by) in enumerate(outcomes)
        ),
    )


MIXED = report(
    (Outcome.TERMINATED, Signal.SIGNALLED),
    (Outcome.TERMINATED, Signal.SIGNALLED),
    (Outcome.SPARED, GuardName.LISTENER),
    (Outcome.SPARED, Criterion.NOT_IDLE),
    (Outcome.SPARED, Criterion.NOT_IDLE),
    (Outcome.UNCONFIRMED, "link"),
)


def census() -> Census:
    """Three idle sessions of the application, and one that is idle in its transaction."""
    sessions = [
        *(idle_session(pid=70_000 + n, query=SECRET, in_state_for=timedelta(minutes=n)) for n in range(3)),
        idle_session(pid=70_003, state="idle in transaction", in_state_for=timedelta(seconds=90)),
    ]
    return count(COMPONENT, sessions, SLOTS, at=LOOK_AT)


def freeze(*, everything: bool) -> Freeze:
    """The switch of `INSTANCE`, or that of all instances."""
    return Freeze(instance_id=None if everything else INSTANCE.id, by="olga", reason="month end", since=LOOK_AT)


def told_metrics() -> Metrics:
    """Metrics that were told everything there is to tell."""
    metrics = Metrics("1.2.3", clock=TickingClock())
    metrics.expect_sweeps([COMPONENT])
    metrics.expect_requests([("/v3/{project_id}", "POST")])
    metrics.watch_components(lambda: [ComponentHealth(component=COMPONENT, checked_at=LOOK_AT, problem=None)])
    metrics.watch_audit(lambda: 3)
    metrics.swept(MIXED)
    metrics.swept(report((Outcome.TERMINATED, Signal.SIGNALLED)))
    metrics.answered(route="/v3/{project_id}", method="POST", status=200, seconds=0.02)
    metrics.not_authenticated("SignatureInvalidError")
    metrics.audit_delayed()
    metrics.audited(7)
    metrics.anchor_failed()
    metrics.counted([census()], good_for=GOOD_FOR)
    metrics.frozen([freeze(everything=True), freeze(everything=False)], good_for=GOOD_FOR)
    metrics.planned(PlanStep.MADE)
    metrics.applying(1)
    for outcome in ("delivered", "failed", "given_up"):
        metrics.delivery_attempted("orders", outcome)
    metrics.deliveries_open("orders", waiting=2, given_up=1)
    return metrics
