"""Everybody who may not, at every call that there is: strangers, forgers, and users of something else."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from secrets import token_hex
from urllib.parse import urlencode

import pytest

from tests.contract.conftest import Users
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import INSTANCE, OTHER_PROJECT, PROJECT
from tests.contract.raw import JSON, Answer, Signed, ask, token_for
from tests.support.service import Cluster, Key, RunningService, Site
from vacate.api.operation import Operation
from vacate.http.reference.catalogue import DOORS

OPERATIONS = tuple(
    operation for door in DOORS for operation in door.operations if operation.authenticated and operation.status < 400
)
IN_PROJECT = tuple(operation for operation in OPERATIONS if "{project_id}" in operation.path)
CHANGES = tuple(operation for operation in IN_PROJECT if operation.changes)
_IDS = {
    "{project_id}": PROJECT,
    "{instance_id}": INSTANCE,
    "{plan_id}": "8c1c6c1f6a3b4f0b9d3e2a1b0c9d8e7f",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole request for a call, as its own example in the reference has it."""

    method: str
    target: str
    body: bytes


def request_for(operation: Operation) -> Request:
    """Return the call's first example as it goes over the wire."""
    path, example = operation.path, operation.examples[0] if operation.examples else None
    for name, value in _IDS.items():
        path = path.replace(name, value)
    query = urlencode(example.query) if example and example.query else ""
    body = b"" if example is None or example.request is None else json.dumps(example.request).encode()
    return Request(method=operation.method, target=f"{path}?{query}" if query else path, body=body)


Attack = Callable[[RunningService, Users, Request], Answer]


def _by(key: Key) -> Attack:
    def attack(service: RunningService, _: Users, request: Request) -> Answer:
        signed = Signed(service=service, key=key)
        return signed.send(request.body, path=request.target, method=request.method, headers=JSON)

    return attack


def a_stranger(service: RunningService, _: Users, request: Request) -> Answer:
    """Nobody at all."""
    return ask(service, request.method, request.target, headers=JSON, body=request.body)


def a_key_that_is_not_there(service: RunningService, users: Users, request: Request) -> Answer:
    """A well-formed signature by an access key that nobody made."""
    return _by(Key(access_key="A" * 20, secret_key="B" * 40))(service, users, request)


def a_forger_of_the_operator(service: RunningService, users: Users, request: Request) -> Answer:
    """The operator's access key, which is no secret, with a guessed secret key."""
    return _by(replace(users.admin, secret_key=token_hex(20)))(service, users, request)


def a_token_that_was_made_up(service: RunningService, _: Users, request: Request) -> Answer:
    """A token that nobody issued."""
    return ask(
        service, request.method, request.target, headers={**JSON, "X-Auth-Token": token_hex(32)}, body=request.body
    )


def whoever_caught_another_request(service: RunningService, users: Users, request: Request) -> Answer:
    """The headers of a signed harmless question, put on this request."""
    caught = "/v3/auth/domains" if request.target != "/v3/auth/domains" else "/v3/regions"
    harmless = Signed(service=service, key=users.admin).request(b"", path=caught, method="GET", headers={})
    lines = harmless.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    headers = dict(line.split(": ", maxsplit=1) for line in lines)
    del headers["Content-Length"]
    return ask(service, request.method, request.target, headers=headers, body=request.body)


UNPROVEN: tuple[Attack, ...] = (
    a_stranger,
    a_key_that_is_not_there,
    a_forger_of_the_operator,
    a_token_that_was_made_up,
    whoever_caught_another_request,
)


@pytest.fixture(scope="module")
def nobody(site: Site, service: RunningService) -> Key:
    """A user with an access key who has no role anywhere."""
    del service
    site.vacate("user", "add", "nobody")
    printed = dict(line.split("=", 1) for line in site.vacate("access-key", "create", "nobody").splitlines() if line)
    return Key(access_key=printed["access_key"], secret_key=printed["secret_key"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_whoever_is_not_proved_gets_nothing_from_any_call(
    operation: Operation, service: RunningService, users: Users
) -> None:
    for attack in UNPROVEN:
        answer = attack(service, users, request_for(operation))
        assert answer.status == 401, (attack.__doc__, answer.body)
        assert request_for(operation).method == "HEAD" or answer.code


@pytest.mark.parametrize("operation", IN_PROJECT, ids=lambda operation: operation.id)
def test_a_key_for_another_project_is_of_no_use_in_this_one(
    operation: Operation, service: RunningService, users: Users, nobody: Key
) -> None:
    for key in (users.other, nobody):
        answer = _by(key)(service, users, request_for(operation))
        assert answer.status == 403, answer.body
        assert INSTANCE not in answer.json["error_msg"], "it says what there is"


@pytest.mark.parametrize("operation", IN_PROJECT, ids=lambda operation: operation.id)
def test_what_another_project_has_cannot_be_named_in_ones_own(
    operation: Operation, service: RunningService, users: Users
) -> None:
    """A key that is valid for the project of the path, and ids of somebody else's."""
    request = request_for(operation)
    mine = replace(request, target=request.target.replace(PROJECT, OTHER_PROJECT))
    answer = _by(users.other)(service, users, mine)
    told = answer.body.decode()
    assert INSTANCE not in told or answer.status >= 400, told
    if "{instance_id}" in operation.path or "{plan_id}" in operation.path:
        assert answer.status in {400, 403, 404}, answer.body


@pytest.mark.parametrize("operation", CHANGES, ids=lambda operation: operation.id)
def test_a_viewer_changes_nothing(operation: Operation, service: RunningService, users: Users) -> None:
    answer = _by(users.viewer)(service, users, request_for(operation))
    assert answer.status == 403, answer.body


@pytest.mark.parametrize("operation", IN_PROJECT, ids=lambda operation: operation.id)
def test_a_token_for_no_project_is_of_no_use_in_any(
    operation: Operation, service: RunningService, users: Users
) -> None:
    token = token_for(service, name="olga", password=users.password, scope=None)
    request = request_for(operation)
    headers: Mapping[str, str] = {**JSON, "X-Auth-Token": token}
    answer = ask(service, request.method, request.target, headers=headers, body=request.body)
    assert answer.status in {401, 403}, answer.body


async def test_after_all_of_them_an_idle_session_is_still_there(
    service: RunningService, users: Users, nobody: Key, cluster: Cluster
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app")) as opened:
        for operation in CHANGES:
            for attack in (*UNPROVEN, _by(users.other), _by(nobody), _by(users.viewer)):
                answer = await asyncio.to_thread(attack, service, users, request_for(operation))
                assert answer.status in {401, 403}
        assert list(states(cluster.coordinator, pids(opened)).values()) == ["idle"]
