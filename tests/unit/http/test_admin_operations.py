"""Every call of our own door as it is described: routed, strict, shut to strangers, with fields that speak."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.hurry import run
from tests.support.place import INSTANCE, OTHER_PROJECT, PROJECT
from tests.unit.http.admin_door import PLAN, Operations
from vacate.api.admin.errors import ERRORS
from vacate.api.admin.fields import AdminPath
from vacate.api.errors import row_of
from vacate.api.operation import Operation
from vacate.domain.errors import PermissionDeniedError, PlanUnknownError, ProjectMismatchError, VacateError
from vacate.http.admin.routes import OPERATIONS
from vacate.http.reference.catalogue import ADMINISTRATION

PLACEHOLDER = re.compile(r"\{(\w+)\}")
WITH_BODY = [operation for operation in OPERATIONS if operation.request is not None]
WITHOUT_BODY = [operation for operation in OPERATIONS if operation.request is None]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def ids(operation: Operation) -> str:
    return operation.id


def path(operation: Operation, *, project: str = PROJECT) -> str:
    return operation.path.format(project_id=project, plan_id=PLAN.id, instance_id=INSTANCE.id)


def query(operation: Operation) -> str:
    return "&".join(f"{name}={value}" for name, value in operation.examples[0].query)


def body(operation: Operation) -> bytes:
    request = operation.examples[0].request
    return b"" if request is None else json.dumps(request).encode()


# --- routing ---------------------------------------------------------------------------------------------------------


def test_the_calls_are_these() -> None:
    below = "/admin/v1/{project_id}"
    assert {(operation.method, operation.path): operation.id for operation in OPERATIONS} == {
        ("POST", f"{below}/plans"): "make_plan",
        ("GET", f"{below}/plans"): "list_plans",
        ("GET", f"{below}/plans/{{plan_id}}"): "show_plan",
        ("POST", f"{below}/plans/{{plan_id}}/apply"): "apply_plan",
        ("POST", f"{below}/plans/{{plan_id}}/stop"): "stop_plan",
        ("POST", f"{below}/explain"): "explain_session",
        ("GET", f"{below}/audit"): "search_audit",
        ("GET", f"{below}/components"): "list_components",
        ("GET", f"{below}/freezes"): "list_freezes",
        ("PUT", f"{below}/freezes/{{instance_id}}"): "freeze_instance",
        ("DELETE", f"{below}/freezes/{{instance_id}}"): "thaw_instance",
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_what_is_described_is_served_as_its_example_asks_for_it(operation: Operation) -> None:
    answer = await Operations().send(operation.method, f"{path(operation)}?{query(operation)}", body(operation))
    assert answer.status in {operation.status, operation.under_way}, answer.body


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_another_spelling_of_a_path_is_no_call_and_never_redirected(operation: Operation) -> None:
    for other in (path(operation) + "/", path(operation).upper(), "/" + path(operation)):
        answer = await Operations().send(operation.method, other, body(operation))
        assert answer.refusal == (404, "APIGW.0101"), other


def test_every_placeholder_of_a_path_is_described() -> None:
    for operation in OPERATIONS:
        assert set(PLACEHOLDER.findall(operation.path)) <= set(AdminPath.__struct_fields__)


# --- strictness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_a_parameter_that_a_call_does_not_know_is_a_mistake_that_names_it(operation: Operation) -> None:
    operations = Operations()
    answer = await operations.send(operation.method, f"{path(operation)}?force=1", body(operation))
    assert answer.refusal == (400, "DBS.280001")
    assert "`force`" in answer.json["error_msg"]
    assert operations.asked == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=ids)
async def test_a_key_that_a_body_does_not_know_is_a_mistake_that_names_it(operation: Operation) -> None:
    operations = Operations()
    sent = json.dumps({**json.loads(body(operation)), "dry_run": True}).encode()
    answer = await operations.send(operation.method, path(operation), sent)
    assert answer.refusal == (400, "DBS.280001")
    assert "`dry_run`" in answer.json["error_msg"]
    assert operations.asked == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=ids)
@pytest.mark.parametrize(
    "sent",
    [
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"criteria":' * 50_000,
        b'{"\\ud800": 1}',
        b"{} {}",
        b"NaN",
    ],
    ids=lambda sent: repr(sent[:12]),
)
async def test_a_body_that_is_no_object_of_the_calls_shape_is_refused(operation: Operation, sent: bytes) -> None:
    operations = Operations()
    answer = await operations.send(operation.method, path(operation), sent)
    assert answer.refusal == (400, "DBS.280001")
    assert operations.asked == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=ids)
@pytest.mark.parametrize("sent", [b"", b" \r\n"])
async def test_a_body_that_is_missing_is_told(operation: Operation, sent: bytes) -> None:
    assert (await Operations().send(operation.method, path(operation), sent)).refusal == (400, "DBS.280006")


@pytest.mark.parametrize("operation", WITHOUT_BODY, ids=ids)
@pytest.mark.parametrize("sent", [b"{}", b"{", b"\xff" * 100])
async def test_a_body_that_no_call_asked_for_is_not_looked_at(operation: Operation, sent: bytes) -> None:
    answer = await Operations().send(operation.method, f"{path(operation)}?{query(operation)}", sent)
    assert answer.status < 300


@pytest.mark.parametrize("operation", WITH_BODY, ids=ids)
@given(
    changed=st.dictionaries(
        st.sampled_from(
            ("instance_id", "node_id", "component_id", "criteria", "expires_in", "digest", "wait_seconds", "session_id")
        ),
        ANYTHING,
        max_size=4,
    )
)
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
def test_whatever_stands_in_a_body_it_is_served_or_refused_in_words(
    operation: Operation, changed: dict[str, object]
) -> None:
    sent = json.dumps({**json.loads(body(operation)), **changed}).encode()
    answer = run(Operations().send(operation.method, path(operation), sent))
    assert answer.status in {200, 201, 202} or answer.refusal[0] == 400


# --- strangers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_who_is_not_of_the_project_learns_nothing_about_the_rest_of_a_call(operation: Operation) -> None:
    for target, sent in (
        (path(operation, project=OTHER_PROJECT), body(operation)),
        (path(operation, project=OTHER_PROJECT) + "?unknown=1", b"{"),
        (path(operation, project=OTHER_PROJECT).replace(PLAN.id, "x"), b""),
    ):
        operations = Operations(turns_away=ProjectMismatchError())
        answer = await operations.send(operation.method, target, sent)
        assert answer.refusal == (403, "DBS.200010")
        assert operations.asked == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
@pytest.mark.parametrize("project", ["x", PROJECT[:-1], PROJECT + "0", "0" * 31 + "%C3%A9", "%2e%2e"])
async def test_what_is_no_id_of_a_project_is_told_before_anything_else(operation: Operation, project: str) -> None:
    operations = Operations()
    answer = await operations.send(operation.method, path(operation, project=project) + "?x=1", b"{")
    assert answer.refusal == (400, "DBS.280408")
    assert operations.admitted == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (PermissionDeniedError(role="viewer", permission="kill"), (403, "DBS.280015")),
        (PlanUnknownError(), (404, "VACATE.4041")),
        (VacateError("unforeseen"), (500, "DBS.108000")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_an_operation_raises_is_answered_by_the_table(
    operation: Operation, error: VacateError, refusal: tuple[int, str]
) -> None:
    operations = Operations(fails_with=error)
    target = f"{path(operation)}?{query(operation)}"
    assert (await operations.send(operation.method, target, body(operation))).refusal == refusal


def test_a_call_tells_of_every_error_that_its_operation_documents() -> None:
    for operation in OPERATIONS:
        for error in ADMINISTRATION.errors(operation):
            assert row_of(ERRORS, error) is ERRORS[error]
