"""Every metric of Vacate, declared in one place. Never a process id or a statement as a label."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vacate.domain.sweeps import Outcome, Report
from vacate.operations.ports import ComponentHealth

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The registry of one service and the places where it is told what happened."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, version: str) -> None:
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

    def anchor_failed(self) -> None:
        """Count an audit event whose anchor could not be written."""
        self._anchor_failures.inc()

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
