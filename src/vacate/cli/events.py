"""Events of the audit for people: what a call did, what was done last, what became of a session."""

from collections.abc import Iterable, Sequence

from vacate.cli import output
from vacate.cli.tables import Column, Table, show, show_block
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent, RecordedSession
from vacate.domain.sweeps.report import Outcome

_FINISHED = {AuditAction.KILL_NAMED_FINISHED, AuditAction.KILL_TRANSACTION_FINISHED}
# What is said of an event in words; the rest are ids and moments.
_PROSE = {"by", "note", "problem", "named", "not there"}

_AT = Column(title="at (UTC)")
_REQUEST = Column(title="request id")
_EVENT = (
    _AT,
    Column(title="action"),
    Column(title="by", text=True, minor=1),
    Column(title="component", minor=3),
    Column(title="sessions", minor=4, right=True),
    Column(title="problem", text=True, minor=2, least=20),
    _REQUEST,
)
_SESSION = (
    Column(title="session"),
    Column(title="user", text=True, minor=2),
    Column(title="application", text=True, minor=3),
    Column(title="database", text=True, minor=5),
    Column(title="client", minor=4),
    Column(title="outcome"),
    Column(title="why", text=True, least=20),
)
_FOUND = (
    _AT,
    Column(title="session"),
    Column(title="user", text=True, minor=3),
    Column(title="database", text=True, minor=5),
    Column(title="client", minor=6),
    Column(title="outcome"),
    Column(title="why", text=True, least=20, minor=1),
    Column(title="by", text=True, minor=4),
    _REQUEST,
)


def show_events(events: Sequence[RecordedEvent]) -> None:
    """Print every event of one call, with its sessions."""
    for number, event in enumerate(events):
        if number:
            output.say("")
        show_block([(Column(title=title, text=title in _PROSE), value) for title, value in _facts(event)])
        if event.sessions:
            output.say("")
            show(sessions_table(event.sessions, event.action))


def show_event_list(events: Iterable[RecordedEvent]) -> None:
    """Print events, one line each. Before a sweep, sessions are those that it may end."""
    table = Table(columns=_EVENT)
    for event in events:
        table.add(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            # A terminal's eighty columns hold a moment, an action without its subject, and the id of a call.
            event.action.removeprefix("session:") if output.is_terminal() else event.action,
            event.user_name,
            event.target.component_id or "-",
            str(len(event.sessions)),
            event.error or "-",
            event.request_id,
        )
    show(table)


def show_found(events: Iterable[RecordedEvent]) -> None:
    """Print what became of sessions, one line each, with who did it and how to read more."""
    table = Table(columns=_FOUND)
    for event in events:
        for entry in event.sessions:
            outcome, why = _fate(entry, event.action)
            table.add(
                f"{event.at:%Y-%m-%d %H:%M:%S}",
                str(entry.session_id),
                entry.user or "-",
                entry.database or "-",
                entry.client_address or "-",
                outcome,
                why,
                event.user_name,
                event.request_id,
            )
    show(table)


def sessions_table(sessions: Iterable[RecordedSession], action: AuditAction) -> Table:
    """One line a session of an event: who it is, what became of it or is meant to, and why."""
    table = Table(columns=_SESSION)
    for entry in sorted(sessions, key=_by_outcome):
        outcome, why = _fate(entry, action)
        table.add(
            str(entry.session_id),
            entry.user or "-",
            entry.application or "-",
            entry.database or "-",
            entry.client_address or "-",
            outcome,
            why,
            marked=outcome == Outcome.TERMINATED,
        )
    return table


def _facts(event: RecordedEvent) -> list[tuple[str, str]]:
    target = event.target
    absent = _absent(event) if event.action in _FINISHED else ()
    return [
        ("event", str(event.id)),
        ("at", f"{event.at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        ("action", event.action),
        ("request", event.request_id),
        ("by", _who(event)),
        ("component", target.component_id),
        ("node", target.node_id),
        ("instance", target.instance_id),
        ("plan", event.plan_id or ""),
        ("named", _words(event.named)),
        ("not there", _words(absent)),
        ("note", event.note or ""),
        ("problem", event.error or ""),
    ]


def _who(event: RecordedEvent) -> str:
    proof = f"{event.credential_kind} {event.credential}".strip()
    source = f" from {event.source_address}" if event.source_address else ""
    return f"{event.user_name} ({proof}){source}"


def _fate(entry: RecordedSession, action: AuditAction) -> tuple[str, str]:
    """What is known of a session in words. Before its turn that is what is meant to happen, and no outcome."""
    if entry.outcome is not Outcome.NOT_REACHED:
        return entry.outcome, entry.reason
    if action is AuditAction.PLAN_MADE:
        return "planned", "nothing was done to it yet"
    if action.endswith(":intended"):
        return "intended", "to be ended"
    return entry.outcome, entry.reason


def _absent(event: RecordedEvent) -> tuple[int, ...]:
    """The named ids that a finished event has no session for."""
    present = {entry.session_id for entry in event.sessions}
    return tuple(session_id for session_id in event.named if session_id not in present)


def _words(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids))


def _by_outcome(entry: RecordedSession) -> tuple[bool, str, str]:
    return entry.outcome is not Outcome.TERMINATED, entry.by, entry.application or ""
