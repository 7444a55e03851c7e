"""The audit with its anchor: every event is anchored, and a chain that has lost events stops whatever depends on it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.store.anchor import AnchorFile, AnchorInvalidError
from vacate.store.aside import Aside
from vacate.store.audit import SqlAuditLog
from vacate.store.chain_watch import ChainWatch

_T = TypeVar("_T")

ANCHOR_WITHIN_S = 3.0
"""How long the anchor's file is waited for: longer than its lock, so that whoever holds the lock is told of."""


class AnchorObserver(Protocol):
    """Who hears of every event that was written. What it writes down elsewhere is an anchor as well."""

    def audited(self, event: AuditEvent, anchor: Anchor) -> None:
        """An event was written."""
        ...

    def anchor_failed(self, reason: str) -> None:
        """The anchor could not be read, or not be moved to an event that was written."""
        ...

    def audit_disputed(self, problem: str | None) -> None:
        """The chain does not go through what is known of it, so nothing is ended; `None` when it does again."""
        ...


class AnchoredAuditLog:
    """Implements `operations.ports.AuditLog`: the event first, durable, then its anchor.

    An anchor that cannot be read or moved is no reason to stop, nor to undo what is durable: it is told, and the next
    event moves it further. An anchor that is ahead of the chain or not on it proves that events were cut off or
    replaced. It is not moved then, and only what has already happened is written until an operator acknowledges it.
    """

    def __init__(
        self, log: SqlAuditLog, file: AnchorFile | None, observer: AnchorObserver, *, within_s: float = ANCHOR_WITHIN_S
    ) -> None:
        """Take the log, the file if there is one, who hears of it, and how long the file is waited for."""
        self._log = log
        self._file = file
        self._observer = observer
        self._within_s = within_s
        self._aside = Aside(patience_s=within_s)
        self._watch = ChainWatch(self._log.key)
        self.problem: str | None = None
        """Why nothing may be ended now; `None` while the chain goes through all that is known of it."""
        self.anchor_problem: str | None = None
        """Why the anchor stands still; `None` while it follows the chain."""

    async def append(self, *events: AuditEvent, concluding: bool = False, begin_key: bool = False) -> None:
        """Write events, all or none, and anchor the last one.

        Concluding ones say what has already happened: they are written in any case. `begin_key` is for whoever takes a
        store from before there was a key to a newer Vacate.

        Raises:
            AuditUnavailableError: they could not be written.
        """
        # What has lost events is vouched for by nobody but whoever acknowledges that.
        guard = self._guard(await self._anchored(), concluding=concluding and not begin_key)
        await self._moved(events, await self._log.append(*events, guard=guard, begin_key=begin_key))

    async def prune(self, before: datetime, event: AuditEvent) -> int:
        """Remove old events; see `SqlAuditLog.prune`.

        Raises:
            AuditUnavailableError: nothing was removed.
        """
        removed, anchor = await self._log.prune(before, event, guard=self._guard(await self._anchored()))
        if anchor is not None:
            await self._moved((event,), (anchor,))
        return removed

    async def check(self) -> None:
        """Compare the chain with all that is known of it; what is found is in `problem`.

        Raises:
            StoreUnavailableError: the store cannot be used.
        """
        await self._log.look(self._guard(await self._anchored(), concluding=True, thorough=True))

    async def acknowledge(self, event: AuditEvent) -> Anchor:
        """Write that the chain has lost an event, and anchor what is there now; see `chain_watch.acknowledging`.

        Raises:
            AuditUnavailableError: it could not be written.
            OSError: it is written, and the anchor could not be replaced.
        """
        anchor = await self._log.acknowledge(event)
        self._watch = ChainWatch(self._log.key)
        self._watch.saw(anchor)
        self._found(None)
        self._observer.audited(event, anchor)
        file = self._file
        if file is not None:
            await self._bounded(lambda: file.replace(anchor, event.at))
        return anchor

    def _guard(
        self, anchored: Anchor | str | None, *, concluding: bool = False, thorough: bool = False
    ) -> Callable[[AsyncConnection, Anchor], Awaitable[None]]:
        async def guard(connection: AsyncConnection, head: Anchor) -> None:
            if isinstance(anchored, str):
                self._found(anchored)
            else:
                self._found(await self._watch.dispute(connection, head, anchored, thorough=thorough))
            if self.problem is not None and not concluding:
                raise AuditUnavailableError(self.problem)

        return guard

    async def _anchored(self) -> Anchor | str | None:
        """What is anchored, or in words why the file is no anchor; `None` where that is not known now."""
        if self._file is None:
            return None
        try:
            return await self._bounded(self._file.kept)
        except AnchorInvalidError as error:
            return f"{self._file.path} is no anchor: {error}"
        except OSError:
            return None

    async def _moved(self, events: Sequence[AuditEvent], anchors: Sequence[Anchor]) -> None:
        for event, anchor in zip(events, anchors, strict=True):
            self._observer.audited(event, anchor)
        if self.problem is not None or not anchors:
            return
        event, anchor = events[-1], anchors[-1]
        self._watch.saw(anchor)
        file = self._file
        if file is not None:
            try:
                await self._bounded(lambda: file.advance(anchor, event.at))
            except (OSError, ValueError):
                return

    async def _bounded(self, work: Callable[[], _T]) -> _T:
        try:
            result = await self._aside.do(work)
        except TimeoutError as error:
            words = str(error) or f"it does not answer within {self._within_s:g} s; look at the file system it is on"
            self._stands_still(words)
            raise
        except (OSError, ValueError) as error:
            self._stands_still(str(error))
            raise
        self.anchor_problem = None
        return result

    def _stands_still(self, reason: str) -> None:
        path = "" if self._file is None else f"{self._file.path}: "
        self.anchor_problem = f"{path}{reason}"
        self._observer.anchor_failed(self.anchor_problem)

    def _found(self, problem: str | None) -> None:
        # Which event is the last changes with every one that is written; that alone is no news.
        news = (problem is None) != (self.problem is None)
        self.problem = problem
        if news:
            self._observer.audit_disputed(problem)
