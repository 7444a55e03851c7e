"""`vacate audit`: read the record, search it, prove it, take it away, and shorten it."""

import csv
import io
import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec

from vacate.cli.events import show_event_list, show_events, show_found
from vacate.cli.operator import audit_of, operator
from vacate.cli.output import document, tell
from vacate.domain.audit.chain import BEGINNING, FIELDS, Anchor, Link
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import AuditQuery, RecordedEvent, RecordedSession
from vacate.domain.errors import AuditUnavailableError, SettingsError
from vacate.domain.texts import for_csv, for_json, in_encoding, unfit
from vacate.operations.audit.prune_audit import NOWHERE, PruneAudit
from vacate.operations.clock import utc_now
from vacate.settings.loading import load_settings
from vacate.store.anchor import AnchorFile
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_rows import EventUnreadableError, readable
from vacate.store.chain_watch import acknowledging
from vacate.store.verification import Verification, verify, verify_export, written_link
from vacate.wiring import State, audit_key_of, open_state

_SESSION_COLUMNS = tuple(RecordedSession.__dataclass_fields__)
_EVENT_COLUMNS = tuple(name for name in FIELDS if name not in {"form", "sessions"})
_Write: TypeAlias = Callable[[str], object]


async def show(config: Path, request_id: str) -> None:
    """Print what one call did.

    Raises:
        SettingsError: there is no event of such a call.
    """
    async with open_state(load_settings(config)) as state:
        _tell_of_unreadable(state)
        events = await state.audit.events_of(request_id)
    if not events:
        raise SettingsError(f"no event of a request {request_id!r}")
    show_events(events)


async def show_last(config: Path, limit: int) -> None:
    """Print the last events."""
    async with open_state(load_settings(config)) as state:
        _tell_of_unreadable(state)
        show_event_list(await state.audit.recent(limit))


async def search(config: Path, query: AuditQuery) -> int:
    """Print what is found, a line a session where sessions are asked for; how many events there are."""
    async with open_state(load_settings(config)) as state:
        _tell_of_unreadable(state)
        # Nobody else waits here, so it may take its time.
        if query.of_sessions:
            await state.search.take_in()
        events = await state.search.find(query)
    if not events:
        return 0
    if query.of_sessions:
        show_found(_only(event, query) for event in events)
    else:
        show_event_list(events)
    return len(events)


def _tell_of_unreadable(state: State) -> None:
    def left_out(event_id: int, reason: str) -> None:
        del event_id
        tell(f"vacate: left out: {reason}")

    state.database.unreadable.tell = left_out


def _only(event: RecordedEvent, query: AuditQuery) -> RecordedEvent:
    return replace(event, sessions=tuple(each for each in event.sessions if query.meets(each)))


# --- proof -----------------------------------------------------------------------------------------------------------


async def prove(config: Path, files: Iterable[Path], expected: Iterable[str], export: Path | None) -> Verification:
    """Walk the chain of the store, or of an export, past every anchor that is known.

    Raises:
        SettingsError: an anchor cannot be read.
        StoreUnavailableError: the store cannot be read.
    """
    anchors = [*(_anchor_in(path) for path in files), *(_anchor_of(text) for text in expected)]
    if export is not None:
        try:
            with export.open("rb") as lines:
                return verify_export(lines, anchors, audit_key_of(load_settings(config)).find())
        except OSError as error:
            raise SettingsError(f"cannot read the export {export}: {error.strerror}") from error
    async with open_state(load_settings(config)) as state:
        own = None if state.anchor is None else state.anchor.read()
        return await verify(state.audit, [*anchors, *([own] if own else [])])


def verdict_on(found: Verification) -> tuple[str, ...]:
    """What a walk found, in words, a line each."""
    if found.problem is not None:
        return (f"NOT WHOLE: {found.problem}; {found.events} events before that are as they were written",)
    if found.first_id is None:
        chain = "there is no event"
    else:
        chain = f"events {found.first_id} to {found.last_id} are as they were written, and none is missing"
    anchored = ", ".join(str(anchor) for anchor in found.met)
    end = (
        f"anchored at {anchored}" if anchored else "without an anchor nobody would notice if the last ones were cut off"
    )
    return (f"whole: {chain}; {end}", f"head: {found.last_id}:{found.digest.hex()}")


def _anchor_in(path: Path) -> Anchor:
    anchor = AnchorFile(path).read()
    if anchor is None:
        raise SettingsError(f"there is no anchor {path}")
    return anchor


def _anchor_of(text: str) -> Anchor:
    number, _, digest = text.partition(":")
    try:
        anchor = Anchor(id=int(number), digest=bytes.fromhex(digest), source="as expected")
        if len(anchor.digest) != len(BEGINNING):
            raise ValueError("a digest has 32 bytes")  # noqa: TRY301 - one answer for whatever is no anchor.
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is no anchor; write ID:DIGEST, as a log line or `audit verify` has it"
        ) from error
    return anchor


async def reindex(config: Path) -> int:
    """Make the table for searching anew, from the events; how many events it has then.

    Raises:
        StoreUnavailableError: the store cannot be written.
    """
    async with open_state(load_settings(config)) as state:
        _tell_of_unreadable(state)
        await state.search.begin_anew()
        return await state.search.take_in()


async def acknowledge(config: Path, named: str, reason: str) -> str:
    """Accept that the chain has lost an event, in the audit and in the anchor; in words, what is anchored now.

    Raises:
        SettingsError: that is no event, there is no reason, or the chain does go through the event.
        AuditUnavailableError: the audit cannot be written.
    """
    lost = _anchor_of(named)
    if problem := unfit(reason):
        raise SettingsError(f"--reason cannot be kept as it is: {problem}")
    if not reason.strip():
        raise SettingsError("say with --reason what was found out; it is kept in the audit")
    settings = load_settings(config)
    async with open_state(settings) as state:
        if await state.audit.holds(lost):
            raise SettingsError(f"nothing to acknowledge: event {lost.id} with that digest stands in the chain")
        event = AuditEvent(
            at=utc_now(),
            action=AuditAction.AUDIT_ACKNOWLEDGED,
            actor=operator(settings),
            target=NOWHERE,
            note=f"{acknowledging(lost)}{reason.strip()}",
        )
        try:
            now = await audit_of(state).acknowledge(event)
        except OSError as error:
            raise AuditUnavailableError(
                f"it is in the audit, and the anchor still says otherwise ({error}); run the command again"
            ) from error
    return f"acknowledged; the chain goes on with event {now.id}: {now.id}:{now.digest.hex()}"


# --- taken away ------------------------------------------------------------------------------------------------------


async def export(config: Path, kind: str, since: datetime | None, until: datetime | None, output: Path | None) -> int:
    """Write events as JSON lines or CSV, to a new file or to standard output; how many.

    They are all from the first to the last of that time, so that their chain has no gap.

    Raises:
        SettingsError: the file is there already, or cannot be written.
        StoreUnavailableError: the store cannot be read.
    """
    count = 0
    async with open_state(load_settings(config)) as state:
        with _written_to(output, in_encoding if kind == "csv" else for_json) as write:
            if kind == "csv":
                _row(write, (*(f"event_{name}" for name in _EVENT_COLUMNS), *_SESSION_COLUMNS))
            # A reader who goes away must not leave the store's connection to the garbage collector.
            async with aclosing(_between(state.audit, since, until)) as between:
                async for link in between:
                    count += 1
                    if kind == "csv":
                        try:
                            _rows_of(write, link)
                        except EventUnreadableError as error:
                            count -= 1
                            tell(f"vacate: left out: {error}")
                    else:
                        write(for_json(written_link(link).decode()))
    return count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _written_to(path: Path | None, for_encoding: Callable[[str, str], str]) -> Generator[_Write]:
    """What writes to a file that is there when the block has ended, and only then; or to standard output."""
    if path is None:
        yield lambda text: document(text, for_encoding)
        return
    try:
        # It holds names of users, databases and clients: only whoever asked for it may read it.
        opened = open(path, "x", encoding="utf-8", newline="", opener=_private)  # noqa: SIM115 - closed below
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from error
    try:
        with opened:
            yield opened.write
    except BaseException:
        path.unlink()
        raise


async def _between(log: SqlAuditLog, since: datetime | None, until: datetime | None) -> AsyncGenerator[Link]:
    ids = await log.ids_between(since, until)
    async with aclosing(log.links(after=ids.start - 1)) as batches:
        async for links in batches:
            for link in links:
                if link.id not in ids:
                    return
                yield link


def _rows_of(write: _Write, link: Link) -> None:
    """One line a session; one line for an event without any."""
    event = [link.fields[name] for name in _EVENT_COLUMNS]
    with readable(link.id):
        sessions = msgspec.json.decode(str(link.fields["sessions"]), type=list[dict[str, object]])
    for session in sessions or [{}]:
        _row(write, (*event, *(session.get(name) for name in _SESSION_COLUMNS)))


def _row(write: _Write, cells: Iterable[object]) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([for_csv(c) if isinstance(c, str) else c for c in cells])
    write(line.getvalue())


# --- shortened -------------------------------------------------------------------------------------------------------


async def prune(config: Path, before: datetime) -> int:
    """Remove the events that were written before a time; how many.

    Raises:
        AuditUnavailableError: nothing was removed.
    """
    settings = load_settings(config)
    async with open_state(settings) as state:
        return await PruneAudit(audit=audit_of(state), clock=utc_now).before(before, operator(settings))
