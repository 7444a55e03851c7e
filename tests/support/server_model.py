"""A database server in memory, whose sessions live on between any two steps of a sweep, and a link to it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Unpack

from tests.support.sessions import LOOK_AT, Facts, idle_session
from vacate.domain.activity import Activity
from vacate.domain.errors import VacateError
from vacate.domain.guards import GuardName
from vacate.domain.servers import Engine, Neighbours
from vacate.domain.sessions import CLIENT_BACKEND, IDLE, Demand, Session, SessionKey, Victim
from vacate.domain.sweeps import Signal
from vacate.operations.ports import Signalled, TerminateBrokenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signal as it arrived: at which session, in which state, in which of its idle periods and transactions."""

    key: SessionKey
    pid: int
    state: str | None
    period: int
    transaction: int | None


@dataclass(slots=True, kw_only=True)
class _Live:
    """A living session.

    `period` counts its changes of state, `transactions` those that it began, and `transaction` is the number of the
    open one. No client can see these, so no client can rely on them.
    """

    facts: Session
    period: int = 0
    transactions: int = 0
    transaction: int | None = None
    frozen: bool = False
    untouchable: bool = False
    dying: bool = False


Step = str
Tape = list[object]
"""What happened, in order: signals and steps of the server, and whatever else is put there."""

Meanwhile = Callable[[], None]


class ServerModel:
    """A database server, as far as sessions go: they open, wake, rest and end, and a pid may be used again."""

    def __init__(self, tape: Tape | None = None) -> None:
        self.tape: Tape = [] if tape is None else tape
        self.now = LOOK_AT
        self.lingers = 0
        """How many times a signalled session is still listed before it is gone."""
        self.signals: list[Seen] = []
        self.last_look: tuple[Session, ...] = ()
        self.periods_at_last_look: dict[SessionKey | None, int] = {}
        self.transactions_at_last_look: dict[SessionKey | None, int | None] = {}
        self._live: dict[int, _Live] = {}
        self._next_pid = 1001

    def open(self, **facts: Unpack[Facts]) -> int:
        """A session begins and is idle at once; its pid is the next one unless the facts name one."""
        if "pid" not in facts:
            facts["pid"] = self._next_pid
            self._next_pid += 1
        facts.setdefault("backend_start", self._tick())
        facts.setdefault("state_change", self._tick())
        session = idle_session(**facts)
        self._live[session.pid] = _Live(facts=session)
        return session.pid

    def pids(self) -> tuple[int, ...]:
        return tuple(self._live)

    def session(self, pid: int) -> Session:
        return self._live[pid].facts

    def key(self, pid: int) -> SessionKey:
        key = self._live[pid].facts.key
        assert key is not None
        return key

    def wake(self, pid: int) -> None:
        """A statement starts, in the open transaction or in one of its own."""
        if self._live[pid].transaction is None:
            self._new_transaction(pid)
        self._become(pid, "active")

    def rest(self, pid: int) -> None:
        """A statement starts and ends, and with it the transaction: idle, and not the idle period of before."""
        self._live[pid].transaction = None
        self.change(pid, transaction_start=None)
        self._become(pid, IDLE)

    def begin(self, pid: int) -> None:
        """A new transaction is begun and stays open; one that was open ends."""
        self._new_transaction(pid)
        self._become(pid, "idle in transaction")

    def end(self, pid: int) -> None:
        """The client leaves."""
        del self._live[pid]

    def reuse(self, pid: int) -> None:
        """The client leaves and another one's session gets the same pid."""
        del self._live[pid]
        self.open(pid=pid)

    def change(self, pid: int, /, **facts: Unpack[Facts]) -> None:
        """Facts change that are no state."""
        live = self._live[pid]
        live.facts = replace(live.facts, **facts)

    def freeze(self, pid: int) -> None:
        """From now on the session takes signals and does not act on them."""
        self._live[pid].frozen = True

    def forbid(self, pid: int) -> None:
        """From now on the server lets nobody like us signal the session."""
        self._live[pid].untouchable = True

    def listed(self) -> tuple[Session, ...]:
        """Every session, with the time it is in its state by the server's own clock."""
        self._tick()
        self.last_look = tuple(self._as_of_now(live) for live in self._live.values())
        self.periods_at_last_look = {live.facts.key: live.period for live in self._live.values()}
        self.transactions_at_last_look = {live.facts.key: live.transaction for live in self._live.values()}
        return self.last_look

    def wrong(self, signals: Sequence[Seen]) -> list[Seen]:
        """Those that hit a session which was not idle, or not in the idle period of the last look any more."""
        return [
            seen for seen in signals if seen.state != IDLE or self.periods_at_last_look.get(seen.key) != seen.period
        ]

    def wrong_transactions(self, signals: Sequence[Seen]) -> list[Seen]:
        """Those that hit a session which was not in the transaction of the last look any more, or in none."""
        return [
            seen
            for seen in signals
            if seen.transaction is None or self.transactions_at_last_look.get(seen.key) != seen.transaction
        ]

    def strangers(self, signals: Sequence[Seen], named: Sequence[int]) -> list[Seen]:
        """Those that hit a session which nobody named, or which the last look did not see: it only has the pid."""
        return [seen for seen in signals if seen.pid not in named or seen.key not in self.periods_at_last_look]

    def signal(self, pid: int) -> None:
        """A signal arrives, whatever the session is doing."""
        live = self._live[pid]
        seen = Seen(
            key=self.key(pid), pid=pid, state=live.facts.state, period=live.period, transaction=live.transaction
        )
        self.signals.append(seen)
        self.tape.append(seen)
        if live.frozen:
            return
        if self.lingers:
            live.dying = True
        else:
            del self._live[pid]

    def second_read(self, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        """What the terminating statement does with one victim: read, compare, and signal or not."""
        signal = self._compare(victim, off)
        if signal is Signal.SIGNALLED:
            self.signal(victim.pid)
        return Signalled(key=victim.key, signal=signal, reason=f"the server said {signal}")

    def still_there(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these are listed; those that linger come nearer to their end."""
        self._tick()
        present = frozenset(keys) & {live.facts.key for live in self._live.values()}
        self.lingers = max(0, self.lingers - 1)
        if not self.lingers:
            self._live = {pid: live for pid, live in self._live.items() if not live.dying}
        return present

    def _compare(self, victim: Victim, off: frozenset[GuardName]) -> Signal:
        live = self._live.get(victim.pid)
        if live is None or live.facts.key != victim.key:
            return Signal.GONE
        now = live.facts
        if now.own or (now.backend_type != CLIENT_BACKEND and GuardName.NOT_A_CLIENT not in off):
            return Signal.PROTECTED
        if now.client_address is None and GuardName.NO_CLIENT_ADDRESS not in off:
            return Signal.PROTECTED
        if not _meets(now, victim):
            return Signal.WOKE
        return Signal.FORBIDDEN if live.untouchable else Signal.SIGNALLED

    def _new_transaction(self, pid: int) -> None:
        live = self._live[pid]
        live.transactions += 1
        live.transaction = live.transactions
        self.change(pid, transaction_start=self._tick())

    def _become(self, pid: int, state: str) -> None:
        live = self._live[pid]
        live.facts = replace(live.facts, state=state, state_change=self._tick())
        live.period += 1

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _as_of_now(self, live: _Live) -> Session:
        since = live.facts.state_change
        return replace(live.facts, in_state_for=None if since is None else self.now - since)


def _meets(now: Session, victim: Victim) -> bool:
    match victim.demand:
        case Demand.SAME_IDLE_PERIOD:
            return now.state == IDLE and now.state_change == victim.since
        case Demand.SAME_TRANSACTION:
            return now.transaction_start is not None and now.transaction_start == victim.since
        case Demand.SAME_SESSION:
            return True


@dataclass(kw_only=True)
class ModelLink:
    """A link to the model. Before every single step of the server, `meanwhile` may change the world."""

    server: ServerModel
    chunk: int = 3
    meanwhile: Meanwhile = lambda: None
    look_fails: VacateError | None = None
    breaks_after: int | None = None
    """How many victims the server deals with until the link breaks; the answers of that chunk are lost."""
    unseen: deque[VacateError | None] = field(default_factory=deque[VacateError | None])
    """What asking who is still there fails with, question by question."""
    chunk_takes: timedelta = timedelta(0)
    offs: list[frozenset[GuardName]] = field(default_factory=list[frozenset[GuardName]])
    engine: Engine = Engine.POSTGRESQL
    neighbours: Neighbours = field(default_factory=Neighbours)

    async def look(self) -> tuple[Session, ...]:
        await self._step("look")
        if self.look_fails is not None:
            raise self.look_fails
        return self.server.listed()

    async def activity(self) -> tuple[Activity, ...]:
        await self._step("activity")
        return ()

    async def databases(self) -> tuple[str, ...]:
        await self._step("databases")
        return ("shop",)

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        self.offs.append(off)
        dealt_with = 0
        for start in range(0, len(victims), self.chunk):
            chunk = victims[start : start + self.chunk]
            await asyncio.sleep(self.chunk_takes.total_seconds())
            answers: list[Signalled] = []
            for victim in chunk:
                if dealt_with == self.breaks_after:
                    raise TerminateBrokenError("the cable was cut", [v.key for v in chunk])
                self.meanwhile()
                answers.append(self.server.second_read(victim, off))
                dealt_with += 1
            await asyncio.sleep(0)
            yield tuple(answers)

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        await self._step("still_present")
        problem = self.unseen.popleft() if self.unseen else None
        if problem is not None:
            raise problem
        return self.server.still_there(keys)

    async def _step(self, name: Step) -> None:
        await asyncio.sleep(0)
        self.meanwhile()
        self.server.tape.append(name)
