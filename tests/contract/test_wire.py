"""What the port takes and what it refuses: spellings of the body, of its type and of the path."""

import json
import time
from collections.abc import Mapping

import pytest

from tests.contract.places import INSTANCE, NODES, PROJECT, UNKNOWN_INSTANCE, call
from tests.contract.raw import JSON, KILL_BODY, Answer, Signed, ask, connected, exchange, head, receive
from tests.support.service import COORDINATOR, DATA_NODE, HOST, RunningService

NODE = NODES[COORDINATOR]
DONE = (200, {"success": True})


def outcome(answer: Answer) -> tuple[int, object]:
    return answer.status, answer.json


# --- bodies ----------------------------------------------------------------------------------------------------------

GOOD_BODIES = {
    "compact": f'{{"node_id":"{NODE}","component_id":"cn_5001"}}',
    "trailing_line_feed": KILL_BODY.decode() + "\n",
    "white_space_everywhere": f'\r\n {{ "node_id" :\t"{NODE}" ,\n"component_id" : "cn_5001" }} \r\n',
    "keys_in_another_order": f'{{"component_id": "cn_5001", "node_id": "{NODE}"}}',
    "with_the_instance": f'{{"instance_id": "{INSTANCE}", "node_id": "{NODE}", "component_id": "cn_5001"}}',
    "with_no_instance": f'{{"instance_id": null, "node_id": "{NODE}", "component_id": "cn_5001"}}',
    "unknown_keys": f'{{"node_id": "{NODE}", "component_id": "cn_5001", "x": {{"y": [1, 2.5e3, null]}}}}',
    "escaped_letters": f'{{"node_\\u0069d": "{NODE}", "component_id": "c\\u006e_5001"}}',
    "beyond_ascii": f'{{"node_id": "{NODE}", "component_id": "cn_5001", "note": "héllo 你好 🦆"}}',
    "the_last_of_two_keys_counts": f'{{"node_id": "?", "component_id": "cn_5001", "node_id": "{NODE}"}}',
    "an_endless_number_elsewhere": f'{{"node_id": "{NODE}", "component_id": "cn_5001", "x": {"9" * 10000}}}',
}


@pytest.mark.parametrize("spelling", GOOD_BODIES)
def test_a_body_may_be_spelt_in_every_way_that_json_allows(signed: Signed, spelling: str) -> None:
    assert outcome(signed.send(GOOD_BODIES[spelling].encode())) == DONE


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "not_json": (b"node_id=1", "DBS.280001"),
    "cut_off": (KILL_BODY[:-1], "DBS.280001"),
    "two_objects": (KILL_BODY + KILL_BODY, "DBS.280001"),
    "an_array": (b"[" + KILL_BODY + b"]", "DBS.280001"),
    "a_string": (json.dumps(KILL_BODY.decode()).encode(), "DBS.280001"),
    "null": (b"null", "DBS.280001"),
    "a_huge_number": (b"9" * 100_000, "DBS.280001"),
    "a_number_beyond_all_bounds": (b'{"node_id": 1e999999, "component_id": -0}', "DBS.280001"),
    "a_huge_number_for_an_id": (KILL_BODY.replace(b'"cn_5001"', b"9" * 10_000), "DBS.280001"),
    "deeply_nested": (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "DBS.280001"),
    "deeply_nested_and_cut_off": (b'{"x":' * 100_000, "DBS.280001"),
    "not_utf8": (KILL_BODY.replace(b"cn_5001", b"cn_\xff\xfe"), "DBS.280001"),
    "utf16": (KILL_BODY.decode().encode("utf-16"), "DBS.280001"),
    "byte_order_mark": (b"\xef\xbb\xbf" + KILL_BODY, "DBS.280001"),
    "half_a_character": (KILL_BODY.replace(b"cn_5001", b"cn_\\ud800"), "DBS.280001"),
    "null_byte": (KILL_BODY.replace(b"cn_5001", b"cn_\\u0000"), "DBS.280667"),
    "raw_null_byte": (KILL_BODY + b"\0", "DBS.280001"),
    "nulls_only": (b"\0" * 10, "DBS.280001"),
    "digits_of_another_script": (KILL_BODY.replace(NODE[:2].encode(), "٣٣".encode()), "DBS.280404"),
    "comment": (b"/* */" + KILL_BODY, "DBS.280001"),
    "single_quotes": (KILL_BODY.replace(b'"', b"'"), "DBS.280001"),
    "nan": (b'{"node_id": NaN, "component_id": "cn_5001"}', "DBS.280001"),
    "a_form": (b"\r\n--x\r\n", "DBS.280001"),
}


@pytest.mark.parametrize("what", BAD_BODIES)
def test_a_body_that_is_no_call_is_refused_and_named(signed: Signed, what: str) -> None:
    text, code = BAD_BODIES[what]
    assert signed.send(text).refusal == (400, code)


@pytest.mark.parametrize(
    "spelling",
    [
        "application/json",
        "application/json;charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON; Charset=UTF-8",
        'application/json; charset="utf-8"',
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ],
)
def test_the_content_type_may_be_spelt_in_any_way(signed: Signed, spelling: str) -> None:
    assert outcome(signed.send(headers={"Content-Type": spelling})) == DONE


def test_the_content_type_may_be_missing(signed: Signed) -> None:
    assert outcome(signed.send(headers={})) == DONE


def chunked(signed: Signed, sizes: tuple[int, ...], *, body: bytes = KILL_BODY) -> bytes:
    """A signed call whose body comes in chunks."""
    request = signed.request(body)
    length = f"Content-Length: {len(body)}".encode()
    first = request.removesuffix(body).replace(length, b"Transfer-Encoding: chunked")
    chunks: list[bytes] = []
    for size in (*sizes, len(body)):
        part, body = body[:size], body[size:]
        if part:
            chunks.append(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    return first + b"".join(chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize("sizes", [(), (1,), (10, 1, 20)])
def test_a_body_may_come_in_chunks(service: RunningService, signed: Signed, sizes: tuple[int, ...]) -> None:
    assert outcome(exchange(service.port, chunked(signed, sizes))) == DONE


# --- size and time ---------------------------------------------------------------------------------------------------

MEBIBYTE = 1024 * 1024
TOO_LARGE = (413, "APIGW.0201")


def test_a_body_of_one_mebibyte_is_read(signed: Signed) -> None:
    assert outcome(signed.send(KILL_BODY.ljust(MEBIBYTE))) == DONE


@pytest.mark.parametrize("size", [MEBIBYTE + 1, 10 * MEBIBYTE, 10**18])
@pytest.mark.parametrize("more", [{}, {"Expect": "100-continue"}])
@pytest.mark.parametrize("path", [call(), "/v3/auth/tokens"])
def test_a_larger_body_is_refused_before_it_is_sent(
    service: RunningService, size: int, more: Mapping[str, str], path: str
) -> None:
    headers = {"Host": HOST, "Content-Length": str(size), **more}
    answer = exchange(service.port, head("POST", path, headers))
    assert answer.status == 413
    assert answer.code in {"APIGW.0201", "IAM.0011"}


def test_the_official_clients_too_large_body_arrives_as_an_answer(service: RunningService, signed: Signed) -> None:
    """The whole body is sent before anybody listens, and the answer is still there to be read."""
    with connected(service.port) as link:
        link.sendall(signed.request(KILL_BODY.ljust(4 * MEBIBYTE)))
        assert receive(link).refusal == TOO_LARGE
        link.sendall(signed.request())
        assert outcome(receive(link)) == DONE


@pytest.mark.parametrize("size", [1000, 300_000])
def test_a_larger_body_in_chunks_is_refused_when_it_gets_there(
    service: RunningService, signed: Signed, size: int
) -> None:
    whole = KILL_BODY.ljust(MEBIBYTE + 1)
    request = chunked(signed, (size,) * (len(whole) // size), body=whole)
    assert exchange(service.port, request).refusal == TOO_LARGE


def test_a_body_of_chunks_that_never_ends_is_refused(service: RunningService) -> None:
    with connected(service.port) as link:
        link.sendall(head("POST", call(), {"Host": HOST, "Transfer-Encoding": "chunked"}))
        for _ in range(17):
            link.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert receive(link).refusal == TOO_LARGE


def test_a_slow_body_keeps_nobody_waiting_and_is_taken_when_it_comes(service: RunningService, signed: Signed) -> None:
    request = signed.request()
    with connected(service.port) as slow:
        for at in range(0, len(request), 100):
            slow.sendall(request[at : at + 100])
            asked = time.monotonic()
            assert service.get("/healthz") == (200, {"status": "ok"})
            assert time.monotonic() - asked < 5
        assert outcome(receive(slow)) == DONE


def test_a_caller_who_leaves_in_the_middle_of_a_body_costs_nothing(service: RunningService, signed: Signed) -> None:
    errors, request = service.errors(), signed.request()
    for cut in (len(request) - 1, len(request) - 40, 30):
        with connected(service.port) as link:
            link.sendall(request[:cut])
    assert outcome(signed.send()) == DONE
    assert service.errors() == errors


# --- paths and methods -----------------------------------------------------------------------------------------------

NO_SUCH_API = (404, "APIGW.0101")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", call()),
        ("HEAD", call()),
        ("PUT", call()),
        ("DELETE", call()),
        ("PATCH", call()),
        ("OPTIONS", call()),
        ("TRACE", call()),
        ("BREW", call()),
        ("post", call()),
        ("POST", call() + "/"),
        ("POST", "/" + call()),
        ("POST", call().replace("/instances/", "//instances/")),
        ("POST", call().replace("/v3/", "/V3/")),
        ("POST", call().replace("kill", "Kill")),
        ("POST", call().replace("/v3/", "/v3.1/")),
        ("POST", call().replace("/instances/", "%2Finstances/")),
        ("POST", call().replace("/instances/", "/./instances/")),
        ("POST", call().replace("/instances/", "/../v3/instances/")),
        ("POST", call().replace("kill-free-session", "kill%2Dfree-session")),
        ("POST", call() + "%2F"),
        ("POST", call() + "%00"),
        ("POST", call() + ";x=1"),
        ("POST", f"http://{HOST}"),
        ("POST", f"http://{call()}"),
        ("POST", f"http://olga@{HOST}{call()}"),
        ("POST", f"ftp://{HOST}{call()}"),
        ("POST", f"/http://{HOST}{call()}"),
        ("POST", f"http://{HOST}/{call()}"),
        ("POST", f"http://{HOST}/http://{HOST}{call()}"),
        ("POST", f"/v3/{PROJECT}/instances/kill-free-session"),
        ("POST", f"/v3/{PROJECT}/instances/{INSTANCE}/kill-sessions"),
        ("POST", f"/v3/{PROJECT}/instances/{INSTANCE}/../{INSTANCE}/kill-free-session"),
        ("PUT", "/v3/auth/tokens"),
        ("POST", "/v3/auth/tokens/"),
        ("POST", "/healthz"),
        ("POST", "/metrics"),
        ("GET", "/healthz/"),
        ("GET", "/HEALTHZ"),
        ("GET", "/favicon.ico"),
        ("POST", "/"),
        ("GET", "/v4"),
        ("OPTIONS", "*"),
        ("CONNECT", f"{HOST}:1"),
    ],
)
def test_an_unknown_call_gets_the_envelope_and_never_a_redirect(
    service: RunningService, method: str, path: str
) -> None:
    answer = ask(service, method, path, headers=JSON, body=KILL_BODY)
    assert answer.status == 404
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert answer.refusal == NO_SUCH_API
        assert answer.json["error_msg"] == "The API does not exist or has not been published in the environment."


@pytest.mark.parametrize("project", ["a%2Fb", "%2F", "%00", "%ff", "%", "%zz", "x%0d%0aX-Bad:1", PROJECT + "%0a"])
def test_what_is_encoded_in_a_segment_stays_in_it(signed: Signed, project: str) -> None:
    answer = signed.send(path=call(project))
    assert answer.refusal == (400, "DBS.280408")
    assert "x-bad" not in answer.headers


def test_an_id_may_be_percent_encoded(signed: Signed) -> None:
    assert outcome(signed.send(path=call(f"%{ord(PROJECT[0]):x}{PROJECT[1:]}"))) == DONE


@pytest.mark.parametrize("query", ["?", "?a=1", "?tags=k1%3Av1&tags=k2", "?%ff=%00&&=&", "?a=b?c/d+e"])
def test_a_query_is_signed_and_otherwise_passed_over(signed: Signed, query: str) -> None:
    assert outcome(signed.send(path=call() + query)) == DONE


def test_get_with_a_body_keeps_the_link_in_step(service: RunningService, signed: Signed) -> None:
    """The Node client sends `{}` with every GET."""
    path = f"/v3/{PROJECT}/instances/{INSTANCE}/"
    with connected(service.port) as link:
        for name, status in (("session-overview", 200), ("kill-free-session", 404), ("components", 200)):
            link.sendall(signed.request(b"{}", path=path + name, method="GET"))
            assert receive(link, "GET").status == status
        link.sendall(signed.request())
        assert outcome(receive(link)) == DONE


def test_one_link_carries_call_after_call_whatever_the_answers(service: RunningService, signed: Signed) -> None:
    requests = [
        (signed.request(), 200),
        (signed.request(b"["), 400),
        (signed.request(path=call(instance=UNKNOWN_INSTANCE)), 404),
        (head("POST", call(), {"Host": HOST, "Content-Length": "5"}) + b"12345", 401),
        (signed.request(KILL_BODY.replace(b"cn_5001", DATA_NODE.encode())), 400),
        (signed.request(), 200),
    ]
    with connected(service.port) as link:
        for request, status in requests:
            link.sendall(request)
            assert receive(link).status == status


def test_every_answer_has_an_id_of_its_own(service: RunningService) -> None:
    given = {"X-Request-Id": "f" * 32}
    ids = [ask(service, "GET", "/healthz", headers=given).request_id for _ in range(5)]
    assert len({*ids, "f" * 32}) == 6


def test_answers_are_whole_and_say_how_long_they_are(service: RunningService, signed: Signed) -> None:
    for answer in (signed.send(), signed.send(b""), ask(service, "GET", "/x"), ask(service, "GET", "/readyz")):
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["content-type"] == "application/json"
        assert "server" not in answer.headers


def test_the_answer_tells_the_outcomes_in_a_header_too(signed: Signed) -> None:
    assert "spared=" in signed.send().headers["x-vacate-outcomes"]
