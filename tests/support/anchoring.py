"""Who hears of the audit and its anchor in tests."""

from dataclasses import dataclass, field

from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditEvent


@dataclass
class Told:
    """Implements `store.anchored_audit.AnchorObserver` and remembers."""

    events: list[int] = field(default_factory=list[int])
    failures: list[str] = field(default_factory=list[str])
    disputes: list[str | None] = field(default_factory=list[str | None])

    def audited(self, event: AuditEvent, anchor: Anchor) -> None:
        del event
        self.events.append(anchor.id)

    def anchor_failed(self, reason: str) -> None:
        self.failures.append(reason)

    def audit_disputed(self, problem: str | None) -> None:
        self.disputes.append(problem)
