"""The order in which the audit is written, so that nothing is ended without its event and nothing is lost."""

import asyncio
from collections import deque

from vacate.domain.audit import AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.operations.ports import AuditLog, DelayObserver


class Journal:
    """Writes events to the audit log and keeps those that had to wait.

    `record` is for events that something depends on: it raises when the event is not durable.
    `conclude` is for what has already happened: it never raises. An event that cannot be written then is handed to
    the observer, which leaves a trace of it elsewhere, and kept here until the log takes it. As long as one waits,
    `record` fails, so that no sweep starts on an audit that is behind.
    """

    def __init__(self, log: AuditLog, observer: DelayObserver) -> None:
        self._log = log
        self._observer = observer
        self._waiting: deque[AuditEvent] = deque()
        self._order = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many events are not durable yet."""
        return len(self._waiting)

    @property
    def stopped(self) -> str | None:
        """Why nothing may be ended now, in words; `None` as long as `record` may be tried."""
        return self._log.problem

    async def record(self, event: AuditEvent) -> None:
        """Make an event durable, after all that were waiting.

        Raises:
            AuditUnavailableError: it is not durable; whatever depends on it must not happen.
        """
        async with self._order:
            await self._write_waiting()
            await self._append(event)

    async def conclude(self, event: AuditEvent) -> None:
        """Write down what has happened, now or as soon as the log takes it again."""
        async with self._order:
            self._waiting.append(event)
            try:
                await self._write_waiting()
            except AuditUnavailableError as error:
                self._observer.audit_delayed(event, str(error))

    async def catch_up(self) -> None:
        """Write what is waiting.

        Raises:
            AuditUnavailableError: some of it still waits.
        """
        async with self._order:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        while self._waiting:
            await self._append(self._waiting[0], concluding=True)
            self._waiting.popleft()

    async def _append(self, event: AuditEvent, *, concluding: bool = False) -> None:
        """Write an event; a failure that nobody foresaw is one like any other."""
        try:
            await self._log.append(event, concluding=concluding)
        except AuditUnavailableError:
            raise
        except Exception as error:
            raise AuditUnavailableError(f"something unforeseen happened ({type(error).__name__}: {error})") from error
