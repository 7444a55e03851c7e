"""Signatures over the wire: the right ones of every client's shape are accepted, everything else is refused."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.contract.clients import Official, official_client
from tests.contract.conftest import Users
from tests.contract.places import (
    BROKEN_INSTANCE,
    INSTANCE,
    NODES,
    OTHER_PROJECT,
    PROJECT,
    STRICT_INSTANCE,
    call,
)
from tests.contract.raw import KILL_BODY, Recorder, Signed, ask, by_the_book, exchange
from tests.contract.test_errors import refused
from tests.support.service import COORDINATOR, DATA_NODE, Key, RunningService, Site
from vacate.domain.access.identity import Role

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

FAILED = "Incorrect IAM authentication information: verify aksk signature fail"
EXPIRED = "Incorrect IAM authentication information: calc aksk signature fail:signature expired, signature time:"


# --- the clock -------------------------------------------------------------------------------------------------------


def sdk_date(off_by: timedelta) -> dict[str, str]:
    return {"X-Sdk-Date": (datetime.now(UTC) + off_by).strftime("%Y%m%dT%H%M%SZ")}


@pytest.mark.parametrize("minutes", [-14.5, 0, 14.5])
def test_a_clock_within_a_quarter_of_an_hour_will_do(operator: Official, minutes: float) -> None:
    answer = operator.send(KILL_BODY.decode(), headers=sdk_date(timedelta(minutes=minutes)))
    assert answer.success is True


@pytest.mark.parametrize("minutes", [-15.2, 15.2, -60 * 24, 60 * 24 * 365])
def test_a_clock_further_off_is_refused_both_ways(operator: Official, minutes: float) -> None:
    date = sdk_date(timedelta(minutes=minutes))
    error = refused(lambda: operator.send(KILL_BODY.decode(), headers=date))
    assert (error.status_code, error.error_code) == (401, "APIGW.0301")
    assert error.error_msg.startswith(f"{EXPIRED}{date['X-Sdk-Date']},server time:20")


# --- the key ---------------------------------------------------------------------------------------------------------


def test_a_wrong_secret_key_is_refused(service: RunningService, users: Users) -> None:
    wrong = Key(access_key=users.operator.access_key, secret_key=users.viewer.secret_key)
    with official_client(service.endpoint, wrong) as client:
        error = refused(client.kill)
    assert (error.status_code, error.error_code, error.error_msg) == (401, "APIGW.0301", FAILED)


def test_an_unknown_access_key_is_named(service: RunningService) -> None:
    with official_client(service.endpoint, Key(access_key="NOSUCHKEY", secret_key="x")) as client:  # noqa: S106 - none
        error = refused(client.kill)
    assert (error.status_code, error.error_code) == (401, "APIGW.0301")
    assert error.error_msg == "Incorrect IAM authentication information: ak NOSUCHKEY not exist"


def test_a_disabled_key_and_a_disabled_user_are_refused_from_their_next_call_on(
    site: Site, service: RunningService
) -> None:
    first = site.add_user("paul", project_id=PROJECT, role=Role.OPERATOR)
    printed = dict(line.split("=", 1) for line in site.vacate("access-key", "create", "paul").splitlines())
    second = Key(access_key=printed["access_key"], secret_key=printed["secret_key"])
    with official_client(service.endpoint, first) as one, official_client(service.endpoint, second) as two:
        assert one.kill().success is True
        site.vacate("access-key", "disable", first.access_key)
        assert f"ak {first.access_key} not exist" in refused(one.kill).error_msg
        assert two.kill().success is True
        site.vacate("user", "disable", "paul")
        assert f"ak {second.access_key} not exist" in refused(two.kill).error_msg


# --- tampering -------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(users: Users) -> bytes:
    """The bytes of a call as the official client really sends it. Its Host is the recorder's, and signed."""
    recorder = Recorder()
    with official_client(recorder.endpoint, users.operator) as client:
        assert client.kill().success is True
        return recorder.request()


def flipped(part: bytes, position: int) -> bytes:
    """The part with another letter or digit for the one at that position, or for the next that is one."""
    places = [at for at, byte in enumerate(part) if chr(byte).isalnum()]
    at = min((place for place in places if place >= position), default=places[-1])
    other = b"8" if part[at : at + 1] != b"8" else b"9"
    return part[:at] + other + part[at + 1 :]


def header(request: bytes, name: str) -> tuple[int, int]:
    """Where the value of a header stands."""
    found = re.search(rb"(?mi)^" + re.escape(name.encode()) + rb": (.*)\r$", request)
    assert found, name
    return found.span(1)


def body_of(request: bytes) -> tuple[int, int]:
    return request.index(b"\r\n\r\n") + 4, len(request)


PARTS: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "content_type": partial(header, name="Content-Type"),
    "host": partial(header, name="Host"),
    "user_agent": partial(header, name="User-Agent"),
    "project_header": partial(header, name="X-Project-Id"),
    "body": body_of,
}


def test_a_recorded_call_is_accepted_as_it_is(service: RunningService, recorded: bytes) -> None:
    for name in ("content-type", "host", "user-agent", "x-project-id", "x-sdk-date"):
        assert name.encode() in recorded.partition(b"SignedHeaders=")[2].partition(b",")[0]
    answer = exchange(service.port, recorded)
    assert (answer.status, answer.json) == (200, {"success": True})


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_byte_in_a_signed_part_is_refused(service: RunningService, recorded: bytes, part: str) -> None:
    start, end = PARTS[part](recorded)
    for position in (0, (end - start) // 2, end - start - 1):
        tampered = recorded[:start] + flipped(recorded[start:end], position) + recorded[end:]
        answer = exchange(service.port, tampered)
        assert answer.refusal == (401, "APIGW.0301"), tampered
        assert answer.json["error_msg"] == FAILED


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(request: bytes) -> bytes:
        assert old.encode() in request
        return request.replace(old.encode(), new.encode(), 1)

    return change


def later(request: bytes) -> bytes:
    start, end = header(request, "X-Sdk-Date")
    moved = datetime.strptime(request[start:end].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(seconds=1)
    return request[:start] + moved.strftime("%Y%m%dT%H%M%SZ").encode() + request[end:]


def without_date(request: bytes) -> bytes:
    return re.sub(rb"X-Sdk-Date: .*\r\n", b"", request)


def other_component(request: bytes) -> bytes:
    """The body of another component: of the same length, and every bit as good."""
    old = f'{{"node_id": "{NODES[COORDINATOR]}", "component_id": "{COORDINATOR}"}}'
    return replaced(old, f'{{"node_id": "{NODES[DATA_NODE]}", "component_id": "{DATA_NODE}"}}')(request)


def other_signature(request: bytes) -> bytes:
    digit = request[request.index(b"Signature=") + 10 :][:1]
    return request.replace(b"Signature=" + digit, b"Signature=" + (b"0" if digit != b"0" else b"1"), 1)


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "path_other_instance": replaced(f"/{INSTANCE}/", f"/{STRICT_INSTANCE}/"),
    "path_broken_instance": replaced(f"/{INSTANCE}/", f"/{BROKEN_INSTANCE}/"),
    "path_other_project": replaced(f"/v3/{PROJECT}/", f"/v3/{OTHER_PROJECT}/"),
    "path_other_spelling": replaced(f"/v3/{PROJECT}/", f"/v3/{PROJECT[:-1]}%46/"),
    "query_added": replaced("/kill-free-session HTTP", "/kill-free-session?a=1 HTTP"),
    "date_later": later,
    "date_left_out": without_date,
    "date_not_signed": replaced(";x-sdk-date,", ","),
    "component_other": other_component,
    "body_longer": lambda request: replaced("Content-Length: 78", "Content-Length: 79")(request) + b" ",
    "signature_other": other_signature,
    "signature_upper_case": lambda request: re.sub(rb"(?<=Signature=)\w+", lambda m: m[0].upper(), request),
    "signature_shorter": lambda request: re.sub(rb"(Signature=\w+)\w", rb"\1", request),
    "signature_empty": lambda request: re.sub(rb"Signature=\w+", b"Signature=", request),
    "fewer_headers_signed": replaced("content-type;host;", "host;"),
    "headers_in_another_order": replaced("content-type;host;", "host;content-type;"),
    "header_signed_that_was_not_sent": replaced(";x-sdk-date,", ";x-sdk-date;x-more,"),
    "signed_header_sent_twice": replaced("Host: ", "Host: 127.0.0.1\r\nHost: "),
    "signed_content_type_sent_twice": replaced("Content-Type: ", "Content-Type: text/plain\r\nContent-Type: "),
    "authorization_sent_twice": lambda request: re.sub(rb"(Authorization: .*\r\n)", rb"\1\1", request),
    "authorization_cut_off": lambda request: re.sub(rb", Signature=\w+", b"", request),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_call_is_refused(service: RunningService, recorded: bytes, how: str) -> None:
    tampered = TAMPERED[how](recorded)
    assert tampered != recorded
    answer = exchange(service.port, tampered)
    if how == "signed_header_sent_twice":
        # Two hosts are no HTTP at all, so it never comes to the signature.
        assert answer.refusal == (400, "APIGW.0201")
    else:
        assert answer.refusal == (401, "APIGW.0301")
        assert answer.json["error_msg"].startswith(FAILED)


def test_what_was_not_signed_may_change_on_the_way(service: RunningService, recorded: bytes) -> None:
    changed = replaced("Accept: */*", "Accept: text/html")(recorded)
    changed = replaced("Accept-Encoding: gzip, deflate", "X-Forwarded-For: 203.0.113.9")(changed)
    assert exchange(service.port, changed).json == {"success": True}


def test_an_unknown_scheme_is_as_good_as_no_credentials(service: RunningService, recorded: bytes) -> None:
    answer = exchange(service.port, replaced("SDK-HMAC-SHA256 ", "SDK-HMAC-SHA255 ")(recorded))
    assert answer.refusal == (401, "APIGW.0301")
    assert answer.json["error_msg"] == "Incorrect IAM authentication information: x-auth-token not found"


# --- the shapes of other clients -------------------------------------------------------------------------------------

AGENT = "terraform-provider-huaweicloud"
TERRAFORM = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": AGENT}


def test_terraforms_shape_is_accepted(service: RunningService, users: Users) -> None:
    """It signs neither Host nor X-Project-Id, and ends its body with a line feed."""
    text = KILL_BODY + b"\n"
    headers = by_the_book(users.operator, path=call(), signed=TERRAFORM, body=text)
    answer = ask(service, "POST", call(), headers={**headers, "X-Project-Id": PROJECT}, body=text)
    assert (answer.status, answer.json) == (200, {"success": True})


def test_a_project_header_that_nobody_signed_opens_no_door(service: RunningService, users: Users) -> None:
    headers = by_the_book(users.other, path=call(), signed=TERRAFORM, body=KILL_BODY)
    answer = ask(service, "POST", call(), headers={**headers, "X-Project-Id": PROJECT}, body=KILL_BODY)
    assert answer.refusal == (403, "DBS.200010")


def test_node_clients_shape_is_accepted(service: RunningService, users: Users) -> None:
    """It does not sign its User-Agent, and writes compact JSON."""
    text = KILL_BODY.replace(b" ", b"")
    host = f"127.0.0.1:{service.port}"
    signed = {"Content-Type": "application/json", "Host": host, "X-Project-Id": PROJECT}
    headers = by_the_book(users.operator, path=call(), signed=signed, body=text)
    answer = ask(service, "POST", call(), headers={**headers, "User-Agent": "nodejs"}, body=text)
    assert (answer.status, answer.json) == (200, {"success": True})


def test_a_body_that_was_left_unsigned_is_refused(service: RunningService, users: Users) -> None:
    """The official client does so for every content type but JSON."""
    signed = Signed(service=service, key=users.operator)
    answer = signed.send(headers={"Content-Type": "text/plain", "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"})
    assert answer.refusal == (401, "APIGW.0301")
    assert "UNSIGNED-PAYLOAD is not accepted" in answer.json["error_msg"]
