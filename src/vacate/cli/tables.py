"""Tables for people: what a sweep did, from its audit events."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vacate.domain.audit import AuditAction
from vacate.domain.record import RecordedEvent, RecordedSession
from vacate.domain.sweeps import Outcome

_WIDTH_WITHOUT_TERMINAL = 150
_FINISHED = {AuditAction.KILL_NAMED_FINISHED, AuditAction.KILL_TRANSACTION_FINISHED}


def wide_console() -> Console:
    """Standard output; as wide as the terminal, and wide enough for a table where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def audit_tables(events: Sequence[RecordedEvent]) -> None:
    """Print every event of one call, with its sessions."""
    console = wide_console()
    for event in events:
        console.print(
            f"[bold]{event.at:%Y-%m-%d %H:%M:%S.%f} UTC  {event.action}[/bold]\n"
            f"  by {event.user_name} ({event.credential_kind} {event.credential}) from {event.source_address}, "
            f"target {event.target.component_id} on {event.target.node_id} of {event.target.instance_id}"
        )
        if event.named:
            console.print(f"  named: {_words(event.named)}")
            if event.action in _FINISHED and (absent := _absent(event)):
                console.print(f"  not there: {_words(absent)}")
        if event.plan_id:
            console.print(f"  plan: {event.plan_id}")
        if event.note:
            console.print(f"  {event.note}", markup=False)
        if event.error:
            console.print(f"  {event.error}", style="red", markup=False)
        if event.sessions:
            console.print(sessions_table(event.sessions))


def event_list(events: Iterable[RecordedEvent]) -> None:
    """Print events, one line each."""
    table = Table()
    for column in ("at (UTC)", "action", "by", "component", "sessions", "request id"):
        table.add_column(column, overflow="fold")
    for event in events:
        table.add_row(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            event.action,
            event.user_name,
            event.target.component_id or "-",
            str(len(event.sessions)) if event.error is None else event.error,
            event.request_id,
        )
    wide_console().print(table)


def found_sessions(events: Iterable[RecordedEvent]) -> None:
    """Print what became of sessions, one line each, with who did it and how to read more."""
    table = Table()
    for column in ("at (UTC)", "session", "user", "database", "client", "outcome", "why", "by", "request id"):
        table.add_column(column, overflow="fold")
    for event in events:
        stage = event.action.rpartition(":")[2]
        for entry in event.sessions:
            table.add_row(
                f"{event.at:%Y-%m-%d %H:%M:%S}",
                str(entry.session_id),
                Text(entry.user or "-"),
                Text(entry.database or "-"),
                Text(entry.client_address or "-"),
                entry.outcome if stage == "finished" else f"{entry.outcome} ({stage})",
                Text(entry.reason),
                Text(event.user_name),
                event.request_id,
            )
    wide_console().print(table)


def sessions_table(sessions: Iterable[RecordedSession], *, title: str | None = None) -> Table:
    """One line a session: who it is, what became of it, and why."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in ("session", "user", "application", "database", "client", "outcome", "why"):
        table.add_column(column, overflow="fold")
    for entry in sorted(sessions, key=_by_outcome):
        style = "red" if entry.outcome is Outcome.TERMINATED else ""
        table.add_row(
            str(entry.session_id),
            entry.user or "-",
            entry.application or "-",
            entry.database or "-",
            entry.client_address or "-",
            entry.outcome,
            entry.reason,
            style=style,
        )
    return table


def _absent(event: RecordedEvent) -> tuple[int, ...]:
    """The named ids that a finished event has no session for."""
    present = {entry.session_id for entry in event.sessions}
    return tuple(session_id for session_id in event.named if session_id not in present)


def _words(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids))


def _by_outcome(entry: RecordedSession) -> tuple[bool, str, str]:
    return entry.outcome is not Outcome.TERMINATED, entry.by, entry.application or ""
