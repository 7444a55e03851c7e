"""The double of the Gauss family: what is proved on it is worth as much as these sentences are true of the family."""

import asyncio
from collections.abc import AsyncGenerator, Generator

import asyncpg
import pytest

from tests.support.gauss.double import VERSIONS, GaussDouble, InternalThread, Node
from tests.support.postgres import APP, VACATE, Clients, eventually
from vacate.components.recognition import recognise
from vacate.demo.servers import Installation, Workplace

COLUMNS = [
    *("datid", "datname", "pid", "sessionid", "usesysid", "usename", "application_name", "client_addr"),
    *("client_hostname", "client_port", "backend_start", "xact_start", "query_start", "state_change", "waiting"),
    *("enqueue", "state", "resource_pool", "query_id", "query", "connection_info", "unique_sql_id", "trace_id"),
]
THREADS_BEGIN = 139_000_000_000_000
OWN = "SELECT CAST(usename AS text) AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
PIDS = "SELECT sessionid, pid FROM pg_stat_activity"
END = "SELECT pg_terminate_session($1, $2) AS ended"
# Only what has a pool can show what a pool does.
in_the_pool = pytest.mark.parametrize("gauss_server", [True], indirect=True, ids=["pool"], scope="module")


@pytest.fixture
async def vacates(gauss_server: GaussDouble) -> AsyncGenerator[asyncpg.Connection]:
    """A session of Vacate's role."""
    session = await asyncpg.connect(gauss_server.dsn())
    yield session
    await session.close()


@pytest.fixture
def forgetful(gauss_server: GaussDouble) -> Generator[GaussDouble]:
    """The double, for tests that arrange something on it."""
    yield gauss_server
    gauss_server.forget()


@pytest.fixture(scope="module")
def warehouse(workplace: Workplace, installation: Installation) -> Generator[GaussDouble]:
    """A data warehouse."""
    double = GaussDouble.start(workplace, f"warehouse-{installation.major}", installation, engine="dws", pool=False)
    yield double
    double.server.stop("immediate")


async def _refusal(session: asyncpg.Connection, question: str, *values: object) -> str | None:
    """The SQLSTATE of what a question is refused with."""
    with pytest.raises(asyncpg.PostgresError) as caught:
        await session.fetch(question, *values)
    return caught.value.sqlstate


# --- the list --------------------------------------------------------------------------------------------------------


async def test_the_list_has_the_familys_columns(gauss_clients: Clients, vacates: asyncpg.Connection) -> None:
    client = await gauss_clients.idle()
    rows = await vacates.fetch("SELECT * FROM pg_stat_activity WHERE application_name = 'web'")

    (row,) = [dict(row) for row in rows]
    assert list(row) == COLUMNS
    empty = {name for name, value in row.items() if value is None}
    assert empty == {"client_hostname", "xact_start", "enqueue", "connection_info"}
    assert (row["usename"], row["state"], row["query"]) == (APP, "idle", "SELECT 1")
    assert (row["waiting"], row["query_id"]) == (False, 0)
    assert await client.is_alive()


async def test_an_idle_session_has_no_thread_in_the_pool_and_its_own_outside(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    idle = await gauss_clients.idle()
    held = [await gauss_clients.idle("BEGIN"), await gauss_clients.aborted(), await gauss_clients.active()]
    pids = {row["sessionid"]: row["pid"] for row in await vacates.fetch(PIDS)}
    idle_id, *held_ids = [await gauss_server.sessionid_of(client.pid) for client in (idle, *held)]

    if gauss_server.pool:
        assert pids[idle_id] == 0
        assert not {pids[each] for each in held_ids} & set(held_ids)
    else:
        assert all(pids[each] == each for each in (idle_id, *held_ids))
    assert len({pids[each] for each in held_ids} | {await vacates.fetchval("SELECT pg_backend_pid()")}) == 4
    assert all(pids[each] > THREADS_BEGIN for each in held_ids)


@in_the_pool
async def test_a_session_has_a_thread_from_waking_to_the_end_of_its_transaction(
    gauss_server: GaussDouble, gauss_clients: Clients
) -> None:
    client = await gauss_clients.idle()
    pids = [await gauss_server.pid_of(client.pid)]
    for statement in ("BEGIN", "SELECT 1", "COMMIT", "BEGIN"):
        await client.use(statement)
        pids.append(await gauss_server.pid_of(client.pid))

    asleep, began, went_on, ended, again = pids
    assert (asleep, ended) == (0, 0)
    assert began == went_on
    assert began != 0
    assert again not in (0, began)


@in_the_pool
async def test_our_own_row_is_found_by_our_own_pid_whatever_others_do_meanwhile(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    await vacates.execute("SET gauss.workers = 1")
    gate, earlier = await gauss_clients.idle("SELECT pg_advisory_lock(9)"), await gauss_clients.idle("BEGIN")
    ours = vacates.get_server_pid()
    listing = asyncio.create_task(
        _names(
            vacates,
            "WITH list AS MATERIALIZED (SELECT pid, usename FROM pg_stat_activity), waited AS MATERIALIZED ("
            " SELECT 0 * count(pg_advisory_xact_lock_shared(9)) AS zero FROM (SELECT count(*) FROM list) first)"
            " SELECT CAST(usename AS text) AS name FROM list, waited WHERE pid = pg_backend_pid() + zero",
        )
    )
    await eventually(lambda: gauss_server.pids("pid = $1 AND wait_event_type = 'Lock'", ours))
    await earlier.use("COMMIT")
    await gate.use("SELECT pg_advisory_unlock(9)")

    assert await listing == [VACATE]
    assert await _names(vacates, OWN) == [VACATE]


async def _names(session: asyncpg.Connection, question: str) -> list[str]:
    return [row["name"] for row in await session.fetch(question)]


async def test_every_statement_reads_anew_also_within_a_transaction(
    gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    first = await gauss_clients.idle()
    async with vacates.transaction():
        before = await vacates.fetchval("SELECT state_change FROM pg_stat_activity WHERE usename = 'app'")
        await first.use()
        after = await vacates.fetchval("SELECT state_change FROM pg_stat_activity WHERE usename = 'app'")

    assert before < after


async def test_a_long_list_is_read_in_a_moment(gauss_clients: Clients, vacates: asyncpg.Connection) -> None:
    await gauss_clients.many_idle(40)
    question = "SELECT clock_timestamp() - statement_timestamp() FROM (SELECT count(*) FROM pg_stat_activity) one"
    took = [await vacates.fetchval(question) for _ in range(10)]

    assert min(took).total_seconds() < 0.01


async def test_internal_threads_are_listed_by_their_names(forgetful: GaussDouble, vacates: asyncpg.Connection) -> None:
    tool = InternalThread("cm_agent", "idle", address="127.0.0.1", port=40001)
    forgetful.internal_threads([InternalThread("WLMArbiter"), InternalThread("JobScheduler", None), tool])
    # The psql that made them may still be on its way out.
    rows = await vacates.fetch(
        "SELECT application_name, client_port, state, pid = sessionid AS thread FROM pg_stat_activity"
        " WHERE usesysid = 10 AND application_name <> 'psql' ORDER BY application_name"
    )

    assert [tuple(row) for row in rows] == [
        ("JobScheduler", None, None, True),
        ("WLMArbiter", None, "active", True),
        ("cm_agent", 40001, "idle", True),
    ]


async def test_who_waits_for_a_lock_and_for_whom_is_told(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    lock = "SELECT pg_advisory_xact_lock(7)"
    holder = await gauss_clients.idle("BEGIN", lock)
    waiter = await gauss_clients.idle("BEGIN")
    waiter.statement = asyncio.create_task(waiter.connection.execute(lock))
    await eventually(lambda: gauss_server.pids("pid = $1 AND wait_event_type = 'Lock'", waiter.pid))
    holder_id, waiter_id = [await gauss_server.sessionid_of(client.pid) for client in (holder, waiter)]

    waits = {row["sessionid"]: row for row in await vacates.fetch("SELECT * FROM pg_thread_wait_status")}
    waiting = await vacates.fetch("SELECT sessionid FROM pg_stat_activity WHERE waiting")
    locks = await vacates.fetch("SELECT sessionid, granted FROM pg_locks WHERE locktype = 'advisory' AND objid = 7")

    blocked = waits[waiter_id]
    assert (blocked["wait_status"], blocked["wait_event"]) == ("acquire lock", "advisory")
    assert (blocked["block_sessionid"], blocked["lockmode"]) == (holder_id, "ExclusiveLock")
    assert waits[holder_id]["wait_status"] == "wait cmd"
    assert waits[holder_id]["block_sessionid"] is None
    assert [row["sessionid"] for row in waiting] == [waiter_id]
    assert {tuple(row) for row in locks} == {(holder_id, True), (waiter_id, False)}


# --- who may see -----------------------------------------------------------------------------------------------------


async def _seen_by(double: GaussDouble, user: str) -> set[str]:
    rows = await double.ask_as(user, "SELECT usename FROM pg_stat_activity")
    assert rows
    return {row["usename"] for row in rows}


async def test_a_user_like_any_other_silently_sees_its_own_sessions_alone(
    gauss_server: GaussDouble, gauss_clients: Clients
) -> None:
    for user in (APP, "clerk", "postgres"):
        await gauss_clients.idle(user=user)
    gauss_server.signaller("signals")
    gauss_server.monadmin("monitors")
    gauss_server.sysadmin("administers")

    assert await _seen_by(gauss_server, APP) == {APP}
    assert await _seen_by(gauss_server, "signals") == {"signals"}
    assert await _seen_by(gauss_server, "monitors") == {APP, "clerk", "postgres", "monitors"}
    assert await _seen_by(gauss_server, "administers") == {APP, "clerk", "postgres", "administers"}

    gauss_server.setting("enableSeparationOfDuty", "on")
    assert await _seen_by(gauss_server, "administers") == {"administers"}
    gauss_server.setting("enableSeparationOfDuty", None)
    gauss_server.take_rights("monitors")
    assert await _seen_by(gauss_server, "monitors") == {"monitors"}


async def test_who_does_not_report_its_own_activity_sees_no_sessions(gauss_server: GaussDouble) -> None:
    await gauss_server.ask("ALTER ROLE vacate SET track_activities = off")
    rows = await gauss_server.ask_as(VACATE, "SELECT pid FROM pg_stat_activity")
    await gauss_server.ask("ALTER ROLE vacate RESET track_activities")

    assert rows == []


async def test_a_role_sees_itself_alone_and_an_administrator_every_role(gauss_server: GaussDouble) -> None:
    gauss_server.sysadmin("administers")
    question = "SELECT rolname, rolsystemadmin, rolmonitoradmin FROM pg_roles"
    own = await gauss_server.ask_as(VACATE, question)
    every = {row["rolname"]: tuple(row)[1:] for row in await gauss_server.ask_as("administers", question)}

    assert [tuple(row) for row in own] == [(VACATE, False, True)]
    assert (every["postgres"], every["administers"], every[APP]) == ((True, True), (True, False), (False, False))


async def test_the_catalogue_of_roles_has_its_columns_for_all_and_its_rows_for_none(
    vacates: asyncpg.Connection,
) -> None:
    attribute = "SELECT 1 FROM pg_attribute WHERE attrelid = 'pg_authid'::regclass AND attname = 'rolmonitoradmin'"

    assert await vacates.fetchval(attribute) == 1
    assert await _refusal(vacates, "SELECT * FROM pg_authid") == "42501"


# --- ending sessions -------------------------------------------------------------------------------------------------


async def test_a_session_is_ended_by_its_id(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    stays, victim = await gauss_clients.many_idle(2)
    session_id = await gauss_server.sessionid_of(victim.pid)
    pid = await vacates.fetchval("SELECT pid FROM pg_stat_activity WHERE sessionid = $1", session_id)

    assert await vacates.fetchval(END, pid, session_id) is True
    await eventually(lambda: _is_gone(gauss_server, victim.pid))
    assert await stays.is_alive()
    assert not await victim.is_alive()
    asked = gauss_server.asked_to_end()[-1]
    assert (asked.function, asked.role, asked.pid, asked.sessionid) == ("pg_terminate_session", VACATE, pid, session_id)
    assert (asked.allowed, asked.hit, asked.hit_application) == (True, victim.pid, "web")


async def test_the_pid_is_ignored_unless_it_is_the_id(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    stays, victim = await gauss_clients.idle("BEGIN"), await gauss_clients.idle()
    wrong_pid = await gauss_server.pid_of(stays.pid)

    assert await vacates.fetchval(END, wrong_pid, await gauss_server.sessionid_of(victim.pid)) is True
    await eventually(lambda: _is_gone(gauss_server, victim.pid))
    assert await stays.is_alive()


async def test_two_equal_arguments_name_a_thread(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    stays, victim = await gauss_clients.idle(), await gauss_clients.idle("BEGIN")
    pid = await gauss_server.pid_of(victim.pid)

    assert await vacates.fetchval(END, pid, pid) is True
    await eventually(lambda: _is_gone(gauss_server, victim.pid))
    assert await stays.is_alive()


async def test_an_unknown_session_is_nobody(gauss_server: GaussDouble, vacates: asyncpg.Connection) -> None:
    assert await vacates.fetchval(END, 0, 2**40) is False
    assert gauss_server.asked_to_end()[-1].hit is None
    assert await _refusal(vacates, "SELECT pg_terminate_backend($1)", 2**40) == "42501"


@in_the_pool
async def test_a_stale_thread_ends_whomever_it_serves_now(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    """The danger itself. With one home for all, whoever wakes takes the thread that was given back last."""
    await vacates.execute("SET gauss.workers = 1")
    seen, bystander = await gauss_clients.many_idle(2)
    await seen.use("BEGIN")
    session_id = await gauss_server.sessionid_of(seen.pid)
    thread = await vacates.fetchval("SELECT pid FROM pg_stat_activity WHERE sessionid = $1", session_id)
    await seen.use("COMMIT")
    await bystander.use("BEGIN")

    assert await vacates.fetchval("SELECT pg_terminate_backend($1)", thread) is True
    await eventually(lambda: _is_gone(gauss_server, bystander.pid))
    assert await seen.is_alive()
    assert gauss_server.asked_to_end()[-1].hit == bystander.pid

    another = await gauss_clients.idle("BEGIN")
    assert await vacates.fetchval(END, thread, session_id) is True
    await eventually(lambda: _is_gone(gauss_server, seen.pid))
    assert await another.is_alive()


@in_the_pool
async def test_no_session_has_the_thread_of_those_that_are_idle(
    gauss_server: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    idle = await gauss_clients.many_idle(3)
    gauss_server.sysadmin("administers")

    assert await _refusal(vacates, "SELECT pg_terminate_backend($1)", 0) == "42501"
    (row,) = await gauss_server.ask_as("administers", "SELECT pg_terminate_backend(0::bigint)")
    assert tuple(row) == (False,)
    assert all([await client.is_alive() for client in idle])


async def test_an_internal_thread_is_hit_and_stays(forgetful: GaussDouble, vacates: asyncpg.Connection) -> None:
    forgetful.internal_threads([InternalThread("WLMArbiter")])
    forgetful.sysadmin("administers")
    (row,) = await vacates.fetch("SELECT pid, sessionid FROM pg_stat_activity WHERE application_name = 'WLMArbiter'")

    assert await _refusal(vacates, END, *row) == "42501"
    assert [tuple(ended) for ended in await forgetful.ask_as("administers", END, *row)] == [(True,)]
    refused, hit = forgetful.asked_to_end()[-2:]
    assert (refused.allowed, refused.hit_application) == (False, "WLMArbiter")
    assert (hit.allowed, hit.hit, hit.hit_application) == (True, None, "WLMArbiter")


@pytest.mark.parametrize(
    ("right", "user", "victim", "may"),
    [
        pytest.param("user", "plain", APP, False, id="nobody may end another user's"),
        pytest.param("user", "plain", "plain", True, id="everybody may end their own"),
        pytest.param("monadmin", "monitors", APP, False, id="who sees may not end"),
        pytest.param("signaller", "signals", APP, True, id="a signaller may"),
        pytest.param("signaller", "signals", "postgres", False, id="a signaller may not end the initial user's"),
        pytest.param("sysadmin", "administers", "postgres", True, id="an administrator may"),
    ],
)
async def test_rights(
    gauss_server: GaussDouble, gauss_clients: Clients, right: str, user: str, victim: str, *, may: bool
) -> None:
    getattr(gauss_server, right)(user)
    client = await gauss_clients.idle(user=victim)
    session_id = await gauss_server.sessionid_of(client.pid)
    session = await asyncpg.connect(gauss_server.dsn(user))
    try:
        if may:
            assert await session.fetchval(END, 0, session_id) is True
        else:
            assert await _refusal(session, END, 0, session_id) == "42501"
    finally:
        await session.close()

    assert await client.is_alive() is not may
    asked = gauss_server.asked_to_end()[-1]
    assert (asked.role, asked.allowed, asked.hit) == (user, may, client.pid)


async def test_the_owner_of_a_database_may_end_its_sessions(gauss_server: GaussDouble, gauss_clients: Clients) -> None:
    client = await gauss_clients.idle()
    await gauss_server.ask("ALTER DATABASE postgres OWNER TO clerk")
    try:
        (row,) = await gauss_server.ask_as("clerk", END, 0, await gauss_server.sessionid_of(client.pid))
    finally:
        await gauss_server.ask("ALTER DATABASE postgres OWNER TO postgres")

    assert tuple(row) == (True,)
    assert not await client.is_alive()


async def _is_gone(double: GaussDouble, real_pid: int) -> bool:
    return not await double.pids("pid = $1", real_pid)


# --- ids -------------------------------------------------------------------------------------------------------------


@in_the_pool
async def test_ids_begin_anew_with_the_server_and_times_do_not(gauss_server: GaussDouble) -> None:
    lives = list[dict[int, object]]()
    for _ in range(2):
        await gauss_server.restart()
        async with Clients(gauss_server) as clients:
            await clients.many_idle(20)
            rows = await gauss_server.ask_as(VACATE, "SELECT sessionid, backend_start FROM pg_stat_activity")
            lives.append({row["sessionid"]: row["backend_start"] for row in rows})

    before, after = lives
    again = before.keys() & after.keys()
    assert again
    assert all(before[session_id] != after[session_id] for session_id in again)
    assert max(after) < THREADS_BEGIN


@in_the_pool
async def test_a_session_may_be_given_the_id_of_an_earlier_one(
    forgetful: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    client = await gauss_clients.idle()
    forgetful.renumber(client.pid, 4_000_000)

    assert await forgetful.real_pid_of(4_000_000) == client.pid
    assert await vacates.fetchval(END, 0, 4_000_000) is True
    assert not await client.is_alive()


@in_the_pool
async def test_a_session_that_came_past_the_pool_is_its_thread(
    forgetful: GaussDouble, gauss_clients: Clients, vacates: asyncpg.Connection
) -> None:
    client = await gauss_clients.idle(application="tool")
    forgetful.outside_the_pool("tool")
    (row,) = await vacates.fetch(f"{PIDS} WHERE application_name = 'tool'")

    assert row["pid"] == row["sessionid"] > THREADS_BEGIN
    assert await vacates.fetchval(END, row["pid"], row["sessionid"]) is True
    assert not await client.is_alive()


# --- what it says of itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["opengauss", "gaussdb", "dws"])
async def test_it_is_taken_for_what_it_plays(gauss_server: GaussDouble, engine: str) -> None:
    texts = {name: text for name, text in VERSIONS.items() if name == engine}
    gauss_server.version_text(texts[engine])
    (row,) = await gauss_server.ask_as(VACATE, "SELECT version()")
    gauss_server.version_text(None)

    assert recognise(row[0]).engine == engine


async def test_nodes_are_known_to_coordinators_alone(forgetful: GaussDouble) -> None:
    forgetful.add_nodes(
        [
            Node("cn_5001", "C", "localhost", 8000, central=True),
            Node("dn_6001_6002", "D", "10.0.0.2", 8100, other_host="10.0.0.3", other_port=8200),
        ]
    )
    question = "SELECT node_name, node_type, node_host, node_port, node_host1, node_port1 FROM pgxc_node"
    on_a_data_node = await forgetful.ask_as(VACATE, question)
    forgetful.setting("pgxc_node_name", "cn_5001")
    on_a_coordinator = await forgetful.ask_as(VACATE, f"{question} ORDER BY node_name")
    (said,) = await forgetful.ask_as(
        VACATE, "SELECT pgxc_node_str(), current_setting('pgxc_node_name'), gs_deployment()"
    )
    forgetful.setting("pgxc_node_name", None)

    assert on_a_data_node == []
    assert [tuple(row) for row in on_a_coordinator] == [
        ("cn_5001", b"C", "localhost", 8000, "localhost", 8000),
        ("dn_6001_6002", b"D", "10.0.0.2", 8100, "10.0.0.3", 8200),
    ]
    assert tuple(said) == ("cn_5001", "cn_5001", "BusinessCentralized")


@pytest.mark.parametrize(
    ("feature", "question", "sqlstate"),
    [
        ("gs_deployment", "SELECT gs_deployment()", "42883"),
        ("pg_control_system", "SELECT system_identifier FROM pg_control_system()", "42883"),
        ("pg_terminate_session", "SELECT pg_terminate_session(0, 1)", "42883"),
        ("pgxc_node", "SELECT * FROM pgxc_node", "42P01"),
        ("unique_sql_id", "SELECT unique_sql_id FROM pg_stat_activity", "42703"),
        ("rolmonitoradmin", "SELECT rolmonitoradmin FROM pg_roles", "42703"),
        ("pgxc_node_name", "SELECT current_setting('pgxc_node_name')", "42704"),
        ("gs_role_signal_backend", "SELECT pg_has_role(CAST('gs_role_signal_backend' AS name), 'USAGE')", "42704"),
    ],
)
async def test_what_it_does_without_is_undefined(
    gauss_server: GaussDouble, vacates: asyncpg.Connection, feature: str, question: str, sqlstate: str
) -> None:
    await vacates.fetch(question)
    with gauss_server.without(feature):
        missing = await asyncpg.connect(gauss_server.dsn())
        assert await _refusal(missing, question) == sqlstate
        await missing.close()
    await vacates.reload_schema_state()
    await vacates.fetch(question)


# --- settings --------------------------------------------------------------------------------------------------------


async def test_the_familys_settings_stand_beside_postgresqls(
    gauss_server: GaussDouble, vacates: asyncpg.Connection
) -> None:
    names = ("session_timeout", "enable_thread_pool", "enableSeparationOfDuty", "server_version", "cluster_name")
    values = [await vacates.fetchval("SELECT current_setting($1)", name) for name in names]

    assert values == ["10min", "on" if gauss_server.pool else "off", "off", "9.2.4", gauss_server.server.name]
    assert await vacates.fetchval("SELECT current_setting('no_such', true)") is None
    assert await _refusal(vacates, "SELECT current_setting('no_such')") == "42704"
    assert await _refusal(vacates, "SELECT set_config('session_timeout', '86401', false)") == "22023"
    assert await _refusal(vacates, "SELECT set_config('enable_thread_pool', 'off', false)") == "55P02"
    assert await vacates.fetchval("SELECT set_config('statement_timeout', '1234', false)") == "1234ms"
    assert await vacates.fetchval("SHOW statement_timeout") == "1234ms"


async def test_what_a_session_sets_its_timeout_to_is_told(
    gauss_server: GaussDouble, vacates: asyncpg.Connection
) -> None:
    assert gauss_server.session_timeout_of(vacates.get_server_pid()) is None
    await vacates.execute("SELECT set_config('session_timeout', '0', false)")

    assert gauss_server.session_timeout_of(vacates.get_server_pid()) == 0
    assert await vacates.fetchval("SELECT current_setting('session_timeout')") == "0"
    assert await vacates.fetchval("SHOW idle_session_timeout") == "0"


@in_the_pool
async def test_a_session_ends_at_its_timeout_in_a_transaction_as_well(
    gauss_server: GaussDouble, gauss_clients: Clients
) -> None:
    timeout = "SELECT set_config('session_timeout', '1', false)"
    idle, in_transaction = await gauss_clients.idle(timeout), await gauss_clients.idle(timeout, "BEGIN")

    await eventually(lambda: _is_gone(gauss_server, idle.pid))
    await eventually(lambda: _is_gone(gauss_server, in_transaction.pid))


# --- relatives -------------------------------------------------------------------------------------------------------


async def test_a_data_warehouse_has_threads_and_no_ids(warehouse: GaussDouble) -> None:
    async with Clients(warehouse) as clients:
        victim = await clients.idle()
        session = await asyncpg.connect(warehouse.dsn())
        rows = await session.fetch("SELECT * FROM pg_stat_activity WHERE usename = 'app'")
        waits = await session.fetch("SELECT * FROM pg_thread_wait_status")
        pid = rows[0]["pid"]

        without = {"sessionid", "unique_sql_id", "trace_id"}
        assert list(rows[0].keys()) == [
            *COLUMNS[:3], "lwtid", *[name for name in COLUMNS[3:18] if name not in without], "stmt_type",
            *[name for name in COLUMNS[18:] if name not in without],
        ]  # fmt: skip
        assert "block_sessionid" not in waits[0].keys()  # noqa: SIM118 - a record's `in` asks for values.
        for question in ("SELECT gs_deployment()", "SELECT pg_terminate_session(0, 0)"):
            assert await _refusal(session, question) == "42883"
        assert await session.fetchval("SELECT pg_has_role('gs_role_read_all_stats', 'USAGE')") is True
        assert await _names(session, OWN) == [VACATE]
        assert await session.fetchval("SELECT pg_terminate_backend($1)", pid) is True
        await session.close()
        assert not await victim.is_alive()
        assert await _seen_by(warehouse, APP) == {APP}


@in_the_pool
async def test_a_standby_lists_and_ends_sessions_and_says_whom_it_follows(gauss_server: GaussDouble) -> None:
    gauss_server.sysadmin("administers")
    standby = gauss_server.standby(f"double-standby-{gauss_server.major}", node_name="dn_6002")
    try:
        async with Clients(standby) as clients:
            victim = await clients.idle()
            session_id = await standby.sessionid_of(victim.pid)
            (said,) = await standby.ask_as(VACATE, "SELECT pg_is_in_recovery(), current_setting('pgxc_node_name')")
            (ended,) = await standby.ask_as(VACATE, END, 0, session_id)

            assert tuple(said) == (True, "dn_6002")
            assert tuple(ended) == (True,)
            assert not await victim.is_alive()
        await eventually(lambda: standby.ask_as(VACATE, "SELECT * FROM pg_stat_get_wal_receiver()"))
        (hidden,) = await standby.ask_as(VACATE, "SELECT channel FROM pg_stat_get_wal_receiver()")
        (receives,) = await standby.ask_as("administers", "SELECT channel FROM pg_stat_get_wal_receiver()")
        (sends,) = await gauss_server.ask_as(VACATE, "SELECT host(client_addr), state FROM pg_stat_replication")
    finally:
        standby.server.stop("immediate")

    assert tuple(hidden) == (None,)
    assert receives[0].endswith(f"<--127.0.0.1:{gauss_server.port}")
    assert tuple(sends) == ("127.0.0.1", "Streaming")
