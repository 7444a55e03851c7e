"""Vacate's own client against the running service: every call once, real kills, and beside the vendor's client."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import msgspec
import pytest
from huaweicloudsdkgaussdbforopengauss import v3

from tests.contract.clients import Official
from tests.contract.conftest import PASSWORD, Users
from tests.contract.database_sessions import pids, running_statement, sessions, states
from tests.contract.places import (
    BROKEN_INSTANCE,
    INSTANCE,
    NODES,
    PROJECT,
    SILENT_NODE,
    UNKNOWN_INSTANCE,
    projects,
)
from tests.contract.test_tls import make_certificate
from tests.support.service import COORDINATOR, HOST, Cluster, Key, RunningService, Site, configuration
from vacate.client import (
    AccessKey,
    AsyncClient,
    Client,
    ConflictError,
    Credentials,
    InvalidRequestError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    Password,
    PlanStage,
    RefusedError,
    Target,
    Token,
    UnreachableError,
)
from vacate.client.driving import call, listing
from vacate.demo.servers import free_port
from vacate.domain.access.identity import Role

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

COMPONENT = Target(instance_id=INSTANCE, node_id=NODES[COORDINATOR], component_id=COORDINATOR)
SILENT = Target(instance_id=BROKEN_INSTANCE, node_id=SILENT_NODE, component_id="dn_6003")
OLGA = Password(user="olga", password=PASSWORD)
SHOP = {"applications": {"include": ["shop"]}}
NOBODY = [2**62]


def signs(key: Key) -> AccessKey:
    return AccessKey(access_key=key.access_key, secret_key=key.secret_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One of the two clients. It is asked in the same way, whichever it is."""

    client: Client | AsyncClient

    async def ask(self, name: str, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - each call has its own
        """Make a call; a list is fetched to its end."""
        method = getattr(self.client, name)
        if isinstance(self.client, Client):
            return await asyncio.to_thread(lambda: _whole(method(*args, **kwargs)))
        answer = method(*args, **kwargs)
        if isinstance(answer, AsyncIterator):
            return [entry async for entry in cast("AsyncIterator[object]", answer)]
        return await answer

    async def close(self) -> None:
        if isinstance(self.client, Client):
            await asyncio.to_thread(self.client.close)
        else:
            await self.client.close()


def _whole(answer: object) -> object:
    return list(cast("Iterator[object]", answer)) if isinstance(answer, Iterator) else answer


@pytest.fixture(params=[Client, AsyncClient], ids=["waiting", "awaited"])
def kind(request: pytest.FixtureRequest) -> type[Client | AsyncClient]:
    return request.param


@dataclass(slots=True, kw_only=True)
class Callers:
    """Makes clients, and closes them when the test is over."""

    kind: type[Client | AsyncClient]
    endpoint: str
    made: list[Caller] = field(default_factory=list[Caller])

    def new(self, credentials: Credentials, *, endpoint: str = "", **more: Any) -> Caller:  # noqa: ANN401
        client = self.kind(endpoint or self.endpoint, project_id=PROJECT, credentials=credentials, **more)
        self.made.append(Caller(client=client))
        return self.made[-1]


@pytest.fixture
async def callers(kind: type[Client | AsyncClient], service: RunningService) -> AsyncIterator[Callers]:
    made = Callers(kind=kind, endpoint=service.endpoint)
    yield made
    for caller in made.made:
        await caller.close()


@pytest.fixture
def olga(callers: Callers, users: Users) -> Caller:
    return callers.new(signs(users.operator))


# --- every call ------------------------------------------------------------------------------------------------------

READS: dict[str, tuple[object, ...]] = {
    "list_sessions": (COMPONENT,),
    "find_session": (COMPONENT, NOBODY[0]),
    "list_transactions": (COMPONENT,),
    "session_overview": (INSTANCE,),
    "session_statistics": (INSTANCE, "user"),
    "top_statements": (INSTANCE,),
    "wait_events": (INSTANCE,),
    "list_components": (),
    "list_instances": (),
    "list_nodes": (INSTANCE,),
    "list_plans": (),
    "search_audit": (),
    "list_freezes": (),
    "who_am_i": (),
    "list_projects": (),
}
# Each has a test below in which it is seen to do what it says.
OF_THEIR_OWN = {
    "kill_idle_sessions",
    "kill_sessions",
    "kill_transactions",
    "make_plan",
    "show_plan",
    "apply_plan",
    "stop_plan",
    "explain_session",
    "freeze_instance",
    "thaw_instance",
    "sign_in",
    "sign_out",
    "make_temporary_key",
}


def test_no_call_is_left_out() -> None:
    found = {name for part in Client.__mro__ for name, value in vars(part).items() if isinstance(value, call | listing)}
    assert found == READS.keys() | OF_THEIR_OWN


@pytest.mark.parametrize("name", READS)
async def test_a_call_that_reads_is_answered_with_what_the_client_understands(olga: Caller, name: str) -> None:
    answer = await olga.ask(name, *READS[name])
    assert answer is not None or name == "find_session"


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_the_idle_are_ended_and_the_busy_live(cluster: Cluster, olga: Caller) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 3) as (busy, *idle), running_statement(busy):
        ended = await olga.ask("kill_idle_sessions", COMPONENT)
        assert ended.success
        assert ended.outcomes["terminated"] == 2
        assert set(states(cluster.coordinator, pids([busy, *idle]))) == set(pids([busy]))
    (finished, *_) = await olga.ask("search_audit", request_id=ended.request_id)
    assert finished.action == "session:kill_idle:finished"
    assert {session.pid for session in finished.sessions if session.outcome == "terminated"} == set(pids(idle))


async def test_named_sessions_are_found_and_ended(cluster: Cluster, olga: Caller) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as opened:
        named, other = pids(opened)
        assert (await olga.ask("find_session", COMPONENT, named)).pid == str(named)
        ended = await olga.ask("kill_sessions", COMPONENT, [named, *NOBODY])
        assert ended.session_ids == (str(named),)
        assert ended.outcomes == {"terminated": 1, "absent": 1}
        assert set(states(cluster.coordinator, [named, other])) == {other}


async def test_a_transaction_is_listed_and_ended_and_who_is_in_none_is_left_alone(
    cluster: Cluster, olga: Caller
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as opened:
        within, without = pids(opened)
        await opened[0].execute("BEGIN")
        listed = await olga.ask("list_transactions", COMPONENT, users=["app"])
        assert [row.pid for row in listed] == [within]
        assert await olga.ask("list_transactions", COMPONENT, open_for=timedelta(days=1)) == []
        ended = await olga.ask("kill_transactions", COMPONENT, [within, without])
        assert ended.session_ids == (str(within),)
        assert set(states(cluster.coordinator, [within, without])) == {without}


async def test_a_list_of_many_pages_is_whole(cluster: Cluster, olga: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vacate.client.sessions.PAGE", 2)
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 5) as opened:
        for session in opened:
            await session.execute("BEGIN")
        listed = await olga.ask("list_transactions", COMPONENT, users=["app"])
    assert sorted(row.pid for row in listed) == sorted(pids(opened))


# --- beside the vendor's client --------------------------------------------------------------------------------------


async def test_the_vendors_client_is_told_the_same(cluster: Cluster, olga: Caller, operator: Official) -> None:
    where = {"node_id": COMPONENT.node_id, "component_id": COMPONENT.component_id}
    by_user = v3.ListSessionStatisticsRequest(instance_id=INSTANCE, dimension="usename")
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as opened:
        await opened[0].execute("BEGIN; SELECT txid_current()")
        listing_request = v3.ListRealTimeSessionsRequest(
            instance_id=INSTANCE, body=v3.ListRealTimeSessionsRequestBody(**where)
        )
        pairs = [
            (await olga.ask("list_sessions", COMPONENT), listing_request, "sessions", ("session_id", "state", "query")),
            (
                await olga.ask("session_statistics", INSTANCE, "user"),
                by_user,
                "statistics_list",
                ("name", "active_num", "total_num"),
            ),
        ]
        for ours, request, name, fields in pairs:
            theirs = getattr(await asyncio.to_thread(operator.ask, request), name)
            assert ours, name
            assert [[getattr(row, each) for each in fields] for row in ours] == [
                [getattr(row, each) for each in fields] for row in theirs
            ]
        overview = await asyncio.to_thread(operator.ask, v3.ShowSessionOverviewRequest(instance_id=INSTANCE))
        assert msgspec.to_builtins(await olga.ask("session_overview", INSTANCE)) == json.loads(overview.raw_content)


# --- plans and explanations ------------------------------------------------------------------------------------------


async def test_a_plan_is_made_shown_and_applied_once(cluster: Cluster, olga: Caller) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        plan = await olga.ask("make_plan", component=COMPONENT, criteria=SHOP, expires_in=timedelta(minutes=5))
        assert {victim.pid for line in plan.components for victim in line.victims} == set(pids(idle))
        assert msgspec.json.decode(plan.criteria) == SHOP
        shown = await olga.ask("show_plan", plan.id)
        assert (shown.digest, shown.stage) == (plan.digest, PlanStage.OPEN)
        with pytest.raises(ConflictError) as misread:
            await olga.ask("apply_plan", msgspec.structs.replace(plan, digest="0" * 64))
        assert misread.value.code == "VACATE.4091"

        state = await olga.ask("apply_plan", shown, wait=timedelta(seconds=60))
        assert state.stage is PlanStage.APPLIED
        assert states(cluster.coordinator, pids(idle)) == {}
    with pytest.raises(ConflictError) as spent:
        await olga.ask("apply_plan", shown)
    assert spent.value.code == "VACATE.4092"
    with pytest.raises(ConflictError) as ended:
        await olga.ask("stop_plan", plan.id)
    assert ended.value.code == "VACATE.4093"
    assert plan.id in {each.id for each in await olga.ask("list_plans", limit=100)}


async def test_a_plan_without_criteria_says_so(olga: Caller) -> None:
    plan = await olga.ask("make_plan", instance_id=INSTANCE)
    assert msgspec.json.decode(plan.criteria) is None
    assert {line.component_id for line in plan.components} == set(NODES)


async def test_a_session_is_explained(cluster: Cluster, olga: Caller) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 1) as (session,):
        await session.execute("BEGIN")
        explained = await olga.ask("explain_session", COMPONENT, pid=session.get_server_pid())
    assert not explained.ends
    assert explained.session.state == "idle in transaction"
    assert any(step.answer == "objects" for step in explained.trail)


# --- the freeze switch -----------------------------------------------------------------------------------------------


@pytest.fixture
def thawed(site: Site) -> Generator[None]:
    yield
    site.vacate("freeze", "off", INSTANCE)


@pytest.mark.usefixtures("thawed")
async def test_a_frozen_instance_refuses_a_sweep_until_it_is_thawed(callers: Callers, users: Users) -> None:
    adam = callers.new(signs(users.admin))
    turned = await adam.ask("freeze_instance", INSTANCE, "migration, ask Adam")
    assert turned.changed
    assert [freeze.reason for freeze in await adam.ask("list_freezes")] == ["migration, ask Adam"]
    with pytest.raises(ConflictError, match="ask Adam") as refused:
        await adam.ask("kill_idle_sessions", COMPONENT)
    assert "list_freezes" in refused.value.advice
    assert (await adam.ask("thaw_instance", INSTANCE)).changed
    assert (await adam.ask("kill_idle_sessions", COMPONENT)).success


# --- who calls -------------------------------------------------------------------------------------------------------


async def test_a_password_signs_in_and_out_by_itself(callers: Callers) -> None:
    olga = callers.new(OLGA)
    assert (await olga.ask("who_am_i")).principal_urn == "iam::default:user:olga"
    (used,) = cast("Any", olga.client)._tokens
    token = callers.new(used)
    assert (await token.ask("who_am_i")).principal_urn == "iam::default:user:olga"
    await olga.close()
    with pytest.raises(NotAuthenticatedError):
        await token.ask("who_am_i")


async def test_a_token_is_signed_in_for_and_revoked(callers: Callers, users: Users) -> None:
    signer = callers.new(signs(users.viewer))
    made = await signer.ask("sign_in", OLGA)
    bearer = callers.new(Token(value=made.token))
    assert [project.id for project in await bearer.ask("list_projects")] == [PROJECT]
    await signer.ask("sign_out", made.token)
    with pytest.raises(NotAuthenticatedError):
        await bearer.ask("list_components")


async def test_a_temporary_key_signs(callers: Callers, users: Users) -> None:
    signer = callers.new(signs(users.viewer))
    made = await signer.ask("sign_in", OLGA)
    temporary = callers.new(await signer.ask("make_temporary_key", made.token))
    assert (await temporary.ask("who_am_i")).principal_urn == "iam::default:user:olga"
    await signer.ask("sign_out", made.token)


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refusal_has_its_class_and_names_itself(callers: Callers, users: Users, olga: Caller) -> None:
    vera, wrong = callers.new(signs(users.viewer)), callers.new(AccessKey(access_key="NOSUCHKEY", secret_key=PASSWORD))
    elsewhere = Target(instance_id=INSTANCE, node_id=NODES[COORDINATOR], component_id="cn_9999")
    for caller, expected, name, arguments in (
        (olga, NotFoundError, "session_overview", (UNKNOWN_INSTANCE,)),
        (olga, InvalidRequestError, "list_sessions", (elsewhere,)),
        (olga, InvalidRequestError, "kill_sessions", (COMPONENT, ["no number"])),
        (olga, ConflictError, "kill_idle_sessions", (SILENT,)),
        (olga, NotFoundError, "show_plan", ("0" * 32,)),
        (vera, NotPermittedError, "kill_idle_sessions", (COMPONENT,)),
        (wrong, NotAuthenticatedError, "list_components", ()),
    ):
        with pytest.raises(RefusedError) as refused:
            await caller.ask(name, *arguments)
        error = refused.value
        assert type(error) is expected, name
        assert error.code
        assert len(error.request_id) == 32
        assert error.advice in str(error)


async def test_a_project_of_others_is_not_open(service: RunningService, users: Users, kind: type[Client]) -> None:
    client = Caller(client=kind(service.endpoint, project_id="f" * 32, credentials=signs(users.operator)))
    with pytest.raises(NotPermittedError):
        await client.ask("list_components")
    await client.close()


# --- the network -----------------------------------------------------------------------------------------------------


async def test_nobody_there_is_said_to_be_so(callers: Callers, users: Users) -> None:
    lost = callers.new(signs(users.operator), endpoint=f"http://{HOST}:{free_port()}")
    with pytest.raises(UnreachableError, match="check the address"):
        await lost.ask("kill_idle_sessions", COMPONENT)


async def test_the_proxy_of_the_environment_is_not_used(
    olga: Caller, users: Users, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://{HOST}:{free_port()}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nowhere)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert await callers.new(signs(users.operator)).ask("list_components")
    assert await olga.ask("list_components")


class _Fickle(BaseHTTPRequestHandler):
    """Says nothing, or a little now and then."""

    protocol_version = "HTTP/1.1"
    calls: list[str]
    drips: bool
    over: threading.Event

    def do_POST(self) -> None:
        self.calls.append(self.path)
        if not self.drips:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while not self.over.wait(0.05):
                self.wfile.write(b" ")
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        del format, args


@dataclass(frozen=True, slots=True, kw_only=True)
class Fickle:
    endpoint: str
    calls: list[str]


@pytest.fixture(params=[False, True], ids=["hangs_up", "drips"])
def fickle(request: pytest.FixtureRequest) -> Generator[Fickle]:
    calls: list[str] = []
    over = threading.Event()
    handler = type("Handler", (_Fickle,), {"calls": calls, "drips": request.param, "over": over})
    server = ThreadingHTTPServer((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Fickle(endpoint=f"http://{HOST}:{server.server_address[1]}", calls=calls)
    over.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_kill_whose_answer_is_lost_is_sent_once_and_said_to_be_of_unknown_fate(
    callers: Callers, users: Users, fickle: Fickle
) -> None:
    client = callers.new(signs(users.operator), endpoint=fickle.endpoint, timeout=timedelta(seconds=1))
    with pytest.raises(NoAnswerError, match="it may have had its effect"):
        await client.ask("kill_idle_sessions", COMPONENT)
    assert len(fickle.calls) == 1


async def test_a_read_whose_answer_is_lost_is_sent_again(callers: Callers, users: Users, fickle: Fickle) -> None:
    client = callers.new(signs(users.operator), endpoint=fickle.endpoint, timeout=timedelta(seconds=0.5))
    with pytest.raises(NoAnswerError, match="call again"):
        await client.ask("list_sessions", COMPONENT)
    assert len(fickle.calls) == 3


async def test_no_log_of_whatever_level_tells_a_secret(
    callers: Callers, users: Users, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signer, olga = callers.new(signs(users.operator)), callers.new(OLGA)
    made = await signer.ask("sign_in", OLGA)
    await olga.ask("list_components")
    (own,) = cast("Any", olga.client)._tokens
    await signer.ask("sign_out", made.token)
    for secret in (made.token, own.value, PASSWORD, users.operator.secret_key, users.operator.access_key):
        assert secret not in caplog.text


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("client-tls")
    certificate, key = make_certificate(folder)
    section = {"tls_certificate": certificate.name, "tls_key": key.name}
    return Site(folder, configuration(projects(cluster), service=section))


async def test_a_certificate_of_ones_own_authority_is_verified(tls_site: Site, callers: Callers) -> None:
    key = tls_site.add_user(f"olga-{callers.kind.__name__.lower()}", project_id=PROJECT, role=Role.OPERATOR)
    certificate = tls_site.folder / "service.crt"
    with tls_site.serving(certificate=certificate) as service:
        trusting = callers.new(signs(key), endpoint=service.endpoint, ca_file=certificate)
        assert (await trusting.ask("kill_idle_sessions", COMPONENT)).success
        stranger = callers.new(signs(key), endpoint=service.endpoint)
        with pytest.raises(UnreachableError, match="certificate"):
            await stranger.ask("kill_idle_sessions", COMPONENT)
        await trusting.close()


def test_a_file_that_is_no_certificate_is_refused_at_once(
    kind: type[Client | AsyncClient], users: Users, tls_site: Site
) -> None:
    for name in ("vacate.toml", "missing.pem"):
        with pytest.raises(OSError, match=r"."):
            kind("https://x", project_id=PROJECT, credentials=signs(users.operator), ca_file=tls_site.folder / name)
