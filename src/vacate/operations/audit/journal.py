"""The order in which the audit is written, so that nothing is ended without its event and nothing is lost."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vacate.domain.audit.event import AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.operations.ports import AuditLog, DelayObserver


@dataclass(frozen=True, slots=True)
class _Recording:
    """Events that something depends on, and what tells whether they are durable."""

    events: tuple[AuditEvent, ...]
    written: asyncio.Future[None]


class Journal:
    """Writes events to the audit log and keeps those that had to wait.

    `record` is for events that something depends on: it raises when the event is not durable.
    `conclude` is for what has already happened: it never raises. An event that cannot be written then is handed to
    the observer, which leaves a trace of it elsewhere, and kept here until the log takes it. As long as one waits,
    `record` fails, so that no sweep starts on an audit that is behind.

    Events of several callers that wait for the log at once are written together, which takes as long as one of them.
    """

    def __init__(self, log: AuditLog, observer: DelayObserver) -> None:
        self._log = log
        self._observer = observer
        self._waiting: deque[AuditEvent] = deque()
        self._first_attempts = 0
        self._recordings: deque[_Recording] = deque()
        self._order = asyncio.Lock()
        # The event loop itself holds its tasks only weakly.
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many events could not be written yet. One that is written for the first time now is not behind."""
        return len(self._waiting) - self._first_attempts

    @property
    def stopped(self) -> str | None:
        """Why nothing may be ended now, in words; `None` as long as `record` may be tried."""
        return self._log.problem

    async def record(self, *events: AuditEvent) -> None:
        """Make events durable, after all that were waiting.

        Raises:
            AuditUnavailableError: they are not durable; whatever depends on them must not happen.
        """
        recording = _Recording(events, asyncio.get_running_loop().create_future())
        self._recordings.append(recording)
        # A caller may go away while the events of others are written with its own.
        writing = asyncio.ensure_future(self._write_recordings())
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.shield(recording.written)

    async def conclude(self, event: AuditEvent) -> None:
        """Write down what has happened, now or as soon as the log takes it again."""
        async with self._order:
            self._waiting.append(event)
            self._first_attempts = 1
            try:
                await self._write_waiting()
            except AuditUnavailableError as error:
                self._observer.audit_delayed(event, str(error))
            finally:
                self._first_attempts = 0

    async def catch_up(self) -> None:
        """Write what is waiting.

        Raises:
            AuditUnavailableError: some of it still waits.
        """
        async with self._order:
            await self._write_waiting()

    async def _write_recordings(self) -> None:
        """Write everything that is to be recorded by now, unless somebody has done so meanwhile."""
        async with self._order:
            together = tuple(self._recordings)
            self._recordings.clear()
            if not together:
                return
            try:
                await self._write_waiting()
                await self._append(*(event for each in together for event in each.events))
            except AuditUnavailableError as error:
                if len(together) == 1 or self._waiting:
                    for each in together:
                        _tell(each, error)
                    return
                await self._write_one_by_one(together)
            else:
                for each in together:
                    _tell(each, None)

    async def _write_one_by_one(self, together: Iterable[_Recording]) -> None:
        """One of them may be what the log does not take."""
        for each in together:
            try:
                await self._append(*each.events)
            except AuditUnavailableError as error:
                _tell(each, error)
            else:
                _tell(each, None)

    async def _write_waiting(self) -> None:
        while self._waiting:
            await self._append(self._waiting[0], concluding=True)
            self._waiting.popleft()

    async def _append(self, *events: AuditEvent, concluding: bool = False) -> None:
        """Write events; a failure that nobody foresaw is one like any other."""
        try:
            await self._log.append(*events, concluding=concluding)
        except AuditUnavailableError:
            raise
        except Exception as error:
            raise AuditUnavailableError(f"something unforeseen happened ({type(error).__name__}: {error})") from error


def _tell(recording: _Recording, error: AuditUnavailableError | None) -> None:
    if recording.written.done():
        return
    if error is None:
        recording.written.set_result(None)
    else:
        recording.written.set_exception(error)
        # Where the caller is gone nobody else looks at it.
        recording.written.exception()
