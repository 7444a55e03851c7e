"""A database server in memory, whose sessions live on between any two steps of a sweep, and a link to it.

It is one of three kinds. They differ in what names a session, and so in whom a signal hits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import ClassVar, Unpack

from tests.support.place import COMPONENT
from tests.support.sessions import LOOK_AT, Facts, idle_session
from vacate.domain.errors import VacateError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import ABORTED, CLIENT_BACKEND, IDLE, Demand, Session, SessionKey, Victim
from vacate.domain.sessions.slots import Slots
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.sweeps.report import Signal
from vacate.domain.topology.components import Component
from vacate.domain.topology.servers import Engine, Neighbours
from vacate.operations.ports import Signalled, TerminateBrokenError


class Kind(StrEnum):
    """How a server serves its sessions."""

    POSTGRESQL = "postgresql"
    """Each has a process, whose pid is its id."""
    THREADS = "threads"
    """The Gauss family without a pool: each has a thread, whose address is its id."""
    POOL = "pool"
    """The Gauss family with one: ids are counted, and a session has a worker of the pool only while it needs one."""

    @property
    def engine(self) -> Engine:
        """One that there are such servers of."""
        return _ENGINES[self]


_ENGINES = {Kind.POSTGRESQL: Engine.POSTGRESQL, Kind.THREADS: Engine.OPENGAUSS, Kind.POOL: Engine.GAUSSDB}
_FIRST_PROCESS = 1001
# Addresses, as the family's pids are: no 32 bits hold them.
_FIRST_THREAD = 139_637_976_987_392
_FIRST_WORKER = 139_700_000_000_000
_FIRST_OF_THE_POOL = 1
_NO_WORKER = 0
IDLE_IN_TRANSACTION = frozenset({"idle in transaction", ABORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signal as it arrived: at which session, in which state, in which of its idle periods and transactions."""

    key: SessionKey
    state: str | None
    arrived: bool
    period: int
    transaction: int | None

    @property
    def session_id(self) -> int:
        """Whom it hit, by the id alone."""
        return self.key.session_id


@dataclass(slots=True, kw_only=True)
class _Live:
    """A living session.

    `period` counts its changes of state, `transactions` those that it began, and `transaction` is the number of the
    open one. `arrived` says that a statement has come which the state does not show yet. No client can see these, so no
    client can rely on them.
    """

    facts: Session
    pooled: bool
    arrived: bool = False
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
    """A database server, as far as sessions go: they open, wake, rest and end, and an id may be used again.

    In a pool an idle session has the pid 0. One that wakes gets the lowest worker that is free and keeps it to the end
    of its transaction; afterwards the same worker serves somebody else.
    """

    usual: ClassVar[Kind] = Kind.POSTGRESQL
    """The kind of those of which nobody says it."""

    def __init__(self, tape: Tape | None = None, *, kind: Kind | None = None) -> None:
        self.kind = self.usual if kind is None else kind
        self.tape: Tape = [] if tape is None else tape
        self.now = LOOK_AT
        self.lingers = 0
        """How many times a signalled session is still listed before it is gone."""
        self.maximum = 100
        self.reserved = 3
        self.signals: list[Seen] = []
        self.last_look: tuple[Session, ...] = ()
        self.periods_at_last_look: dict[SessionKey | None, int] = {}
        self.transactions_at_last_look: dict[SessionKey | None, int | None] = {}
        self._live: dict[int, _Live] = {}
        self._next_thread = _FIRST_PROCESS if self.kind is Kind.POSTGRESQL else _FIRST_THREAD
        self._next_of_the_pool = _FIRST_OF_THE_POOL

    def open(self, *, past_the_pool: bool = False, **facts: Unpack[Facts]) -> int:
        """A session begins and is idle at once; its id is the next one unless the facts name one.

        A server with a pool has sessions past it as well, through a port of its own; each of those has a thread.
        """
        pooled = self.kind is Kind.POOL and not past_the_pool
        session_id = facts.setdefault("session_id", self._next_of_the_pool if pooled else self._next_thread)
        if pooled:
            self._next_of_the_pool = max(self._next_of_the_pool, session_id + 1)
        else:
            self._next_thread = max(self._next_thread, session_id + 1)
        facts["pid"] = _NO_WORKER if pooled else session_id
        facts.setdefault("backend_start", self._tick())
        facts.setdefault("state_change", self._tick())
        self._live[session_id] = _Live(facts=idle_session(**facts), pooled=pooled)
        return session_id

    def session_ids(self) -> tuple[int, ...]:
        return tuple(self._live)

    def session(self, session_id: int) -> Session:
        return self._live[session_id].facts

    def key(self, session_id: int) -> SessionKey:
        key = self._live[session_id].facts.key
        assert key is not None
        return key

    def wake(self, session_id: int) -> None:
        """A statement starts, in the open transaction or in one of its own."""
        if self._live[session_id].transaction is None:
            self._new_transaction(session_id)
        self._take_a_worker(session_id)
        self._become(session_id, "active")

    def arrive(self, session_id: int) -> None:
        """A statement comes to an idle session of the pool, which has a worker at once: nothing else shows it yet."""
        live = self._live[session_id]
        if live.pooled and live.facts.state == IDLE:
            self._take_a_worker(session_id)
            live.arrived = True

    def rest(self, session_id: int) -> None:
        """A statement starts and ends, and with it the transaction: idle, and not the idle period of before."""
        live = self._live[session_id]
        live.transaction = None
        self.change(session_id, transaction_start=None, pid=_NO_WORKER if live.pooled else session_id)
        self._become(session_id, IDLE)

    def pass_on(self, session_id: int) -> None:
        """The session comes to rest and the next idle one wakes, in a pool by the worker that is free now."""
        self.rest(session_id)
        ids = self.session_ids()
        place = ids.index(session_id)
        for each in (*ids[place + 1 :], *ids[:place]):
            if self.session(each).state == IDLE:
                self.wake(each)
                return

    def begin(self, session_id: int) -> None:
        """A new transaction is begun and stays open; one that was open ends."""
        self._new_transaction(session_id)
        self._take_a_worker(session_id)
        self._become(session_id, "idle in transaction")

    def fail(self, session_id: int) -> None:
        """A statement fails inside the open transaction, which waits to be rolled back."""
        self._become(session_id, ABORTED)

    def end(self, session_id: int) -> None:
        """The client leaves."""
        del self._live[session_id]

    def reuse(self, session_id: int) -> None:
        """The client leaves and another one's session gets the same id.

        A pool gives an id again after a restart only, so it takes one: every id that was in use is in use again.
        """
        if not self._live[session_id].pooled:
            del self._live[session_id]
            self.open(session_id=session_id, past_the_pool=True)
            return
        pooled = {each: live.pooled for each, live in self._live.items()}
        self.restart()
        for each, of_the_pool in pooled.items():
            self.open(session_id=each, past_the_pool=not of_the_pool)

    def restart(self) -> None:
        """Every session ends, and a pool counts its sessions from the beginning."""
        self._live.clear()
        self._next_of_the_pool = _FIRST_OF_THE_POOL

    def change(self, session_id: int, /, **facts: Unpack[Facts]) -> None:
        """Facts change that are no state."""
        live = self._live[session_id]
        live.facts = replace(live.facts, **facts)

    def freeze(self, session_id: int) -> None:
        """From now on the session takes signals and does not act on them."""
        self._live[session_id].frozen = True

    def forbid(self, session_id: int) -> None:
        """From now on the server lets nobody like us signal the session."""
        self._live[session_id].untouchable = True

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
            seen
            for seen in signals
            if seen.state != IDLE or seen.arrived or self.periods_at_last_look.get(seen.key) != seen.period
        ]

    def wrong_transactions(self, signals: Sequence[Seen]) -> list[Seen]:
        """Those that hit a session which was not in the transaction of the last look any more, or in none."""
        return [
            seen
            for seen in signals
            if seen.transaction is None or self.transactions_at_last_look.get(seen.key) != seen.transaction
        ]

    def strangers(self, signals: Sequence[Seen], named: Sequence[int]) -> list[Seen]:
        """Those that hit a session which nobody named, or which the last look did not see: it only has the id."""
        return [seen for seen in signals if seen.session_id not in named or seen.key not in self.periods_at_last_look]

    def wrong_idle_transactions(self, signals: Sequence[Seen]) -> list[Seen]:
        """Those that hit a session which was not idle in a transaction, or was used since the last look."""
        return [
            seen
            for seen in signals
            if seen.state not in IDLE_IN_TRANSACTION or self.periods_at_last_look.get(seen.key) != seen.period
        ]

    def slots(self) -> Slots:
        """How many sessions it has room for, and how many it has."""
        used = sum(live.facts.backend_type == CLIENT_BACKEND for live in self._live.values())
        return Slots(maximum=self.maximum, reserved=self.reserved, used=used)

    def terminate_backend(self, pid: int) -> bool:
        """A signal for a process or a thread: it hits whomever that serves at this moment, if anybody."""
        served = [each for each, live in self._live.items() if live.facts.pid == pid != _NO_WORKER]
        for session_id in served:
            self._signal(session_id)
        return bool(served)

    def terminate_session(self, pid: int, session_id: int) -> bool:
        """The Gauss family's own: a signal for the thread where both are equal, and for the session otherwise."""
        if pid == session_id:
            return self.terminate_backend(pid)
        if session_id not in self._live:
            return False
        self._signal(session_id)
        return True

    def second_read(self, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        """What the terminating statement does with one victim: read, compare, and signal or not."""
        signal = self.compare(victim, off)
        if signal is Signal.SIGNALLED and not self._end(self.session(victim.key.session_id)):
            signal = Signal.GONE
        return answer(victim, signal)

    def compare(self, victim: Victim, off: frozenset[GuardName]) -> Signal:
        """What the second read finds. The session is found by its id; its pid is read now, not taken from the look."""
        live = self._live.get(victim.key.session_id)
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

    def still_there(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these are listed; those that linger come nearer to their end."""
        self._tick()
        present = frozenset(keys) & {live.facts.key for live in self._live.values()}
        self.lingers = max(0, self.lingers - 1)
        if not self.lingers:
            self._live = {each: live for each, live in self._live.items() if not live.dying}
        return present

    def _end(self, now: Session) -> bool:
        """The function that ends a session, as the statement of this kind of server calls it."""
        if self.kind is Kind.POSTGRESQL:
            return self.terminate_backend(now.pid)
        return self.terminate_session(now.pid, now.session_id)

    def _signal(self, session_id: int) -> None:
        """A signal arrives, whatever the session is doing."""
        live = self._live[session_id]
        seen = Seen(
            key=self.key(session_id),
            state=live.facts.state,
            arrived=live.arrived,
            period=live.period,
            transaction=live.transaction,
        )
        self.signals.append(seen)
        self.tape.append(seen)
        if live.frozen:
            return
        if self.lingers:
            live.dying = True
        else:
            del self._live[session_id]

    def _take_a_worker(self, session_id: int) -> None:
        """The lowest one that is free, unless the session has one or a thread of its own."""
        if self.session(session_id).pid == _NO_WORKER:
            taken = {live.facts.pid for live in self._live.values()}
            self.change(session_id, pid=next(worker for worker in count(_FIRST_WORKER) if worker not in taken))

    def _new_transaction(self, session_id: int) -> None:
        live = self._live[session_id]
        live.transactions += 1
        live.transaction = live.transactions
        self.change(session_id, transaction_start=self._tick())

    def _become(self, session_id: int, state: str) -> None:
        live = self._live[session_id]
        live.facts = replace(live.facts, state=state, state_change=self._tick())
        live.period += 1
        live.arrived = False

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _as_of_now(self, live: _Live) -> Session:
        since = live.facts.state_change
        return replace(live.facts, in_state_for=None if since is None else self.now - since)


def answer(victim: Victim, signal: Signal) -> Signalled:
    """What is told of a victim whose second read ended so."""
    return Signalled(key=victim.key, signal=signal, reason=f"the server said {signal}")


def _meets(now: Session, victim: Victim) -> bool:
    match victim.demand:
        case Demand.SAME_IDLE_PERIOD:
            # An idle session with a worker of the pool has just got it, or is about to give it back.
            unused = now.pid in {_NO_WORKER, now.session_id}
            return now.state == IDLE and now.state_change == victim.since and unused
        case Demand.SAME_IDLE_TRANSACTION:
            return now.state in IDLE_IN_TRANSACTION and now.state_change == victim.since
        case Demand.SAME_TRANSACTION:
            return now.transaction_start is not None and now.transaction_start == victim.since
        case Demand.SAME_SESSION:
            return True


@dataclass(kw_only=True)
class ModelLink:
    """A link to the model. Before every single step of the server, `meanwhile` may change the world."""

    server: ServerModel
    component: Component = COMPONENT
    versions: int = 0
    chunk: int = 3
    meanwhile: Meanwhile = lambda: None
    look_fails: VacateError | None = None
    breaks_after: int | None = None
    """How many victims the server deals with until the link breaks; the answers of that chunk are lost."""
    unseen: deque[VacateError | None] = field(default_factory=deque[VacateError | None])
    """What asking who is still there fails with, question by question."""
    chunk_takes: timedelta = timedelta(0)
    offs: list[frozenset[GuardName]] = field(default_factory=list[frozenset[GuardName]])
    neighbours: Neighbours = field(default_factory=Neighbours)

    async def snapshot(self) -> ComponentSnapshot:
        await self._step("look")
        if self.look_fails is not None:
            raise self.look_fails
        slots = self.server.slots()
        self.versions += 1
        return ComponentSnapshot(
            component=self.component,
            version=self.versions,
            taken_at=self.server.now,
            engine=self.server.kind.engine,
            neighbours=self.neighbours,
            sessions=self.server.listed(),
            maximum=slots.maximum,
            reserved=slots.reserved,
        )

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
                answers.append(self.second_read(victim, off))
                dealt_with += 1
            await asyncio.sleep(0)
            yield tuple(answers)

    def second_read(self, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        return self.server.second_read(victim, off)

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
