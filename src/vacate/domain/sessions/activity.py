"""What sessions do: one session as a person watches it, and the sums over many.

Nothing here decides about a session's end; a sweep reads `domain.sessions.session` and judges by `domain.judging`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from vacate.domain.sessions.session import IDLE
from vacate.domain.topology.components import Component

ACTIVE = "active"
STARTING = "starting"
WAITS_FOR_LOCK = "Lock"


class Activity(NamedTuple):
    """One client session at the moment of a look, with what it does, since when, and whom it waits for.

    `None` means that there is nothing to tell (no transaction, no lock awaited) or that the server did not tell.
    Times are the server's, aware and in UTC; durations are measured with the server's clock and never negative.
    `statement_id` names the statement whatever its constants; the server has one only where it computes them.
    `running_for` is there while a statement runs. `lock_mode` and `lock_tag` name the lock that is awaited, and
    `blocked_by` the sessions that hold it up: who has the lock, and who waits for it ahead of this one; 0 stands for
    a prepared transaction. In a queue of more than a hundred only those that have waited longest have it told.

    There may be thousands at once, and of all frozen types a tuple is made fastest.
    """

    session_id: int
    pid: int
    backend_start: datetime
    open_for: timedelta
    user: str | None
    database: str | None
    application: str | None
    client_address: str | None
    client_port: int | None
    state: str | None
    state_change: datetime | None
    transaction_start: datetime | None
    in_transaction_for: timedelta | None
    transaction_id: str | None
    statement_start: datetime | None
    running_for: timedelta | None
    statement_id: int | None
    query: str | None
    wait_event_type: str | None
    wait_event: str | None
    blocked_by: tuple[int, ...] | None
    lock_mode: str | None
    lock_tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentActivity:
    """Everything that one look at one component found."""

    component: Component
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilter:
    """Which sessions to list: all that is given must be equal. `None` leaves it open."""

    database: str | None = None
    client_address: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions to list: open at least so long, and by one of the names where names are given.

    `log_volume_at_least` is in bytes of write-ahead log. No supported server tells how much a transaction wrote, so
    every value above 0 selects none.
    """

    open_at_least: timedelta = timedelta(0)
    log_volume_at_least: int = 0
    databases: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    client_addresses: tuple[str, ...] = ()


class Dimension(StrEnum):
    """What sessions are summed up by."""

    USER = "user"
    CLIENT_ADDRESS = "client_address"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How many client sessions there are, run a statement, run one for long, and wait for a lock."""

    total: int
    active: int
    slow: int
    waiting_for_lock: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The sessions of one user, client address or database. The name is empty where the server has none to tell."""

    name: str
    active: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementShare:
    """How many sessions of a component run the same statement now. `statement_id` is 0 where the server has none."""

    component: Component
    statement_id: int
    query: str
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitShare:
    """How many sessions of a component wait for the same event now."""

    component: Component
    event: str
    sessions: int


# --- which sessions --------------------------------------------------------------------------------------------------


def matches(activity: Activity, wanted: ActivityFilter) -> bool:
    """Whether a session is one of those to list: names and address are compared exactly, letter by letter."""
    return (
        (wanted.database is None or activity.database == wanted.database)
        and (wanted.client_address is None or activity.client_address == wanted.client_address)
        and (wanted.user is None or activity.user == wanted.user)
    )


def selects(activity: Activity, wanted: TransactionFilter) -> bool:
    """Whether a session has a transaction to list: one is open, its state is not `idle`, and the filter lets it pass.

    A session in the middle of its login has none: what the server has open for it is not the client's. Names and
    addresses are compared exactly. A list of names that is empty leaves the choice open.
    """
    return (
        activity.state not in {IDLE, STARTING}
        and activity.in_transaction_for is not None
        and activity.in_transaction_for >= wanted.open_at_least
        and wanted.log_volume_at_least <= 0
        and (not wanted.databases or activity.database in wanted.databases)
        and (not wanted.users or activity.user in wanted.users)
        and (not wanted.client_addresses or activity.client_address in wanted.client_addresses)
    )


def oldest_first(activities: Iterable[Activity]) -> tuple[Activity, ...]:
    """By the start of the session; those that began together by their id."""
    return tuple(sorted(activities, key=lambda a: (a.backend_start, a.session_id)))


def longest_transaction_first(activities: Iterable[Activity]) -> tuple[Activity, ...]:
    """By the time the transaction has been open; sessions without one come last, and equals by their id."""
    return tuple(sorted(activities, key=lambda a: (-(a.in_transaction_for or timedelta(0)), a.session_id)))


def without_statements(activities: Iterable[Activity]) -> tuple[Activity, ...]:
    """The same sessions for somebody who may not read what they run."""
    return tuple(activity._replace(query=None) for activity in activities)


# --- sums ------------------------------------------------------------------------------------------------------------


def overview(activities: Iterable[Activity], slow_after: timedelta) -> Overview:
    """Count all sessions, those in state `active`, the slow ones, and those that wait for a lock.

    Slow is a session whose statement has been running for longer than `slow_after`. One session may be in each count.
    """
    total = active = slow = waiting = 0
    for activity in activities:
        total += 1
        active += activity.state == ACTIVE
        slow += activity.running_for is not None and activity.running_for > slow_after
        waiting += activity.wait_event_type == WAITS_FOR_LOCK
    return Overview(total=total, active=active, slow=slow, waiting_for_lock=waiting)


def shares(activities: Iterable[Activity], dimension: Dimension) -> tuple[Share, ...]:
    """Count the sessions, and those in state `active`, of every user, client address or database, ordered by name.

    Sessions whose name the server does not tell, or that have no client address, are counted under the empty name.
    """
    total: Counter[str] = Counter()
    active: Counter[str] = Counter()
    for activity in activities:
        name = _name(activity, dimension)
        total[name] += 1
        active[name] += activity.state == ACTIVE
    return tuple(Share(name=name, active=active[name], total=total[name]) for name in sorted(total))


def statement_shares(surveyed: Iterable[ComponentActivity]) -> tuple[StatementShare, ...]:
    """Count the sessions that run the same statement of a component now; most sessions first.

    Only sessions whose statement is running count. Statements are the same when they have the same id; where the
    server computes none, when they have the same text. Of the texts with one id the first in alphabetical order is
    shown, so that a list that is read again looks the same. Where neither is told, all such sessions are one row.
    Equals are ordered by component, id and text.
    """
    sessions: Counter[tuple[Component, int, str]] = Counter()
    texts: defaultdict[tuple[Component, int, str], set[str]] = defaultdict(set)
    for found in surveyed:
        for activity in found.activities:
            if activity.running_for is None:
                continue
            text = activity.query or ""
            key = (found.component, activity.statement_id or 0, "" if activity.statement_id else text)
            sessions[key] += 1
            texts[key].add(text)
    rows = (
        StatementShare(component=key[0], statement_id=key[1], query=min(texts[key]), sessions=count)
        for key, count in sessions.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.sessions, row.component.id, row.statement_id, row.query)))


def wait_shares(surveyed: Iterable[ComponentActivity]) -> tuple[WaitShare, ...]:
    """Count the busy sessions of a component that wait for the same event now; most sessions first.

    Busy is who runs a statement. A session that is idle, or idle in transaction, waits for its client, and no
    statement of it would be faster without that. Who waits for its client in the middle of a statement (a `COPY`,
    a large result) counts. Equals are ordered by component and event.
    """
    sessions = Counter(
        (found.component, activity.wait_event)
        for found in surveyed
        for activity in found.activities
        if activity.running_for is not None and activity.wait_event is not None
    )
    rows = (
        WaitShare(component=component, event=event, sessions=count) for (component, event), count in sessions.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.sessions, row.component.id, row.event)))


def _name(activity: Activity, dimension: Dimension) -> str:
    match dimension:
        case Dimension.USER:
            name = activity.user
        case Dimension.CLIENT_ADDRESS:
            name = activity.client_address
        case Dimension.DATABASE:
            name = activity.database
    return name or ""
