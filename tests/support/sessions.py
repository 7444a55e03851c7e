"""Sessions as a look would bring them, and what Hypothesis draws them from.

`idle_session()` is one that nothing protects: with the default criteria and guards it is a victim. Every other builder
and every test says in its changes what is different.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TypedDict, Unpack

from hypothesis import settings
from hypothesis import strategies as st

from vacate.domain.judging.criteria import WAITING_STATES, Criteria, Networks, Selection, StateThreshold
from vacate.domain.judging.guards import FDW_APPLICATION
from vacate.domain.judging.limits import Grouping, Limits
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sessions.session import CLIENT_BACKEND, IDLE, Held, Session
from vacate.domain.topology.components import ComponentKind
from vacate.domain.topology.servers import Engine
from vacate.operations.patterns import glob, regex

LOOK_AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
IDLE_FOR = timedelta(hours=1)
COORDINATOR = Surroundings(kind=ComponentKind.COORDINATOR)
DATA_NODE = Surroundings(kind=ComponentKind.DATA_NODE, coordinators=frozenset({"cn_5001", "cn_5002"}))
PEERS = frozenset({"192.0.2.1", "192.0.2.2", "2001:db8::1"})
GAUSS_COORDINATOR = replace(COORDINATOR, engine=Engine.GAUSSDB, peer_addresses=PEERS)
GAUSS_DATA_NODE = replace(DATA_NODE, engine=Engine.GAUSSDB, peer_addresses=PEERS)
PLACES = (COORDINATOR, DATA_NODE, GAUSS_COORDINATOR, GAUSS_DATA_NODE)

# A loaded machine is no failure, so no example is timed. Whoever runs the tests a thousand times wants fewer of them.
examples = settings(deadline=None, max_examples=int(os.environ.get("VACATE_EXAMPLES", "100")))


class Facts(TypedDict, total=False):
    """What of a session a test may set."""

    session_id: int
    pid: int
    backend_start: datetime | None
    backend_type: str | None
    state: str | None
    state_change: datetime | None
    in_state_for: timedelta | None
    transaction_start: datetime | None
    user: str | None
    superuser: bool | None
    database: str | None
    application: str | None
    client_address: str | None
    client_port: int | None
    query: str | None
    holds_advisory_lock: bool | None
    holds_replication_slot: bool | None
    own: bool
    user_dropped: bool
    database_dropped: bool
    held: Held


_IDLE = Session(
    session_id=4711,
    pid=4711,
    backend_start=LOOK_AT - timedelta(hours=2),
    backend_type=CLIENT_BACKEND,
    state=IDLE,
    state_change=LOOK_AT - IDLE_FOR,
    in_state_for=IDLE_FOR,
    transaction_start=None,
    user="app",
    superuser=False,
    database="shop",
    application="web",
    client_address="192.0.2.7",
    client_port=51234,
    query="SELECT 1",
    holds_advisory_lock=False,
    holds_replication_slot=False,
    own=False,
)


def idle_session(**changes: Unpack[Facts]) -> Session:
    """A client's session that sits idle; a pid alone changes the session id with it."""
    return replace(_IDLE, **_with_id(changes))


def _with_id(changes: Facts) -> Facts:
    if "pid" in changes and "session_id" not in changes:
        changes["session_id"] = changes["pid"]
    return changes


def session_in_transaction(**changes: Unpack[Facts]) -> Session:
    """A client's session that waits in the middle of a transaction."""
    return replace(idle_session(state="idle in transaction", transaction_start=LOOK_AT - IDLE_FOR), **_with_id(changes))


def checkpointer(**changes: Unpack[Facts]) -> Session:
    """A backend of the server's own, with the NULLs that such a row has."""
    return replace(
        idle_session(
            pid=101,
            backend_type="checkpointer",
            state=None,
            state_change=None,
            in_state_for=None,
            user=None,
            superuser=None,
            database=None,
            application="",
            client_address=None,
            client_port=None,
            query="",
        ),
        **changes,
    )


def hidden_session(**changes: Unpack[Facts]) -> Session:
    """Another role's session as a role without pg_read_all_stats sees it."""
    return replace(
        idle_session(
            backend_start=None,
            backend_type=None,
            state=None,
            state_change=None,
            in_state_for=None,
            client_address=None,
            client_port=None,
            query="<insufficient privilege>",
        ),
        **changes,
    )


# --- what Hypothesis draws from --------------------------------------------------------------------------------------

TOOL_NAMES = ("cm_agent", "JobScheduler", "Wal Sender")
NODE_NAMES = ("cn_5001", "dn_6001_6002_6003")
PLATFORM_USERS = ("rdsAdmin", "root")
# Few names, shared by sessions, selections and guards, so that they meet.
_NAMES = ("app", "web", "shop", "reports", "batch", "", "App", FDW_APPLICATION, "vacate", "cn_5001_old", *NODE_NAMES)
_USERS = (*_NAMES, *PLATFORM_USERS, "barman")
_APPLICATIONS = (*_NAMES, *TOOL_NAMES, "pg_restore", "Patroni heartbeat")
ADDRESSES = {
    "192.0.2.7": "192.0.2.7",
    "::ffff:192.0.2.7": "192.0.2.7",
    "2001:db8::7": "2001:db8::7",
    "192.0.2.1": "192.0.2.1",
    "::ffff:c000:201": "192.0.2.1",
    "2001:db8::1": "2001:db8::1",
    "2001:DB8:0::1%eth0": "2001:db8::1",
    "db-1.example": None,
}
"""Spellings of addresses, each with the address that it means; `None` where it is no address."""
_STATEMENTS = (
    "SELECT 1",
    "",
    "LISTEN jobs",
    "COMMIT",
    "UNLISTEN *",
    "BEGIN; listen jobs; COMMIT",
    "SELECT jobid FROM pgagent.pga_job",
)
_STATES = (IDLE, "active", "idle in transaction", "idle in transaction (aborted)", "disabled", "Idle", None)
_BACKENDS = (CLIENT_BACKEND, "walsender", "background worker", "checkpointer", "", None)

_held = st.builds(
    Held, listening=st.booleans(), cursors=st.frozensets(st.sampled_from(("c", "page"))), backup=st.booleans()
)
names = st.sampled_from(_NAMES)
addresses = st.sampled_from(tuple(ADDRESSES))
spans = st.sampled_from(
    [timedelta(0), timedelta(microseconds=1), timedelta(seconds=59), timedelta(minutes=1), IDLE_FOR, timedelta(days=9)]
)


@st.composite
def _with_ids(draw: st.DrawFn, drawn: st.SearchStrategy[Session]) -> Session:
    """A session's id and its pid: the same, or a thread's, or 0 where the session has no thread at the moment."""
    session_id = draw(st.integers(min_value=1, max_value=4_194_304))
    pid = draw(st.sampled_from((session_id, 0, 139_637_976_987_392)))
    return replace(draw(drawn), session_id=session_id, pid=pid)


@st.composite
def _killable(draw: st.DrawFn) -> Session:
    return idle_session(
        in_state_for=draw(spans),
        user=draw(st.sampled_from(("app", "web", "batch"))),
        database=draw(st.sampled_from(("shop", "reports"))),
        application=draw(st.sampled_from(("app", "web", "", "App"))),
        client_address=draw(st.sampled_from(("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"))),
        query=draw(st.sampled_from(("SELECT 1", "", "COMMIT", "UNLISTEN *"))),
    )


def killable_sessions() -> st.SearchStrategy[Session]:
    """Sessions that the default guards and criteria give up in each of `PLACES`."""
    return _with_ids(_killable())


@st.composite
def _any(draw: st.DrawFn) -> Session:
    unknown = st.none()
    return idle_session(
        backend_start=draw(st.sampled_from((_IDLE.backend_start, LOOK_AT, None))),
        backend_type=draw(st.sampled_from(_BACKENDS)),
        state=draw(st.sampled_from(_STATES)),
        state_change=draw(st.sampled_from((_IDLE.state_change, LOOK_AT, None))),
        in_state_for=draw(spans | unknown),
        transaction_start=draw(st.sampled_from((LOOK_AT - IDLE_FOR, None))),
        user=draw(st.sampled_from(_USERS) | unknown),
        superuser=draw(st.booleans() | unknown),
        database=draw(names | unknown),
        application=draw(st.sampled_from(_APPLICATIONS) | unknown),
        client_address=draw(addresses | unknown),
        query=draw(st.sampled_from(_STATEMENTS) | unknown),
        holds_advisory_lock=draw(st.booleans() | unknown),
        holds_replication_slot=draw(st.booleans() | unknown),
        user_dropped=draw(st.booleans()),
        database_dropped=draw(st.booleans()),
        held=draw(_held),
        own=draw(st.booleans()),
    )


@st.composite
def almost_killable_sessions(draw: st.DrawFn) -> Session:
    """Sessions that are spared for one thing, if at all: who they are, or where they come from."""
    change = draw(
        st.fixed_dictionaries({"user": st.sampled_from(PLATFORM_USERS)})
        | st.fixed_dictionaries({"application": st.sampled_from((*TOOL_NAMES, *NODE_NAMES, FDW_APPLICATION))})
        | st.fixed_dictionaries({"client_address": addresses})
        | st.fixed_dictionaries({"held": _held})
    )
    return replace(draw(killable_sessions()), **change)


def any_sessions() -> st.SearchStrategy[Session]:
    """Whatever a look may bring, NULLs included."""
    return _with_ids(_any())


# Most of them killable or nearly so: among sessions of pure chance hardly a victim would be found.
sessions = killable_sessions() | almost_killable_sessions() | any_sessions()
looks = st.lists(sessions, max_size=4, unique_by=lambda session: session.session_id)

patterns = (
    names
    | st.sampled_from(("*", "a*", "?pp", "*e*", "cn_*_*", "")).map(lambda text: glob(text, "here"))
    | st.sampled_from(("^(app|web)$", "o", "[0-9]$", "^$")).map(lambda text: regex(text, "here"))
)
_lists = st.lists(patterns, max_size=3).map(tuple)
selections = st.builds(Selection, include=st.none() | _lists, exclude=_lists)
_open_or_not = st.just(Selection()) | selections
NETWORKS = ("192.0.2.0/24", "192.0.2.7/32", "2001:db8::/32", "0.0.0.0/0", "198.51.100.0/24")
_networks = st.lists(st.sampled_from(NETWORKS).map(ip_network), max_size=2).map(tuple)
networks = st.builds(Networks, include=st.none() | _networks, exclude=_networks)
_statements = st.lists(
    st.sampled_from(_STATEMENTS)
    | st.sampled_from(("SELECT*", "*")).map(lambda text: glob(text, "here"))
    | st.just(regex("^C", "here")),
    max_size=2,
).map(tuple)
_fingerprints = st.lists(st.sampled_from(_STATEMENTS).map(fingerprint), max_size=2).map(tuple)
states = st.lists(st.sampled_from(WAITING_STATES), min_size=1, unique=True).flatmap(
    lambda chosen: st.tuples(*(st.builds(StateThreshold, state=st.just(state), at_least=spans) for state in chosen))
)
# The defaults are half of what is drawn: where a lot is set and switched off, hardly anything depends on one guard.
criteria = st.just(Criteria()) | st.builds(
    Criteria,
    states=st.just(Criteria().states) | states,
    users=_open_or_not,
    databases=_open_or_not,
    applications=_open_or_not,
    clients=st.just(Networks()) | networks,
    statements=st.just(Selection()) | st.builds(Selection, include=st.none() | _statements, exclude=_statements),
    fingerprints=st.just(Selection()) | st.builds(Selection, include=st.none() | _fingerprints, exclude=_fingerprints),
)
_counts = st.integers(0, 6)
limits = st.builds(
    Limits,
    group_by=st.lists(st.sampled_from(Grouping), unique=True).map(tuple),
    keep_youngest=st.just(0) | _counts,
    at_most=st.none() | _counts,
    at_most_percent=st.none() | st.integers(0, 100),
    survivors=st.just(0) | _counts,
)
guard_settings = st.just(GuardSettings()) | st.builds(
    GuardSettings,
    users=st.frozensets(patterns, max_size=2),
    applications=st.frozensets(patterns, max_size=2),
    databases=st.frozensets(names, max_size=1),
    clients=st.frozensets(st.sampled_from(NETWORKS).map(ip_network), max_size=1),
    off=st.frozensets(st.sampled_from(GuardName)),
)
surroundings = st.builds(
    Surroundings,
    kind=st.sampled_from(ComponentKind),
    engine=st.sampled_from((Engine.POSTGRESQL, *Engine)),
    coordinators=st.frozensets(st.sampled_from(NODE_NAMES) | names, max_size=2),
    peer_addresses=st.none() | st.frozensets(addresses, max_size=2),
)
