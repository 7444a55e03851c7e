"""Tells metrics and logs what the operations report."""

import logging
from dataclasses import asdict

from vacate.domain.audit import AuditEvent
from vacate.domain.chain import Anchor
from vacate.domain.sweeps import Outcome, Report
from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics


class TelemetryObserver:
    """Implements `operations.ports.Observer`: counts a sweep, and writes one line for every ended session and event."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

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
        """An event was written, and the anchor could not be moved to it."""
        self._metrics.anchor_failed()
        log("audit anchor not moved", {"reason": reason}, level=logging.ERROR)

    def audit_delayed(self, event: AuditEvent, reason: str) -> None:
        """An event could not be written; the whole of it goes to the log."""
        self._metrics.audit_delayed()
        log(
            "audit event delayed",
            {"reason": reason, "event": _without_statements(event)},
            level=logging.ERROR,
        )


def _without_statements(event: AuditEvent) -> dict[str, object]:
    """The event as data. Statement texts may hold anything a user typed, so they stay out of the log."""
    data = asdict(event)
    for entry in data["sessions"]:
        entry["session"].pop("query")
    return data
