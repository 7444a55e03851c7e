"""Guessing and hurrying, against a service that stops both."""

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.places import PROJECT, PROJECT_NAME
from tests.contract.raw import JSON, Answer, Signed, ask
from tests.support.service import Key, PlannedProject, RunningService, Site, configuration, eventually
from vacate.domain.access.identity import Role

PASSWORD = "correct horse"  # noqa: S105 - the tests' own
# A lock that is short enough to be waited for, and long enough to be seen.
LIMITS = {"lockout_after": 3, "lockout_for": "2s", "requests_per_second": 5, "sign_ins_per_second": 4}
LIST = f"/v3/projects?name={PROJECT_NAME}"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Site:
    planned = PlannedProject(id=PROJECT, name=PROJECT_NAME)
    return Site(tmp_path_factory.mktemp("limited"), configuration([planned], access=LIMITS))


@pytest.fixture(scope="module")
def key(limited: Site) -> Key:
    return limited.add_user("olga", project_id=PROJECT, role=Role.OPERATOR, password=PASSWORD)


@pytest.fixture
def running(limited: Site, key: Key) -> Generator[RunningService]:
    """A service of its own for every test: locks and counts end with it."""
    del key
    with limited.serving() as service:
        yield service


def listing(service: RunningService, key: Key) -> Answer:
    return Signed(service=service, key=key).send(b"", path=LIST, method="GET", headers={})


def sign_in(service: RunningService, password: str, name: str = "olga") -> Answer:
    user = {"name": name, "password": password, "domain": {"name": "default"}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    return ask(service, "POST", "/v3/auth/tokens", headers=JSON, body=json.dumps(body).encode())


def at_once(call: Callable[[], Answer]) -> list[Answer]:
    """Many calls, as fast as a few callers make them."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [made.result() for made in [pool.submit(call) for _ in range(24)]]


def counted(service: RunningService, kind: str) -> bool:
    return f'vacate_authentication_failures_total{{kind="{kind}"}}' in service.fetch("/metrics")[2].decode()


def test_wrong_signatures_lock_an_access_key_for_a_while(running: RunningService, key: Key) -> None:
    wrong = Key(access_key=key.access_key, secret_key=key.secret_key[::-1])
    for _ in range(3):
        assert "verify aksk signature fail" in listing(running, wrong).json["error_msg"]
    answer = listing(running, key)
    assert answer.refusal == (401, "APIGW.0301")
    assert answer.json["error_msg"] == (
        "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden."
    )
    assert counted(running, "SignatureInvalidError")
    assert counted(running, "AccessKeyLockedError")
    eventually(lambda: listing(running, key).status == 200)


@pytest.mark.parametrize("name", ["olga", "nobody"])
def test_wrong_passwords_lock_a_name_whether_it_is_a_users_or_not(running: RunningService, name: str) -> None:
    for _ in range(3):
        assert sign_in(running, "wrong", name).json["error_msg"] == "Unauthorized. The username or password is wrong."
    answer = sign_in(running, PASSWORD, name)
    assert answer.refusal == (401, "IAM.0062")
    assert answer.json["error_msg"] == "Unauthorized. The account is locked."
    assert counted(running, "UserLockedError")


def test_a_name_that_was_locked_signs_in_when_the_lock_is_over(running: RunningService) -> None:
    for _ in range(3):
        sign_in(running, "wrong")
    assert sign_in(running, PASSWORD).status == 401
    eventually(lambda: sign_in(running, PASSWORD).status == 201)


def test_a_lock_on_signing_in_leaves_the_users_access_key_alone(running: RunningService, key: Key) -> None:
    for _ in range(4):
        sign_in(running, "wrong")
    assert listing(running, key).status == 200


def test_who_hurries_is_told_when_to_come_back(running: RunningService, key: Key) -> None:
    answers = at_once(lambda: listing(running, key))
    let_through = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert len(let_through) >= 5
    assert refused
    for answer in refused:
        assert answer.refusal == (429, "APIGW.0308")
        assert answer.headers["retry-after"] == "1"
    eventually(lambda: listing(running, key).status == 200)


def test_signing_in_has_a_limit_of_its_own(running: RunningService, key: Key) -> None:
    answers = at_once(lambda: sign_in(running, PASSWORD))
    assert {answer.status for answer in answers} == {201, 429}
    assert listing(running, key).status == 200
