"""The service answers as its OpenAPI document says, whatever is sent: proper requests, broken ones, and bad senders.

The document is the service's own. Requests are made from it, the same ones in every run. The servers and the service
belong to this module: what these calls end is nobody else's.
"""

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import AuthBase
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.places import INSTANCE, NODES, PROJECT
from tests.support.service import (
    COORDINATOR,
    DATA_NODE,
    Key,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    RunningService,
    Site,
    configuration,
    running_cluster,
)
from vacate import __version__
from vacate.api.signing import sign
from vacate.domain.access.identity import Role
from vacate.http.reference.catalogue import DOORS
from vacate.http.reference.document import document

# The name, the password and the project of the document's own examples.
USER, PASSWORD, PROJECT_NAME = "olga", "a long password", "ap-southeast-1"
TIMEOUT_S = 30
EXAMPLES = 6
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = {operation.id: operation for door in DOORS for operation in door.operations}
# What an example is answered with where it is not what the call is made for, and why.
ELSEWISE = {
    "create_temporary_access_key": 401,  # Its token is nobody's.
    "create_project": 403,  # It is always refused.
    "explain_session": 404,  # Nobody has the example's pid.
    "stop_plan": 409,  # It is not being applied.
}
ABOUT_A_TOKEN = ("check_token", "show_token", "revoke_token")

TOLD = document(DOORS, __version__)
CALLS = {
    described["operationId"]: (path, method.upper())
    for path, methods in TOLD["paths"].items()
    for method, described in methods.items()
}
ASKED = [
    pytest.param(call, mode, id=f"{call}-{mode.value}")
    for call, (path, method) in CALLS.items()
    for mode in GenerationMode
    # Where nothing is to be filled in, nothing can be filled in wrongly.
    if mode is GenerationMode.POSITIVE or "parameters" in TOLD["paths"][path][method.lower()]
]
Request = Case[Any]
every_call = pytest.mark.parametrize("call", CALLS)
quickly = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


class Signing(AuthBase):
    """Signs whatever is about to be sent."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        signed = sign(
            method=request.method or "",
            url=request.url or "",
            headers={"X-Turn": uuid4().hex},
            body=body.encode() if isinstance(body, str) else cast("bytes", body),
            access_key=self._key.access_key,
            secret=self._key.secret_key.encode(),
            at=datetime.now(tz=UTC),
        )
        request.headers.update(signed)
        return request


class Token(AuthBase):
    """Sends a token."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Auth-Token"] = self._value
        return request


class Nobody(AuthBase):
    """Sends no credential, and keeps the client from looking for one."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Garbled(AuthBase):
    """Sends a header that cannot be read."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = "SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=x"
        return request


# --- the service, and who asks ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with running_cluster(tmp_path_factory.mktemp("own_servers")) as cluster:
        coordinator, data_node = cluster.dsn(cluster.coordinator, "vacate"), cluster.dsn(cluster.data_node, "vacate")
        instance = PlannedInstance(
            id=INSTANCE,
            name="shop",
            components=(
                PlannedComponent(node_id=NODES[COORDINATOR], id=COORDINATOR, dsn=coordinator),
                PlannedComponent(node_id=NODES[DATA_NODE], id=DATA_NODE, dsn=data_node),
            ),
        )
        project = PlannedProject(id=PROJECT, name=PROJECT_NAME, instances=(instance,))
        yield Site(tmp_path_factory.mktemp("own_site"), configuration([project]))


@pytest.fixture(scope="module")
def keys(own_site: Site) -> tuple[Key, Key]:
    """The operator's key, and one that may be locked."""
    operator = own_site.add_user(USER, project_id=PROJECT, role=Role.OPERATOR, password=PASSWORD)
    return operator, own_site.add_user("otto", project_id=PROJECT, role=Role.OPERATOR)


@pytest.fixture(scope="module")
def own_service(own_site: Site, keys: tuple[Key, Key]) -> Generator[RunningService]:
    del keys  # They are made before the service runs.
    with own_site.serving() as running:
        yield running


@pytest.fixture(scope="module")
def link() -> Generator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def new_token(own_service: RunningService, link: requests.Session) -> Callable[[], str]:
    def sign_in() -> str:
        user = {"name": USER, "password": PASSWORD, "domain": {"name": "default"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}
        answer = link.post(f"{own_service.endpoint}/v3/auth/tokens", json=body, timeout=TIMEOUT_S)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    return sign_in


@pytest.fixture(scope="module")
def new_plan(own_service: RunningService, link: requests.Session, good: list[AuthBase]) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        url = f"{own_service.endpoint}/admin/v1/{PROJECT}/plans"
        answer = link.post(url, json={"instance_id": INSTANCE}, auth=good[0], timeout=TIMEOUT_S)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


@pytest.fixture(scope="module")
def good(new_token: Callable[[], str], keys: tuple[Key, Key]) -> list[AuthBase]:
    return [Token(new_token()), Signing(keys[0])]


@pytest.fixture(scope="module")
def bad(keys: tuple[Key, Key]) -> list[AuthBase]:
    wrong = Key(access_key=keys[1].access_key, secret_key="not its secret key")  # noqa: S106 - that is the point
    unknown = Key(access_key="AKNOBODYS0123456789A", secret_key="x")  # noqa: S106
    return [Nobody(), Token("not-a-token"), Garbled(), Signing(wrong), Signing(unknown)]


# --- asking ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(own_service: RunningService) -> dict[str, Any]:
    """The document, as the service serves it."""
    status, whole = own_service.get("/openapi.json")
    assert status == 200
    return whole


@pytest.fixture(scope="module")
def api(told: dict[str, Any]) -> Any:  # noqa: ANN401 - the client's own type
    schema = schemathesis.openapi.from_dict(told)
    # Who asks is this module's business.
    schema.config.generation.update(with_security_parameters=False)
    return schema


@pytest.fixture(scope="module")
def ask(own_service: RunningService, link: requests.Session) -> Callable[[Request, AuthBase], Any]:
    """Make a call and compare the answer with the document."""

    def asked(case: Request, sender: AuthBase) -> Any:  # noqa: ANN401 - the client's own type
        answer = case.call(base_url=own_service.endpoint, session=link, auth=sender, timeout=TIMEOUT_S)
        case.validate_response(answer, checks=CHECKS)
        (request_id,) = answer.headers["x-request-id"]
        if answer.status_code >= 400 and case.method != "HEAD":
            envelope = json.loads(answer.content)
            assert envelope["error_code"]
            assert envelope["error_msg"]
            assert envelope["request_id"] == request_id
        return answer

    return asked


def requests_for(api: Any, call: str, mode: GenerationMode) -> st.SearchStrategy[Request]:  # noqa: ANN401
    """Requests for anything, and requests for an instance that there is."""
    path, method = CALLS[call]
    operation = api[path][method]
    there_is = {name: value for name, value in (("project_id", PROJECT), ("instance_id", INSTANCE)) if name in path}
    anything = operation.as_strategy(generation_mode=mode)
    if not there_is:
        return anything
    of_the_instance = operation.as_strategy(generation_mode=mode, path_parameters=there_is)
    return st.one_of(of_the_instance, of_the_instance.map(of_a_component), anything)


def of_a_component(case: Request) -> Request:
    """The same request, for a component that there is."""
    there_is = {"node_id": NODES[COORDINATOR], "component_id": COORDINATOR}
    for place in (case.body, case.query):
        if isinstance(place, dict):
            place.update((name, value) for name, value in there_is.items() if name in place)
    return case


@pytest.mark.parametrize(("call", "mode"), ASKED)
def test_whatever_is_asked_is_answered_as_documented(
    api: Any,  # noqa: ANN401
    ask: Callable[[Request, AuthBase], Any],
    good: list[AuthBase],
    call: str,
    mode: GenerationMode,
) -> None:
    @quickly
    @given(case=requests_for(api, call, mode), sender=st.sampled_from(good))
    def asking(case: Request, sender: AuthBase) -> None:
        ask(case, sender)

    asking()


@every_call
def test_whoever_proves_nothing_gets_a_401_and_nothing_else(
    api: Any,  # noqa: ANN401
    told: dict[str, Any],
    ask: Callable[[Request, AuthBase], Any],
    bad: list[AuthBase],
    call: str,
) -> None:
    path, method = CALLS[call]
    guarded = bool(told["paths"][path][method.lower()]["security"])

    @quickly
    @given(case=requests_for(api, call, GenerationMode.POSITIVE), sender=st.sampled_from(bad))
    def asking(case: Request, sender: AuthBase) -> None:
        answer = ask(case, sender)
        assert answer.status_code == 401 or not guarded

    asking()


@pytest.mark.parametrize("call", OPERATIONS)
def test_every_example_of_the_document_is_answered_as_it_says(
    own_service: RunningService,
    link: requests.Session,
    api: Any,  # noqa: ANN401
    new_token: Callable[[], str],
    new_plan: Callable[[], dict[str, Any]],
    good: list[AuthBase],
    call: str,
) -> None:
    operation = OPERATIONS[call]
    for example in operation.examples or (None,):
        content = msgspec.to_builtins(example.request) if example else None
        names = {"project_id": PROJECT, "instance_id": INSTANCE}
        if "{plan_id}" in operation.path:
            plan = new_plan()
            names["plan_id"] = plan["id"]
            if content and "digest" in content:
                content["digest"] = plan["digest"]
        answer = link.request(
            operation.method,
            own_service.endpoint + operation.path.format(**names),
            params=example.query if example else (),
            json=content,
            headers={"X-Subject-Token": new_token()} if call in ABOUT_A_TOKEN else {},
            auth=good[0] if operation.authenticated else Nobody(),
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == ELSEWISE.get(call, operation.status), answer.text
        api[operation.path][operation.method].validate_response(answer)
