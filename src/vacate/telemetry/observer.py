"""Tells metrics and logs what the operations report."""

import logging
from dataclasses import asdict

from vacate.domain.audit import AuditEvent
from vacate.domain.sweeps import Outcome, Report
from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics


class TelemetryObserver:
    """Implements `operations.ports.Observer`: counts a sweep, and writes one line for every ended session."""

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
