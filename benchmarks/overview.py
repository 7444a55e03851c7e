"""The sessions of a whole cluster in four numbers, beside a superuser who asks each of its servers directly."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import asyncpg

from benchmarks.blocks import WARM_UP, Block, Side, block_of_calls
from benchmarks.figures import Table, ms, ratios
from benchmarks.stage import COUNT_SESSIONS, BenchmarkError, Caller, Plan, fetch
from tests.support.service import PlannedComponent
from vacate.demo.cluster import DemoCluster, running_cluster
from vacate.demo.ids import NODE_IDS, SHARD
from vacate.demo.traffic import traffic
from vacate.domain.sessions.session import OWN_APPLICATION
from vacate.domain.topology.components import ComponentKind

CLIENTS = (1, 8)
CALLS = 400

_PATIENCE_S = 120.0
_P99 = 0.99
# A statement is slow after a second, as in the service's default settings.
_COUNT = """
SELECT count(*) AS total,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'active' AND clock_timestamp() - query_start > interval '1 s') AS slow,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> $1
"""
_COLUMNS = (
    "PostgreSQL",
    "callers",
    "call p50, ms",
    "p99, ms",
    "calls/s",
    "direct p50, ms",
    "p99, ms",
    "answers/s",
    "p50 ratio",
    "direct / call, per second",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What both sides must agree on. How many are active is left out: whoever counts is active while counting."""

    total: int
    slow: int
    waiting: int


def measure(plan: Plan) -> Table:
    """Measure both sides in turns, for one caller and for several at once."""
    rows: list[Sequence[str]] = []
    signing_s: list[float] = []
    for installation in plan.installations:
        name = f"overview-{installation.major}"
        with (
            running_cluster(plan.folder / f"{name}-servers", installation) as cluster,
            plan.stage(name, _components(cluster)).serving() as caller,
        ):
            rows += asyncio.run(_measured(plan, installation.version, cluster, caller))
            signing_s += _signing(caller)
    return Table(
        title=f"Counting a cluster's sessions ({plan.rounds} rounds of {CALLS} calls; ratios min / median / max)",
        columns=_COLUMNS,
        rows=rows,
        notes=[f"Signing a call, which is not in these figures, takes a caller {ms(signing_s)} ms (median)."],
    )


def _components(cluster: DemoCluster) -> Sequence[PlannedComponent]:
    return [
        PlannedComponent(
            node_id=NODE_IDS[each.component_id],
            id=each.component_id,
            dsn=each.service_dsn,
            role=each.role,
            shard=SHARD if each.kind is ComponentKind.DATA_NODE else "",
        )
        for each in cluster.components
    ]


async def _measured(plan: Plan, version: str, cluster: DemoCluster, caller: Caller) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    async with traffic(cluster), _callers(cluster, max(CLIENTS)) as direct:
        await _agree(caller, direct[0])
        for clients in CLIENTS:
            calls, answers = Side(), Side()
            for number in range(plan.rounds):
                print(
                    f"overview: PostgreSQL {version}, {clients}: round {number + 1} of {plan.rounds}", file=sys.stderr
                )
                calls.blocks.append(await asyncio.to_thread(_calls, caller, clients))
                answers.blocks.append(await _answers(direct[:clients]))
            rows.append(
                (
                    version,
                    str(clients),
                    ms(calls.each_s),
                    ms(calls.each_s, _P99),
                    f"{calls.per_s:.0f}",
                    ms(answers.each_s),
                    ms(answers.each_s, _P99),
                    f"{answers.per_s:.0f}",
                    ratios(calls.medians_s, answers.medians_s),
                    ratios(answers.rates, calls.rates),
                )
            )
        await _agree(caller, direct[0])
    return rows


async def _agree(caller: Caller, direct: "_Direct") -> None:
    """A figure is worth nothing unless both sides count the same."""
    with caller.connection() as connection:
        answer = await asyncio.to_thread(_call, connection, caller.signed(COUNT_SESSIONS))
    ours, theirs = _counted(answer, "total_num", "slow_sql_num", "lock_num"), await direct.count()
    if ours != theirs:
        raise BenchmarkError(f"the service counts {ours}, and a superuser {theirs}")


def _calls(caller: Caller, clients: int) -> Block:
    return block_of_calls(caller, COUNT_SESSIONS, _call, clients=clients, calls=CALLS)


def _call(connection: HTTPConnection, headers: Mapping[str, str]) -> Mapping[str, str]:
    _, body = fetch(connection, COUNT_SESSIONS, headers)
    return json.loads(body)


def _counted(answer: Mapping[str, str | int], total: str, slow: str, waiting: str) -> _Counted:
    return _Counted(total=int(answer[total]), slow=int(answer[slow]), waiting=int(answer[waiting]))


def _signing(caller: Caller) -> Sequence[float]:
    taken: list[float] = []
    for _ in range(CALLS):
        started = time.perf_counter()
        caller.signed(COUNT_SESSIONS)
        taken.append(time.perf_counter() - started)
    return taken


# --- without the service ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Direct:
    """Somebody with a superuser's session on every server, open already."""

    sessions: Sequence[asyncpg.Connection]

    async def count(self) -> _Counted:
        """Ask all servers at once, and add up."""
        rows = await asyncio.gather(
            *(session.fetchrow(_COUNT, OWN_APPLICATION, timeout=_PATIENCE_S) for session in self.sessions)
        )
        each = [_counted(dict(row), "total", "slow", "waiting") for row in rows if row is not None]
        return _Counted(
            total=sum(one.total for one in each),
            slow=sum(one.slow for one in each),
            waiting=sum(one.waiting for one in each),
        )


async def _answers(direct: Sequence[_Direct]) -> Block:
    async def caller(one: _Direct, count: int) -> list[float]:
        taken: list[float] = []
        for _ in range(count):
            started = time.perf_counter()
            await one.count()
            taken.append(time.perf_counter() - started)
        return taken

    await asyncio.gather(*(caller(one, WARM_UP) for one in direct))
    started = time.perf_counter()
    taken = await asyncio.gather(*(caller(one, CALLS // len(direct)) for one in direct))
    return Block(each_s=[seconds for part in taken for seconds in part], whole_s=time.perf_counter() - started)


@asynccontextmanager
async def _callers(cluster: DemoCluster, count: int) -> AsyncGenerator[Sequence[_Direct]]:
    """So many callers. Their sessions are open, and counted, while either side has its turn."""
    opened: list[asyncpg.Connection] = []
    try:
        for _ in range(count):
            opened += [
                await asyncpg.connect(each.superuser_dsn, server_settings={"application_name": "direct"})
                for each in cluster.components
            ]
        each = len(cluster.components)
        yield [_Direct(opened[start : start + each]) for start in range(0, len(opened), each)]
    finally:
        for session in opened:
            session.terminate()
