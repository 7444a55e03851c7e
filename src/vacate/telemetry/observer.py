"""Tells metrics and logs what the operations report."""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta

from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.sessions.census import Census, Uncounted
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome, Report
from vacate.domain.topology.components import Component
from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics, PlanStep

_PLAN_STEPS = {
    AuditAction.PLAN_MADE: PlanStep.MADE,
    AuditAction.PLAN_APPLY_STARTED: PlanStep.STARTED,
    AuditAction.PLAN_APPLY_FINISHED: PlanStep.APPLIED,
    AuditAction.PLAN_APPLY_STOPPED: PlanStep.STOPPED,
    AuditAction.PLAN_APPLY_INTERRUPTED: PlanStep.INTERRUPTED,
    AuditAction.PLAN_APPLY_REFUSED: PlanStep.REFUSED,
}
_OVER = frozenset({PlanStep.APPLIED, PlanStep.STOPPED, PlanStep.INTERRUPTED})
# More than are ever made at the same time; whoever makes one writes its events one after the other.
_PLANS_REMEMBERED = 256
_ERRORS_REMEMBERED = 256


class TelemetryObserver:
    """Implements `operations.ports.Observer`: counts a sweep, and writes one line for every ended session and event."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._made = deque[str | None](maxlen=_PLANS_REMEMBERED)
        self._applying = set[str | None]()
        self._uncounted = frozenset[Component]()
        self._seen = deque[object](maxlen=_ERRORS_REMEMBERED)

    def swept(self, report: Report) -> None:
        """A sweep ended."""
        self._metrics.swept(report)
        component = report.component
        where = {
            "verb": report.verb,
            "request_id": report.request_id,
            "instance_id": component.instance_id,
            "node_id": component.node_id,
            "component_id": component.id,
        }
        for entry in report.sessions:
            if entry.outcome in (Outcome.SPARED, Outcome.WOKE):
                continue
            session = entry.session
            log(
                f"session {entry.outcome}",
                {
                    **where,
                    "session_id": session.session_id,
                    "pid": session.pid,
                    "backend_start": session.backend_start,
                    "user": session.user,
                    "database": session.database,
                    "application": session.application,
                    "client_address": session.client_address,
                    "state": session.state,
                    "in_state_seconds": session.in_state_for.total_seconds() if session.in_state_for else None,
                    "outcome": entry.outcome,
                    "reason": entry.reason,
                },
            )
        counts = {outcome.value: count for outcome, count in report.counts.items()}
        log("sweep ended", {**where, **counts, **({"absent": len(report.absent)} if report.absent else {})})

    def audited(self, event: AuditEvent, anchor: Anchor) -> None:
        """An event was written. The line is an anchor of its own once it has left the machine."""
        self._metrics.audited(anchor.id)
        self._planned(event)
        log(
            "audit event",
            {
                "id": anchor.id,
                "digest": anchor.digest.hex(),
                "action": event.action,
                "request_id": event.actor.request_id,
                **({"plan_id": event.plan_id} if event.plan_id else {}),
            },
        )

    def anchor_failed(self, reason: str) -> None:
        """The anchor could not be read, or not be moved to an event that was written."""
        self._metrics.anchor_failed()
        log("audit anchor not moved", {"reason": reason}, level=logging.ERROR)

    def audit_disputed(self, problem: str | None) -> None:
        """The audit has lost events, so nothing is ended; `None` when somebody has acknowledged that."""
        self._metrics.audit_disputed(0 if problem is None else 1)
        if problem is None:
            log("audit not disputed any more, kills are allowed", {}, level=logging.WARNING)
        else:
            log("audit disputed, kills are stopped", {"reason": problem}, level=logging.ERROR)

    def event_unreadable(self, event_id: int, reason: str) -> None:
        """An event of the audit cannot be read, so it is left out wherever events are shown."""
        self._metrics.event_unreadable()
        log("audit event unreadable", {"id": event_id, "reason": reason}, level=logging.ERROR)

    def audit_delayed(self, event: AuditEvent, reason: str) -> None:
        """An event could not be written; the whole of it goes to the log."""
        self._metrics.audit_delayed()
        log(
            "audit event delayed",
            {"reason": reason, "event": _without_statements(event)},
            level=logging.ERROR,
        )

    def unforeseen(self, component: Component, error: Exception) -> None:
        """Something that nobody foresaw happened at a component. The first time its traceback goes to the log."""
        self._metrics.unforeseen(component)
        origin = error.__traceback__
        while origin is not None and origin.tb_next is not None:
            origin = origin.tb_next
        place = origin and (origin.tb_frame.f_code.co_filename, origin.tb_lineno)
        which = (component, type(error), place)
        if which in self._seen:
            return
        self._seen.append(which)
        where = {"instance_id": component.instance_id, "component_id": component.id}
        log("component failed", where, level=logging.ERROR, error=error)

    def failed_by_itself(self) -> None:
        """Something that nobody foresaw happened in what the service does without being asked."""
        self._metrics.unforeseen(None)

    def counted(self, found: Iterable[Census | Uncounted], *, good_for: timedelta) -> None:
        """A census was taken, and may be shown for so long. The log has who is left out of it from now on, or no more.

        Whoever is left out for long would fill the log, so only the first time is a line.
        """
        entries = tuple(found)
        self._metrics.counted((entry for entry in entries if isinstance(entry, Census)), good_for=good_for)
        for entry in entries:
            known = entry.component in self._uncounted
            where = {"instance_id": entry.component.instance_id, "component_id": entry.component.id}
            if isinstance(entry, Uncounted) and not known:
                log("component not counted", where | {"reason": entry.reason}, level=logging.WARNING)
            if isinstance(entry, Census) and known:
                log("component counted again", where)
        self._uncounted = frozenset(entry.component for entry in entries if isinstance(entry, Uncounted))

    def frozen(self, standing: Iterable[Freeze], *, good_for: timedelta) -> None:
        """The freeze switch was looked at, and what stands there may be shown for so long."""
        self._metrics.frozen(standing, good_for=good_for)

    def _planned(self, event: AuditEvent) -> None:
        """Count what an event says of a plan. A plan is made once, with an event for each of its components."""
        step = _PLAN_STEPS.get(event.action)
        if step is None or (step is PlanStep.MADE and event.plan_id in self._made):
            return
        self._metrics.planned(step)
        if step is PlanStep.MADE:
            self._made.append(event.plan_id)
        if step is PlanStep.STARTED:
            self._applying.add(event.plan_id)
        if step in _OVER:
            self._applying.discard(event.plan_id)
        self._metrics.applying(len(self._applying))


def _without_statements(event: AuditEvent) -> dict[str, object]:
    """The event as data. Statement texts may hold anything a user typed, so they stay out of the log."""
    data = asdict(event)
    for entry in data["sessions"]:
        entry["session"].pop("query")
    return data
