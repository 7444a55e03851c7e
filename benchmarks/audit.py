"""The audit: events appended, a long chain verified and searched; each beside the same without what it is for."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, select, text

from benchmarks.figures import Table as Figures
from benchmarks.figures import ms, ratios
from benchmarks.stage import BenchmarkError, Plan
from tests.support.postgres import LiveServer
from vacate.domain.access.identity import Actor, CredentialKind
from vacate.domain.audit.chain import digest_of
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import AuditQuery
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_key import AuditKey
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.database import Database, open_database
from vacate.store.tables import audit_events, audit_head
from vacate.store.verification import verify

EVENTS = 1_000_000
APPENDS = 500
SEARCHES = 200
SESSIONS = 4

_AT_ONCE = 5_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class _FixedKey(AuditKey):
    """A key that is always there."""

    def find(self) -> bytes:
        return b"k" * 32

    def make(self) -> bytes:
        return self.find()


_KEY = _FixedKey()
_TARGET = Target(
    project_id=ProjectId("b" * 32),
    instance_id=InstanceId("i"),
    node_id=NodeId("n"),
    component_id=ComponentId("cn_5001"),
)
_ACTOR = Actor(
    user_id="u",
    user_name="olga",
    grants=(),
    credential_kind=CredentialKind.ACCESS_KEY,
    credential="AK",
    source_address="203.0.113.9",
    request_id="r",
)
_plain = Table("bench_plain", MetaData(), Column("at", Text), Column("sessions", Text), Column("digest", LargeBinary))
_COLUMNS = ("store", "what", "Vacate", "beside it", "what stands beside it", "Vacate / beside it")


def measure(plan: Plan) -> Figures:
    """Measure a file, and then a database on the newest server."""
    file = plan.folder / "bench-audit.db"
    rows = asyncio.run(_measured(plan, "SQLite", f"sqlite:///{file}"))
    installation = plan.installations[-1]
    with plan.server("audit", installation, slots=20) as server:
        rows += asyncio.run(_measured(plan, f"PostgreSQL {installation.version}", _url(server)))
    return Figures(
        title=f"The audit (rounds: {plan.rounds}; {EVENTS:,} events of {SESSIONS} sessions in the chain)",
        columns=_COLUMNS,
        rows=rows,
    )


def _url(server: LiveServer) -> str:
    server.server.psql("CREATE DATABASE bench_audit;")
    return server.server.dsn("postgres", server.server.place.superuser_password, "bench_audit")


async def _measured(plan: Plan, name: str, url: str) -> list[Sequence[str]]:
    async with _opened(url) as database:
        log = SqlAuditLog(database, key=_KEY)
        search = SqlAuditSearch(database, log)
        print(f"audit: {name}: {EVENTS:,} events are written", file=sys.stderr)
        await _fill(database)
        rows = [await _appends(plan, name, database, log)]
        rows.append(await _verification(plan, name, database, log))
        started = time.perf_counter()
        await search.take_in()
        took = time.perf_counter() - started
        rows.append((name, "first index of all events", f"{took:.0f} s", "", "", ""))
        rows.append(await _searches(plan, name, database, search))
        return rows


async def _appends(plan: Plan, name: str, database: Database, log: SqlAuditLog) -> Sequence[str]:
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(plan.rounds):
        started = time.perf_counter()
        for number in range(APPENDS):
            await log.append(_event(number))
        ours.append((time.perf_counter() - started) / APPENDS)
        started = time.perf_counter()
        for number in range(APPENDS):
            async with database.write() as connection:
                row = {"at": str(number), "sessions": "x" * 1000, "digest": b"d" * 32}
                await connection.execute(_plain.insert(), row)
        bare.append((time.perf_counter() - started) / APPENDS)
    what = "one insert in a transaction of its own"
    per_s = [f"{1 / sorted(side)[len(side) // 2]:,.0f} /s" for side in (ours, bare)]
    return (name, "append", per_s[0], per_s[1], what, ratios(ours, bare))


async def _verification(plan: Plan, name: str, database: Database, log: SqlAuditLog) -> Sequence[str]:
    ours: list[float] = []
    bare: list[float] = []
    for number in range(min(plan.rounds, 2)):
        print(f"audit: {name}: verification {number + 1}", file=sys.stderr)
        started = time.perf_counter()
        found = await verify(log, ())
        ours.append(time.perf_counter() - started)
        if found.problem is not None or found.events < EVENTS:
            raise BenchmarkError(f"the chain was not verified: {found}")
        started = time.perf_counter()
        await _read_all(database)
        bare.append(time.perf_counter() - started)
    return (name, "verify", f"{min(ours):.1f} s", f"{min(bare):.1f} s", "reading the same rows", ratios(ours, bare))


async def _read_all(database: Database) -> None:
    after = 0
    while True:
        chosen = select(audit_events).where(audit_events.c.id > after).order_by(audit_events.c.id).limit(_AT_ONCE)
        async with database.read() as connection:
            rows = (await connection.execute(chosen)).all()
        if not rows:
            return
        after = rows[-1].id


async def _searches(plan: Plan, name: str, database: Database, search: SqlAuditSearch) -> Sequence[str]:
    ours: list[float] = []
    for number in range(SEARCHES):
        pid = _pid(number * (EVENTS // SEARCHES), 1)
        started = time.perf_counter()
        found = await search.find(AuditQuery(pid=pid))
        ours.append(time.perf_counter() - started)
        if not found:
            raise BenchmarkError(f"nothing was found for pid {pid}")
    bare: list[float] = []
    for number in range(min(plan.rounds, 3)):
        pid = _pid(number * (EVENTS // SEARCHES), 1)
        started = time.perf_counter()
        async with database.read() as connection:
            like = text("SELECT count(*) FROM audit_events WHERE sessions LIKE :part")
            await connection.execute(like, {"part": f'%"pid":{pid},%'})
        bare.append(time.perf_counter() - started)
    medians = [sorted(side)[len(side) // 2] for side in (ours, bare)]
    ratio = f"{medians[0] / medians[1]:.4f}"
    return (name, "search by pid", f"{ms(ours)} ms", f"{ms(bare)} ms", "LIKE over the events' texts", ratio)


# --- what is in it ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Database]:
    database = await open_database(url, patience_s=300.0)
    try:
        async with database.write() as connection:
            await connection.run_sync(_plain.create)
        yield database
    finally:
        await database.close()


async def _fill(database: Database) -> None:
    """A whole chain, made after its first event and written in large pieces."""
    await SqlAuditLog(database, key=_KEY).append(_event(0))
    async with database.read() as connection:
        first = dict((await connection.execute(select(audit_events))).mappings().one())
    sessions = msgspec.json.decode(first["sessions"])
    last, digest = 1, first["digest"]
    while last < EVENTS:
        rows: list[dict[str, Any]] = []
        for number in range(last, min(last + _AT_ONCE, EVENTS)):
            at = _BEGAN + timedelta(seconds=number)
            for position, each in enumerate(sessions):
                each["pid"] = each["session_id"] = _pid(number, position)
            fields = {**first, "id": number + 1, "at": at, "sessions": msgspec.json.encode(sessions).decode()}
            previous, digest = (
                digest,
                digest_of(digest, {**fields, "at": at.isoformat(timespec="microseconds")}, _KEY.make()),
            )
            rows.append({**fields, "previous": previous, "digest": digest})
        async with database.write() as connection:
            await connection.execute(audit_events.insert(), rows)
            await connection.execute(audit_head.update().values(last_id=rows[-1]["id"], digest=digest))
        last = rows[-1]["id"]


def _pid(number: int, position: int) -> int:
    return 1000 + (number * SESSIONS + position) % 4_000_000


def _event(number: int) -> AuditEvent:
    at = _BEGAN + timedelta(seconds=number)
    return AuditEvent(
        at=at,
        action=AuditAction.KILL_IDLE_FINISHED,
        actor=_ACTOR,
        target=_TARGET,
        sessions=tuple(_outcomes(number, at)),
    )


def _outcomes(number: int, at: datetime) -> Iterable[SessionOutcome]:
    for position in range(SESSIONS):
        session = Session(
            session_id=_pid(number, position),
            pid=_pid(number, position),
            backend_start=at,
            backend_type="client backend",
            state="idle",
            state_change=at,
            in_state_for=timedelta(minutes=10),
            transaction_start=None,
            user="app",
            superuser=False,
            database="shop",
            application="web",
            client_address="10.0.0.7",
            client_port=50000,
            query="",
            holds_advisory_lock=False,
            holds_replication_slot=False,
            own=False,
        )
        yield SessionOutcome(session=session, outcome=Outcome.TERMINATED, by="signal", reason="seen to be gone")
