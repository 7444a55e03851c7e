"""What the official clients do when they sign, each in a request as that client sends it."""

from dataclasses import replace

import pytest

from tests.support.signing import (
    DATE,
    EVERY_ALGORITHM,
    HOST,
    INSTANCE,
    KILL,
    NODE,
    NODE_GET,
    PROJECT,
    PYTHON,
    SCOPE,
    TERRAFORM,
    Call,
    admit,
    header,
    key_for,
    signed,
    with_header,
)
from vacate.domain.errors import SignatureInvalidError
from vacate.iam.algorithms import SDK_HMAC_SM3, SDK_SM2_SM3, V11_HMAC_SHA256, Algorithm
from vacate.operations.access.ports import Presented

CLIENTS = {"python": PYTHON, "node": NODE, "node_get": NODE_GET, "terraform": TERRAFORM}

each_client = pytest.mark.parametrize("call", CLIENTS.values(), ids=CLIENTS)
each_algorithm = pytest.mark.parametrize(
    "algorithm", EVERY_ALGORITHM, ids=[algorithm.scheme.decode() for algorithm in EVERY_ALGORITHM]
)


def refused(request: Presented) -> None:
    with pytest.raises(SignatureInvalidError):
        admit(request)


@each_client
@each_algorithm
def test_a_client_is_admitted_in_every_scheme(call: Call, algorithm: Algorithm) -> None:
    admit(signed(call, algorithm))


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [NODE, NODE_GET], ids=["node", "node_get"])
def test_a_user_agent_that_node_leaves_unsigned_may_be_anything_or_missing(call: Call) -> None:
    admit(with_header(signed(call), b"user-agent", b"axios"))
    admit(with_header(signed(call), b"user-agent"))


@pytest.mark.parametrize("name", [b"host", b"x-project-id", b"x-domain-id", b"x-security-token"])
def test_what_terraform_leaves_unsigned_may_be_anything_or_missing(name: bytes) -> None:
    request = signed(TERRAFORM)
    admit(with_header(request, name, b"something else"))
    admit(with_header(request, name))


@pytest.mark.parametrize("name", [b"host", b"user-agent", b"content-type", b"accept"])
@each_client
def test_a_proxy_that_rewrites_a_signed_header_breaks_the_signature(call: Call, name: bytes) -> None:
    rewritten = with_header(signed(call), name, b"rewritten")
    if name.decode() in call.signed:
        refused(rewritten)
    else:
        admit(rewritten)


def test_the_host_is_signed_with_its_port() -> None:
    refused(with_header(signed(PYTHON), b"host", HOST.encode()))


@pytest.mark.parametrize(
    "spelling", ["application/json;charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_a_content_type_is_verified_in_the_spelling_that_was_sent(spelling: str) -> None:
    call = replace(PYTHON, headers={**PYTHON.headers, "content-type": spelling})
    admit(signed(call))
    refused(with_header(signed(call), b"content-type", spelling.swapcase().encode()))


def test_a_get_needs_no_content_type() -> None:
    call = Call(method="GET", headers={"host": HOST, "x-sdk-date": DATE}, signed=("host", "x-sdk-date"))
    admit(signed(call))


def test_a_get_may_have_a_content_type_without_a_body() -> None:
    admit(signed(replace(PYTHON, method="GET", body=b"")))


@pytest.mark.parametrize("call", [PYTHON, NODE], ids=["python", "node"])
@each_algorithm
def test_a_security_token_that_is_signed_cannot_be_changed(call: Call, algorithm: Algorithm) -> None:
    names = tuple(sorted((*call.signed, "x-security-token")))
    request = signed(replace(call, headers={**call.headers, "x-security-token": "t0ken/+=="}, signed=names), algorithm)
    admit(request)
    refused(with_header(request, b"x-security-token", b"t0ken/+=A"))
    refused(with_header(request, b"x-security-token"))


@each_algorithm
def test_a_security_token_that_terraform_leaves_unsigned_does_not_disturb(algorithm: Algorithm) -> None:
    admit(signed(replace(TERRAFORM, headers={**TERRAFORM.headers, "x-security-token": "t0ken"}), algorithm))


@pytest.mark.parametrize("name", ["x-auth-token", "x-language", "x-custom", "x_custom"])
def test_whatever_header_a_client_signs_is_covered(name: str) -> None:
    names = tuple(sorted((*TERRAFORM.signed, name)))
    request = signed(replace(TERRAFORM, headers={**TERRAFORM.headers, name: "a"}, signed=names))
    admit(request)
    refused(with_header(request, name.encode(), b"b"))


def test_a_header_with_an_underscore_that_python_leaves_unsigned_may_be_anything() -> None:
    request = signed(replace(PYTHON, headers={**PYTHON.headers, "x_custom": "a"}))
    admit(with_header(request, b"x_custom", b"b"))


def test_inner_blanks_of_a_header_are_signed_and_outer_ones_are_not() -> None:
    call = replace(PYTHON, headers={**PYTHON.headers, "user-agent": " a  b \t"})
    request = signed(call)
    admit(request)
    admit(with_header(request, b"user-agent", b"a  b"))
    refused(with_header(request, b"user-agent", b"a b"))


def test_signed_headers_may_be_listed_in_any_order_but_only_in_the_one_that_was_signed() -> None:
    admit(signed(replace(PYTHON, signed=PYTHON.signed[::-1])))
    request = signed(PYTHON)
    value = header(request, b"authorization").replace(b"content-type;host", b"host;content-type")
    refused(with_header(request, b"authorization", value))


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_the_body_that_node_sends_with_a_get_is_signed() -> None:
    request = signed(NODE_GET)
    admit(request)
    refused(replace(request, body=b""))
    refused(replace(request, body=b"[]"))


def test_the_line_end_after_terraforms_body_is_signed() -> None:
    refused(replace(signed(TERRAFORM), body=TERRAFORM.body.rstrip()))
    refused(replace(signed(TERRAFORM), body=TERRAFORM.body + b"\n"))


@each_algorithm
def test_a_post_whose_body_was_none_has_an_empty_one(algorithm: Algorithm) -> None:
    request = signed(replace(PYTHON, body=b""), algorithm)
    admit(request)
    refused(replace(request, body=b"{}"))


def test_blanks_in_a_body_are_signed() -> None:
    refused(replace(signed(PYTHON), body=PYTHON.body.replace(b" ", b"")))


@each_client
@each_algorithm
def test_an_unsigned_body_is_refused_in_every_scheme(call: Call, algorithm: Algorithm) -> None:
    name = algorithm.content_header.decode()
    names = tuple(sorted((*call.signed, name)))
    declaring = signed(replace(call, headers={**call.headers, name: "UNSIGNED-PAYLOAD"}, signed=names), algorithm)
    with pytest.raises(SignatureInvalidError, match="UNSIGNED-PAYLOAD is not accepted"):
        admit(declaring)


@each_algorithm
def test_a_declared_hash_is_that_of_the_scheme(algorithm: Algorithm) -> None:
    name = algorithm.content_header.decode()
    names = tuple(sorted((*PYTHON.signed, name)))
    for body, words in ((PYTHON.body, ""), (b"{}", "the body is not the one that was signed")):
        declared = algorithm.digest(body).decode()
        request = signed(replace(PYTHON, headers={**PYTHON.headers, name: declared}, signed=names), algorithm)
        if words:
            with pytest.raises(SignatureInvalidError, match=words):
                admit(request)
        else:
            admit(request)


@pytest.mark.parametrize("algorithm", [SDK_HMAC_SM3, SDK_SM2_SM3], ids=["HMAC", "SM2"])
def test_a_scheme_over_sm3_declares_its_hash_in_a_header_of_its_own(algorithm: Algorithm) -> None:
    assert algorithm.content_header == b"x-sdk-content-sm3"


# --- paths and queries -----------------------------------------------------------------------------------------------


def test_a_star_is_signed_encoded_whether_it_is_sent_bare_or_not() -> None:
    request = signed(NODE_GET)
    admit(request)
    admit(replace(request, query=request.query.replace(b"*", b"%2A")))
    refused(replace(request, query=request.query.replace(b"*", b"")))


def test_a_tag_that_comes_twice_is_signed_twice() -> None:
    request = signed(NODE_GET)
    admit(replace(request, query=b"tags=k1:v1&id=*abc&tags=k2:v2&name=a+b"))
    for query in (
        b"id=*abc&tags=k2:v2&name=a+b",
        b"id=*abc&tags=k2:v2&tags=k2:v2&name=a+b",
        request.query + b"&tags=k1:v1",
        b"id=*abc&tags=k1:v1,k2:v2&name=a+b",
    ):
        refused(replace(request, query=query))


def test_a_bare_plus_is_a_space_and_an_encoded_one_is_a_plus() -> None:
    request = signed(NODE_GET)
    admit(replace(request, query=request.query.replace(b"a+b", b"a%20b")))
    refused(replace(request, query=request.query.replace(b"a+b", b"a%2Bb")))


@pytest.mark.parametrize("path", [f"{INSTANCE}%2Fx", f"{INSTANCE}%2fx"])
def test_an_encoded_slash_in_a_path_is_signed_as_a_slash(path: str) -> None:
    admit(signed(replace(PYTHON, path=path, canonical_uri=f"{INSTANCE}/x/")))


def test_a_path_that_was_never_filled_in_is_admitted() -> None:
    """What Python sends without a project id: who asks is proved, and the path is somebody else's to refuse."""
    path = KILL.replace(PROJECT, "%7Bproject_id%7D")
    admit(signed(replace(PYTHON, path=path, canonical_uri=f"{path}/")))


def test_nodes_path_may_be_encoded_twice() -> None:
    path = KILL.replace(PROJECT, "%7Bproject_id%7D")
    admit(signed(replace(NODE, path=path, canonical_uri=f"{path.replace('%', '%25')}/")))


def test_the_signed_path_ends_in_a_slash_and_the_sent_one_need_not() -> None:
    request = signed(PYTHON)
    admit(request)
    admit(replace(request, path=request.path + b"/"))
    refused(replace(request, path=request.path + b"//"))


# --- the scope of V11 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [SCOPE, b"20260102/eu-west-101/iam", b"20260102/my_region.1/any-service"])
def test_a_scope_may_be_of_any_region_and_service(scope: bytes) -> None:
    admit(signed(PYTHON, V11_HMAC_SHA256, replace(key_for(V11_HMAC_SHA256), scope=scope)))


@pytest.mark.parametrize("day", [b"20260101", b"20260103", b"20270102", b"00000000"])
def test_a_scope_of_another_day_is_refused_however_well_it_is_signed(day: bytes) -> None:
    scope = SCOPE.replace(b"20260102", day)
    request = signed(PYTHON, V11_HMAC_SHA256, replace(key_for(V11_HMAC_SHA256), scope=scope))
    with pytest.raises(SignatureInvalidError, match="the Credential is for another day than x-sdk-date"):
        admit(request)


@pytest.mark.parametrize(
    "scope",
    [
        b"20260102/ap-southeast-1",
        b"20260102/ap-southeast-1/gaussdb/x",
        b"20260102//gaussdb",
        b"20260102/ap-southeast-1/",
        b"2026012/ap-southeast-1/gaussdb",
        b"20260102/ap southeast/gaussdb",
        b"20260102/" + b"r" * 65 + b"/gaussdb",
        b"20260102/ap-southeast-1/" + b"s" * 65,
        b"",
    ],
)
def test_a_scope_of_another_shape_is_refused_however_well_it_is_signed(scope: bytes) -> None:
    request = signed(PYTHON, V11_HMAC_SHA256, replace(key_for(V11_HMAC_SHA256), scope=scope))
    with pytest.raises(SignatureInvalidError, match="cannot be read"):
        admit(request)


@each_algorithm
def test_only_a_scheme_with_a_scope_says_credential(algorithm: Algorithm) -> None:
    request = signed(PYTHON, algorithm)
    value = header(request, b"authorization")
    scope = b"/" + SCOPE
    swapped = (
        value.replace(b"Credential=", b"Access=").replace(scope, b"")
        if algorithm.scoped
        else value.replace(b"Access=AKTEST0123456789ABCD", b"Credential=AKTEST0123456789ABCD" + scope)
    )
    assert swapped != value
    with pytest.raises(SignatureInvalidError, match="cannot be read"):
        admit(with_header(request, b"authorization", swapped))
