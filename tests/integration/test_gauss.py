"""The Gauss family on the double: the right session, by the right function, on the right node.

What a real server can be asked as well is in tests/live. Here is what only a double can be made to do.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support.gauss.double import GaussDouble, InternalThread, Node
from tests.support.gauss.login_shim import LoginShim
from tests.support.in_process import COMPONENT, COORDINATOR, STANDBY, Vacate, fates, session_ids, vacate
from tests.support.postgres import PASSWORD, VACATE, Client, Clients, LiveServer, eventually
from vacate.components.agent import GatewaySettings
from vacate.components.dialects import probe
from vacate.components.drivers import gauss_driver
from vacate.components.statements import blocks
from vacate.components.timeouts import Timeouts
from vacate.components.wire import Wire
from vacate.demo.servers import Installation, Workplace
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError, UnsupportedServerError, WrongServerError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import Component
from vacate.domain.topology.servers import Engine

# Only what has a pool can show what a pool does.
in_the_pool = pytest.mark.parametrize("gauss_server", [True], indirect=True, ids=["pool"], scope="module")
BRIEF = Timeouts(connect=timedelta(seconds=0.5), gauss_connect=timedelta(seconds=0.5))


@pytest.fixture
def forgetful(gauss_server: GaussDouble) -> Generator[GaussDouble]:
    """The double, for tests that arrange something on it."""
    yield gauss_server
    gauss_server.forget()


async def _ids(double: GaussDouble, *clients: Client) -> set[int]:
    return {await double.sessionid_of(client.pid) for client in clients}


# --- the right session -----------------------------------------------------------------------------------------------


@in_the_pool
async def test_a_named_session_is_ended_whoever_has_got_its_thread_by_then(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """The session gives its worker back and another one gets it: ended by that pid, the other one would die."""
    gauss_server.setting("workers", "1")
    try:
        named, bystander = await gauss_clients.idle("BEGIN"), await gauss_clients.idle()
        (named_id,) = await _ids(gauss_server, named)
        looked_at = await gauss_server.pid_of(named.pid)

        async def hand_over() -> None:
            await named.use("COMMIT")
            await bystander.use("BEGIN")
            assert await gauss_server.pid_of(named.pid) == 0

        async with vacate(tmp_path, gauss_server.dsn()) as service:
            service.meanwhile.before_signals = hand_over
            report = await service.kill(named_id)
    finally:
        gauss_server.setting("workers", None)

    assert looked_at not in {None, 0}
    assert session_ids(report, Outcome.TERMINATED) == {named_id}
    assert not await named.is_alive()
    assert await bystander.is_alive()
    (asked,) = [each for each in gauss_server.asked_to_end() if each.hit == named.pid]
    assert (asked.function, asked.pid) == ("pg_terminate_session", 0)


async def test_a_session_with_the_id_of_one_that_left_lives(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    leaving, other = await gauss_clients.many_idle(2)
    leaving_id, other_id = [await forgetful.sessionid_of(client.pid) for client in (leaving, other)]
    newcomers: list[Client] = []

    async def replaced() -> None:
        await leaving.connection.close()
        newcomer = await gauss_clients.idle()
        forgetful.renumber(newcomer.pid, leaving_id)
        newcomers.append(newcomer)

    async with vacate(tmp_path, forgetful.dsn()) as service:
        service.meanwhile.before_signals = replaced
        report = await service.sweep()

    assert fates(report)[leaving_id].outcome is Outcome.GONE
    assert fates(report)[other_id].outcome is Outcome.TERMINATED
    assert await newcomers[0].is_alive()


@in_the_pool
async def test_how_a_session_is_ended_is_decided_for_each_row(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """Whoever logs in past the pool has a thread of its own, on the same server."""
    forgetful.outside_the_pool("beside")
    beside, pooled = await gauss_clients.idle(application="beside"), await gauss_clients.idle()
    expected = await _ids(forgetful, beside, pooled)
    before = len(forgetful.asked_to_end())
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == expected
    asked = {each.hit: each for each in forgetful.asked_to_end()[before:]}
    assert asked[beside.pid].pid == asked[beside.pid].sessionid
    assert asked[pooled.pid].pid == 0
    assert {each.function for each in asked.values()} == {"pg_terminate_session"}


async def test_a_signal_that_hits_nobody_is_not_taken_for_an_end(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """Only who is seen to be gone is reported as ended, and every call the server got is one of ours."""
    idle = await gauss_clients.many_idle(3)
    before = len(gauss_server.asked_to_end())
    async with vacate(tmp_path, gauss_server.dsn()) as service:
        report = await service.sweep()
    asked = gauss_server.asked_to_end()[before:]
    assert {each.hit for each in asked} == {client.pid for client in idle}
    assert {each.role for each in asked} == {VACATE}
    assert len(session_ids(report, Outcome.TERMINATED)) == 3


# --- who is spared ---------------------------------------------------------------------------------------------------


async def test_threads_and_tools_of_the_cluster_and_the_initial_user_are_spared(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    forgetful.internal_threads(
        [
            InternalThread("JobScheduler", "idle"),
            InternalThread("WLMArbiter"),
            InternalThread("cm_agent", "idle", "127.0.0.1", 40001),
        ]
    )
    administrator = await gauss_clients.idle(user="postgres")
    (administrators,) = await _ids(forgetful, administrator)
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.sweep()

    spared = {entry.session.application: entry.by for entry in report.sessions if entry.outcome is Outcome.SPARED}
    assert spared["JobScheduler"] is GuardName.NOT_A_CLIENT
    assert spared["WLMArbiter"] is GuardName.NOT_A_CLIENT
    assert spared["cm_agent"] is GuardName.CLUSTER_TOOL
    assert fates(report)[administrators].by is GuardName.SUPERUSER
    assert not report.terminated


@pytest.fixture(scope="module")
def cluster(workplace: Workplace, installation: Installation) -> Generator[dict[Component, GaussDouble]]:
    """A coordinator at an address of its own, and a data node."""
    addresses = {"listen_addresses": "127.0.0.1,127.0.0.2"}
    started = {
        COORDINATOR: GaussDouble.start(
            workplace,
            f"gauss-cn-{installation.major}",
            installation,
            node_name="cn_5001",
            deployment="Distribute",
            settings=addresses,
        ),
        COMPONENT: GaussDouble.start(
            workplace,
            f"gauss-dn-{installation.major}",
            installation,
            node_name="dn_6001_6002",
            deployment="Distribute",
            own_identity=True,
        ),
    }
    yield started
    for double in started.values():
        double.server.stop("immediate")


@pytest.fixture
def dsns(cluster: dict[Component, GaussDouble]) -> Generator[dict[Component, str]]:
    yield {
        COORDINATOR: cluster[COORDINATOR].dsn().replace("@127.0.0.1:", "@127.0.0.2:"),
        COMPONENT: cluster[COMPONENT].dsn(),
    }
    cluster[COORDINATOR].forget()


@pytest.fixture
async def on_data_node(cluster: dict[Component, GaussDouble]) -> AsyncGenerator[Clients]:
    async with Clients(cluster[COMPONENT]) as opened:
        yield opened


async def test_on_a_data_node_all_are_spared_until_a_coordinator_has_told_who_its_nodes_are(
    cluster: dict[Component, GaussDouble], dsns: dict[Component, str], on_data_node: Clients, tmp_path: Path
) -> None:
    cluster[COORDINATOR].add_nodes([Node("cn_5001", "C", "localhost", 8000), Node("east", "C", "192.0.2.8", 8000)])
    links = [await on_data_node.idle(application=name) for name in ("east", "cn_5001")]
    links_ids = await _ids(cluster[COMPONENT], *links)
    (client_id,) = await _ids(cluster[COMPONENT], await on_data_node.idle())
    async with vacate(tmp_path, dsns) as service:
        before = await service.sweep(COMPONENT)
        await service.sweep(COORDINATOR)
        after = await service.sweep(COMPONENT)

    assert not before.terminated
    assert fates(before)[client_id].by is GuardName.PEER_NODE
    assert {fates(after)[each].by for each in links_ids} == {GuardName.COORDINATOR_LINK}
    assert session_ids(after, Outcome.TERMINATED) == {client_id}
    assert all([await link.is_alive() for link in links])


async def test_on_a_data_node_whoever_comes_from_another_node_survives_a_sweep(
    cluster: dict[Component, GaussDouble], dsns: dict[Component, str], on_data_node: Clients, tmp_path: Path
) -> None:
    cluster[COORDINATOR].add_nodes([Node("cn_5001", "C", "localhost", 8000), Node("cn_5002", "C", "127.0.0.1", 8000)])
    client = await on_data_node.idle()
    session_id = await cluster[COMPONENT].sessionid_of(client.pid)
    async with vacate(tmp_path, dsns) as service:
        await service.sweep(COORDINATOR)
        report = await service.sweep(COMPONENT)
    assert fates(report)[session_id].by is GuardName.PEER_NODE
    assert await client.is_alive()


async def test_a_coordinator_is_not_taken_for_a_data_node(dsns: dict[Component, str], tmp_path: Path) -> None:
    async with vacate(tmp_path, {COMPONENT: dsns[COORDINATOR]}) as service:
        with pytest.raises(WrongServerError, match="its node name is cn_5001"):
            await service.sweep()


# --- what the server is ----------------------------------------------------------------------------------------------


async def test_a_standby_is_swept_like_a_primary(
    workplace: Workplace, installation: Installation, tmp_path: Path
) -> None:
    primary = GaussDouble.start(workplace, f"gauss-primary-{installation.major}", installation, pool=False)
    standby = primary.standby(f"gauss-standby-{installation.major}", node_name="dn_6002")
    servers = {STANDBY: standby.dsn(), COMPONENT: primary.dsn()}
    async with Clients(standby) as clients, vacate(tmp_path, servers) as service:
        idle = await clients.idle()
        expected = await _ids(standby, idle)
        # Its clients run on the machine of the primary, and are not taken for it.
        report = await service.sweep(STANDBY)
        assert not await idle.is_alive()
    assert session_ids(report, Outcome.TERMINATED) == expected
    for server in (standby, primary):
        server.server.stop("immediate")


@pytest.fixture(scope="module")
def warehouse(workplace: Workplace, installation: Installation) -> Generator[GaussDouble]:
    double = GaussDouble.start(workplace, f"gauss-dws-{installation.major}", installation, engine="dws", pool=False)
    yield double
    double.server.stop("immediate")


async def test_a_cursor_that_the_regular_check_saw_is_remembered(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    reader = await gauss_clients.idle("DECLARE page CURSOR WITH HOLD FOR SELECT 1")
    (reader_id,) = await _ids(gauss_server, reader)
    settings = GatewaySettings(read_every=timedelta(milliseconds=50))
    async with vacate(tmp_path, gauss_server.dsn(), settings=settings) as service:
        service.gateway.start()
        await eventually(lambda: _checked_since(service, None))
        first = service.gateway.health()[0].checked_at
        # What the first check saw is taken in before the second one begins.
        await eventually(lambda: _checked_since(service, first))
        await reader.use("SELECT 1")
        assert fates(await service.sweep())[reader_id].by == GuardName.HELD_CURSOR
        await reader.use("CLOSE page")
        over = await service.sweep()

    assert session_ids(over, Outcome.TERMINATED) == {reader_id}


async def _checked_since(service: Vacate, before: datetime | None) -> bool:
    checked_at = service.gateway.health()[0].checked_at
    return checked_at is not None and (before is None or checked_at > before)


async def test_a_data_warehouse_ends_sessions_by_their_threads(warehouse: GaussDouble, tmp_path: Path) -> None:
    async with Clients(warehouse) as clients, vacate(tmp_path, warehouse.dsn()) as service:
        idle, busy = await clients.many_idle(2), await clients.idle("BEGIN")
        report = await service.sweep()
        assert service.gateway.health()[0].engine is Engine.DWS
        assert {each.hit for each in warehouse.asked_to_end()} == {client.pid for client in idle}
        assert {each.function for each in warehouse.asked_to_end()} == {"pg_terminate_backend"}
        assert report.counts[Outcome.TERMINATED] == len(idle)
        assert await busy.is_alive()
        assert [each.state for each in await service.gateway.activity(COMPONENT)] == ["idle in transaction"]


async def test_a_data_warehouse_names_its_own_grants(warehouse: GaussDouble, tmp_path: Path) -> None:
    warehouse.take_rights(VACATE)
    try:
        async with vacate(tmp_path, warehouse.dsn()) as service:
            with pytest.raises(MissingRightsError) as refused:
                await service.sweep()
    finally:
        warehouse.reader(VACATE)
        warehouse.signaller(VACATE)
    assert refused.value.remedies == (
        'GRANT gs_role_read_all_stats TO "vacate";',
        'GRANT gs_role_signal_backend TO "vacate";',
    )


async def test_an_old_server_without_numbers_of_statements_is_swept_and_listed(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    idle = await gauss_clients.idle()
    expected = await _ids(gauss_server, idle)
    with gauss_server.without("unique_sql_id"):
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            assert [each.statement_id for each in await service.gateway.activity(COMPONENT)] == [None]
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == expected


async def test_a_server_that_cannot_end_sessions_by_their_id_is_refused(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    idle = await gauss_clients.idle()
    with gauss_server.without("pg_terminate_session"):
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            with pytest.raises(UnsupportedServerError, match=r"needs pg_terminate_session\(\)"):
                await service.sweep()
    assert await idle.is_alive()


async def test_a_server_without_a_role_for_it_lets_only_administrators_end_sessions(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    with gauss_server.without("gs_role_signal_backend"):
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            with pytest.raises(MissingRightsError) as refused:
                await service.sweep()
    assert refused.value.remedies == ('ALTER USER "vacate" SYSADMIN;',)


async def test_a_server_without_an_identifier_is_known_by_its_nodes_name(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    with gauss_server.without("pg_control_system"):
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            await service.sweep()
            assert await service.pins.pinned(COMPONENT) == "node dn_6001"


async def test_with_duties_separated_an_administrator_still_needs_both_rights(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    gauss_server.take_rights(VACATE)
    gauss_server.sysadmin(VACATE)
    try:
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            await service.sweep()
        gauss_server.setting("enableseparationofduty", "on")
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            with pytest.raises(MissingRightsError) as refused:
                await service.sweep()
    finally:
        gauss_server.setting("enableseparationofduty", None)
        gauss_server.take_rights(VACATE)
        gauss_server.reader(VACATE)
        gauss_server.signaller(VACATE)
    assert refused.value.remedies == (
        'ALTER USER "vacate" MONADMIN;',
        'GRANT gs_role_signal_backend TO "vacate";',
    )


# --- logging in ------------------------------------------------------------------------------------------------------


def _through(shim: LoginShim, double: GaussDouble, scheme: str = "gaussdb", password: str = PASSWORD) -> str:
    return f"{shim.dsn(VACATE, password, scheme=scheme)}?{double.dsn().partition('?')[2]}"


@pytest.mark.parametrize("scheme", ["postgresql", "gaussdb", "opengauss"])
async def test_whatever_the_scheme_the_server_is_met_in_its_own_language(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path, scheme: str
) -> None:
    idle = await gauss_clients.idle()
    expected = await _ids(gauss_server, idle)
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim,
        vacate(tmp_path, _through(shim, gauss_server, scheme)) as service,
    ):
        report = await service.sweep()
        assert shim.logins["3.51"] == 1
    assert session_ids(report, Outcome.TERMINATED) == expected


async def test_postgresql_is_swept_under_the_familys_scheme_as_well(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    async with vacate(tmp_path, server.dsn().replace("postgresql://", "gaussdb://")) as service:
        report = await service.sweep()
        assert service.gateway.health()[0].engine is Engine.POSTGRESQL
    assert session_ids(report, Outcome.TERMINATED) == {idle.pid}


async def test_a_refused_role_is_not_tried_again_until_a_call_comes(gauss_server: GaussDouble, tmp_path: Path) -> None:
    """Ten wrong passwords lock it, and links are checked all the time."""
    settings = GatewaySettings(check_every=timedelta(seconds=0.01))
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim,
        vacate(tmp_path, _through(shim, gauss_server, password="wrong"), settings=settings) as service,  # noqa: S106
    ):
        service.gateway.start()
        await eventually(lambda: _is_told(service.problem, "only a call tries again"))
        asked = shim.asked.total()
        await asyncio.sleep(0.3)
        assert shim.asked.total() == asked
        with pytest.raises(ComponentUnreachableError, match="login refused: Invalid username/password"):
            await service.sweep()
        assert shim.asked.total() > asked


async def _is_told(problem: Callable[[], str | None], words: str) -> bool:
    return words in str(problem())


async def test_an_iteration_count_that_the_driver_cannot_answer_is_named(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}, iterations=20000) as shim,
        vacate(tmp_path, _through(shim, gauss_server)) as service,
    ):
        with pytest.raises(ComponentUnreachableError, match=r"auth_iteration_count = 20000.*only log in with 10000"):
            await service.sweep()


@pytest.mark.parametrize("scheme", ["postgresql", "gaussdb"])
async def test_a_challenge_that_would_end_the_process_is_never_put_to_a_driver(
    gauss_server: GaussDouble, tmp_path: Path, scheme: str
) -> None:
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}, code=11) as shim,
        vacate(tmp_path, _through(shim, gauss_server, scheme)) as service,
    ):
        with pytest.raises(ComponentUnreachableError, match="no driver of Vacate's can answer"):
            await service.sweep()


async def test_when_all_workers_are_held_the_login_ends_in_time_and_names_the_way_past_the_pool(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}, silent=True) as shim,
        vacate(tmp_path, _through(shim, gauss_server), timeouts=BRIEF) as service,
    ):
        with pytest.raises(ComponentUnreachableError, match=r"no login within 0\.5 s; .* HA port"):
            await service.sweep()


async def test_a_server_that_was_known_once_names_the_way_past_the_pool_whatever_the_scheme(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        dsn = _through(shim, gauss_server, "postgresql")
        async with vacate(tmp_path, dsn, timeouts=BRIEF) as service:
            await service.sweep()
            shim.silent = True
            await gauss_server.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vacate'"
            )
            with pytest.raises(ComponentUnreachableError, match="HA port"):
                await service.sweep()


async def test_a_missing_driver_is_named_with_what_to_install(
    gauss_server: GaussDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauss_driver.cache_clear()
    monkeypatch.setitem(sys.modules, "async_gaussdb", None)
    try:
        async with (
            LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim,
            vacate(tmp_path, _through(shim, gauss_server, "postgresql")) as service,
        ):
            with pytest.raises(ComponentUnreachableError, match=r"pip install 'vacate\[gaussdb\]'"):
                await service.sweep()
    finally:
        gauss_driver.cache_clear()


async def test_our_own_link_is_not_ended_by_the_servers_limit_for_idle_sessions(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    async with vacate(tmp_path, gauss_server.dsn()) as service:
        await service.sweep()
        (own,) = await gauss_server.pids("application_name = 'vacate'")
    assert gauss_server.session_timeout_of(own) == 0


async def test_a_server_that_cannot_be_asked_for_one_session_alone_is_swept_by_its_list(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    idle, busy = await gauss_clients.idle(), await gauss_clients.idle("BEGIN")
    expected = await _ids(gauss_server, idle)
    with gauss_server.without("pg_stat_get_activity"):
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == expected
    assert await busy.is_alive()


# --- every statement -------------------------------------------------------------------------------------------------

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "membership": ("gs_role_signal_backend",),
    "setup": ("10000",),
    "still_present": ("{1,2}",),
    "terminate": (0, BEGAN, BEGAN, False, False, "same_session", False),
}
STATEMENTS = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files("vacate.components") / "gauss").iterdir()
    if entry.name.endswith(".sql")
)


async def _say_everything(dsn: str, absent: frozenset[str] = frozenset()) -> int:
    """Say every block of every statement that the server can understand; how many there were."""
    wire = Wire(dsn, Timeouts())
    said = 0
    try:
        await wire.connect()
        offered = (await probe(wire)).offered
        for name in sorted(set(STATEMENTS) - absent):
            for block in blocks("gauss", name):
                if block.fits(0, offered):
                    await wire.fetch(block.sql, *ARGUMENTS.get(name, ()))
                    said += 1
    finally:
        await wire.close()
    return said


@pytest.mark.parametrize("own_login", [False, True], ids=["asyncpg", "async-gaussdb"])
async def test_every_statement_is_understood_over_either_driver(gauss_server: GaussDouble, *, own_login: bool) -> None:
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        said = await _say_everything(_through(shim, gauss_server) if own_login else gauss_server.dsn())
    assert said > len(STATEMENTS)


@pytest.mark.parametrize("own_login", [False, True], ids=["asyncpg", "async-gaussdb"])
async def test_every_statement_for_a_data_warehouse_is_understood_over_either_driver(
    warehouse: GaussDouble, *, own_login: bool
) -> None:
    async with LoginShim(warehouse.port, {VACATE: PASSWORD}) as shim:
        dsn = _through(shim, warehouse) if own_login else warehouse.dsn()
        assert await _say_everything(dsn, absent=frozenset({"deployment"})) >= len(STATEMENTS) - 1
