"""Events of the audit as they are read back."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

from tests.support.place import TARGET
from vacate.domain.access.identity import CredentialKind, Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent, RecordedSession
from vacate.domain.sweeps.report import Outcome

RECORDED_AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
STATEMENT = "SELECT card_number FROM customers WHERE name = 'Müller'"


class Said(TypedDict, total=False):
    """What of a recorded session a test may set."""

    user: str | None
    application: str | None
    outcome: Outcome


def recorded_session(number: int, **said: Unpack[Said]) -> RecordedSession:
    """One session of an event, with the statement that it ran last."""
    return RecordedSession(
        session_id=number,
        pid=number,
        backend_start=RECORDED_AT - timedelta(hours=2),
        state_change=RECORDED_AT - timedelta(hours=1),
        user=said.get("user", "app_orders"),
        database="shop",
        application=said.get("application", "web"),
        client_address="192.0.2.7",
        outcome=said.get("outcome", Outcome.TERMINATED),
        by="signal",
        reason="idle for 1 h",
        statement=STATEMENT,
        fingerprint="select card_number from customers where name = ?",
    )


def recorded_event(
    *sessions: RecordedSession,
    action: AuditAction = AuditAction.KILL_IDLE_FINISHED,
    number: int = 7,
    plan_id: str | None = None,
    note: str | None = None,
) -> RecordedEvent:
    """An event with these sessions; another number is another event."""
    return RecordedEvent(
        id=number,
        digest=f"{number:064x}",
        at=RECORDED_AT,
        action=action,
        request_id="request-1",
        user_id="u1",
        user_name="olga",
        role=Role.OPERATOR,
        credential_kind=CredentialKind.TOKEN,
        credential="0123456789ab",
        source_address="203.0.113.9",
        target=TARGET,
        sessions=sessions,
        named=(),
        error=None,
        plan_id=plan_id,
        note=note,
    )
