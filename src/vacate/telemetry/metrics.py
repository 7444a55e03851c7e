"""Every metric of Vacate, declared in one place. Never a process id or a statement as a label."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vacate.domain.errors import AuthenticationError
from vacate.domain.sessions.census import Census
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import FAILURES, Outcome, Report, Verb
from vacate.domain.texts import for_label
from vacate.domain.topology.components import Component
from vacate.domain.topology.health import ComponentHealth
from vacate.operations.clock import utc_now
from vacate.operations.ports import Clock

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


# How an attempt to tell an endpoint can end.
_ATTEMPTS = ("delivered", "failed", "given_up")
_FAILED = "500"


class PlanStep(StrEnum):
    """What happens to plans, as they are counted."""

    MADE = "made"
    STARTED = "started"
    APPLIED = "applied"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"


class Metrics:
    """The registry of one service and the places where it is told what happened.

    What a counter was at before its first sample, Prometheus does not know: an increase that comes with the series is
    none. So every series that an alert looks for an increase of begins at 0, as soon as its labels are known.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, version: str, *, clock: Clock = utc_now) -> None:
        self._registry = CollectorRegistry()
        swept = ("instance_id", "component_id", "verb")
        Gauge("vacate_build_info", "The running version.", ("version",), registry=self._registry).labels(version).set(1)
        self._outcomes = Counter(
            "vacate_session_outcomes",
            "Sessions by what became of them.",
            (*swept, "outcome"),
            registry=self._registry,
        )
        self._spared = Counter(
            "vacate_sessions_spared",
            "Spared sessions by the first objection.",
            (*swept, "by"),
            registry=self._registry,
        )
        self._sweeps = Histogram(
            "vacate_sweep_duration_seconds",
            "From the look to the last confirmation.",
            swept,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._sweeps_ended = Counter(
            "vacate_sweeps",
            "Sweeps by whether all that were to end are gone.",
            (*swept, "succeeded"),
            registry=self._registry,
        )
        self._last_success = Gauge(
            "vacate_sweep_last_success_timestamp_seconds",
            "When a sweep last succeeded.",
            swept,
            registry=self._registry,
        )
        self._requests = Counter(
            "vacate_http_requests",
            "Answered requests.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "vacate_http_request_duration_seconds",
            "From the request's first byte to the answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._authentication_failures = Counter(
            "vacate_authentication_failures",
            "Requests that did not prove their sender.",
            ("kind",),
            registry=self._registry,
        )
        for kind in AuthenticationError.__subclasses__():
            self._authentication_failures.labels(kind.__name__)
        self._audit_delayed = Counter(
            "vacate_audit_delayed",
            "Final audit events that could not be written at once.",
            registry=self._registry,
        )
        self._audit_head = Gauge(
            "vacate_audit_head_id", "The last audit event of this service.", registry=self._registry
        )
        self._anchor_failures = Counter(
            "vacate_audit_anchor_failures",
            "Audit events whose anchor could not be written.",
            registry=self._registry,
        )
        self._audit_unreadable = Counter(
            "vacate_audit_unreadable_events",
            "Audit events that somebody has made unreadable.",
            registry=self._registry,
        )
        self._audit_disputed = Gauge(
            "vacate_audit_disputed",
            "1 while the audit has lost events and nothing is ended for that.",
            registry=self._registry,
        )
        self._unforeseen = Counter(
            "vacate_unforeseen_errors",
            "Errors that nobody foresaw, by the component whose server was asked; without one, of the service itself.",
            ("instance_id", "component_id"),
            registry=self._registry,
        )
        self._unforeseen.labels("", "")
        self._plans = Counter("vacate_plans", "Plans by what happened to them.", ("stage",), registry=self._registry)
        for step in PlanStep:
            self._plans.labels(step.value)
        self._plans_applying = Gauge(
            "vacate_plans_applying", "Plans that this service applies now.", registry=self._registry
        )
        self._census = _LastCensus(clock)
        self._frozen = _Frozen(clock)
        self._registry.register(self._census)
        self._registry.register(self._frozen)
        self._deliveries = Counter(
            "vacate_webhook_deliveries",
            "Attempts to tell an endpoint, by how they ended.",
            ("endpoint", "outcome"),
            registry=self._registry,
        )
        self._deliveries_open = Gauge(
            "vacate_webhook_deliveries_open",
            "Deliveries of an endpoint that wait or were given up.",
            ("endpoint", "stage"),
            registry=self._registry,
        )

    def expect_sweeps(self, components: Iterable[Component]) -> None:
        """Begin to count sweeps of these components."""
        for component in components:
            self._unforeseen.labels(component.instance_id, component.id)
            for verb in Verb:
                where = (component.instance_id, component.id, verb.value)
                for succeeded in (True, False):
                    self._sweeps_ended.labels(*where, _word(succeeded))
                for outcome in FAILURES:
                    self._outcomes.labels(*where, outcome.value)

    def expect_requests(self, routes: Iterable[tuple[str, str]]) -> None:
        """Begin to count the failures of these routes, each with one of its methods."""
        for route, method in routes:
            self._requests.labels(route, method, _FAILED)

    def watch_components(self, health: Callable[[], Iterable[ComponentHealth]]) -> None:
        """Report for every component, at each scrape, whether it is ready."""
        self._registry.register(_ComponentsUp(health))

    def watch_audit(self, waiting: Callable[[], int]) -> None:
        """Report at each scrape how many audit events wait to be written."""
        gauge = Gauge("vacate_audit_waiting", "Audit events that are not durable yet.", registry=self._registry)
        gauge.set_function(waiting)

    def swept(self, report: Report) -> None:
        """Count a sweep and its outcomes."""
        where = (report.component.instance_id, report.component.id, report.verb.value)
        for outcome, count in report.counts.items():
            self._outcomes.labels(*where, outcome.value).inc(count)
        for entry in report.sessions:
            if entry.outcome is Outcome.SPARED:
                self._spared.labels(*where, entry.by).inc()
        self._sweeps.labels(*where).observe((report.finished_at - report.started_at).total_seconds())
        self._sweeps_ended.labels(*where, _word(report.succeeded)).inc()
        if report.succeeded:
            self._last_success.labels(*where).set(report.finished_at.timestamp())

    def answered(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request. `route` is the route's template, never the path itself."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def not_authenticated(self, kind: str) -> None:
        """Count a request whose sender could not be proved."""
        self._authentication_failures.labels(kind).inc()

    def audit_delayed(self) -> None:
        """Count an audit event that has to wait."""
        self._audit_delayed.inc()

    def audited(self, event_id: int) -> None:
        """Keep the number of the last audit event."""
        self._audit_head.set(event_id)

    def unforeseen(self, component: Component | None) -> None:
        """Count an error that nobody foresaw."""
        where = ("", "") if component is None else (component.instance_id, component.id)
        self._unforeseen.labels(*where).inc()

    def anchor_failed(self) -> None:
        """Count an audit event whose anchor could not be written."""
        self._anchor_failures.inc()

    def event_unreadable(self) -> None:
        """Count an event of the audit that cannot be read."""
        self._audit_unreadable.inc()

    def audit_disputed(self, disputed: int) -> None:
        """Show whether the audit has lost events: 1 when it has, else 0."""
        self._audit_disputed.set(disputed)

    def counted(self, found: Iterable[Census], *, good_for: timedelta) -> None:
        """Show this census instead of the one before, for so long unless another one comes.

        A component that is not in it has no samples of sessions and slots any more.
        """
        self._census.show(found, good_for)

    def frozen(self, standing: Iterable[Freeze], *, good_for: timedelta) -> None:
        """Show what is frozen, for so long unless it is told again."""
        self._frozen.show(standing, good_for)

    def planned(self, step: PlanStep) -> None:
        """Count what happened to a plan."""
        self._plans.labels(step.value).inc()

    def applying(self, plans: int) -> None:
        """Show how many plans are applied now."""
        self._plans_applying.set(plans)

    def delivery_attempted(self, endpoint: str, outcome: str) -> None:
        """An attempt to tell an endpoint ended: `delivered`, `failed` and to be made again, or `given_up`."""
        self._deliveries.labels(endpoint, outcome).inc()

    def deliveries_open(self, endpoint: str, *, waiting: int, given_up: int) -> None:
        """How many deliveries an endpoint has now that wait, and that were given up."""
        for outcome in _ATTEMPTS:
            self._deliveries.labels(endpoint, outcome)
        self._deliveries_open.labels(endpoint, "waiting").set(waiting)
        self._deliveries_open.labels(endpoint, "given_up").set(given_up)

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)


class _ComponentsUp(Collector):
    def __init__(self, health: Callable[[], Iterable[ComponentHealth]]) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """One sample a component: 1 when ready, else 0."""
        family = GaugeMetricFamily(
            "vacate_component_up",
            "Whether the component can be swept now.",
            labels=("instance_id", "component_id"),
        )
        for entry in self._health():
            family.add_metric((entry.component.instance_id, entry.component.id), 0 if entry.problem else 1)
        yield family


class _LastCensus(Collector):
    """What the last census found, until it is too old to be taken for the present."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: Sequence[Census] = ()
        self._good_until: datetime | None = None
        self._last: dict[tuple[str, str], datetime] = {}

    def show(self, found: Iterable[Census], good_for: timedelta) -> None:
        self._found = tuple(found)
        self._good_until = self._clock() + good_for
        self._last |= {_place(census): census.taken_at for census in self._found}

    def collect(self) -> Iterator[Metric]:
        """The sums and slots of every component that was read, and when each was read last."""
        where = ("instance_id", "component_id")
        sessions = GaugeMetricFamily(
            "vacate_sessions",
            'Client sessions. Beyond the most frequent pairs, database and user are "other".',
            labels=(*where, "state", "database", "user"),
        )
        longest = GaugeMetricFamily(
            "vacate_longest_in_state_seconds",
            "How long a session has waited for its client in this state; of all, the longest.",
            labels=(*where, "state"),
        )
        maximum = GaugeMetricFamily("vacate_slots_max", "The server's max_connections.", labels=where)
        reserved = GaugeMetricFamily("vacate_slots_reserved", "Slots that not everybody may take.", labels=where)
        used = GaugeMetricFamily("vacate_slots_used", "Slots that sessions have taken.", labels=where)
        last = GaugeMetricFamily(
            "vacate_census_last_success_timestamp_seconds", "When the component was last counted.", labels=where
        )
        for census in self._present():
            place = _place(census)
            for entry in census.counts:
                labels = (*place, entry.state, for_label(entry.database), for_label(entry.user))
                sessions.add_metric(labels, entry.sessions)
            for state, wait in census.longest.items():
                longest.add_metric((*place, state), wait.total_seconds())
            maximum.add_metric(place, census.slots.maximum)
            reserved.add_metric(place, census.slots.reserved)
            used.add_metric(place, census.slots.used)
        for place, at in self._last.items():
            last.add_metric(place, at.timestamp())
        yield from (sessions, longest, maximum, reserved, used, last)

    def _present(self) -> Sequence[Census]:
        return self._found if self._good_until is not None and self._clock() < self._good_until else ()


class _Frozen(Collector):
    """The freeze switch as it was last seen, until that is too long ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: dict[str, int] = {}
        self._good_until: datetime | None = None

    def show(self, standing: Iterable[Freeze], good_for: timedelta) -> None:
        # The switch for all instances has a sample also while it is off: none at all says that nobody knows.
        self._shown = {"": 0} | {freeze.instance_id or "": 1 for freeze in standing}
        self._good_until = self._clock() + good_for

    def collect(self) -> Iterator[Metric]:
        """One sample for the switch of all instances, and one for each instance that is frozen for itself."""
        family = GaugeMetricFamily(
            "vacate_kills_frozen",
            "1 while kills are frozen: of one instance, or of all where the id is empty.",
            labels=("instance_id",),
        )
        if self._good_until is not None and self._clock() < self._good_until:
            for instance_id, on in self._shown.items():
                family.add_metric((instance_id,), on)
        yield family


def _word(truth: bool) -> str:  # noqa: FBT001 - a truth and its word
    return "true" if truth else "false"


def _place(census: Census) -> tuple[str, str]:
    return census.component.instance_id, census.component.id
