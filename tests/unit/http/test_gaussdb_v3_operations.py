"""Every call of the door as it is described: routed, in the documented order of errors, with fields that speak."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.unit.http.compatible_door import ON_COORDINATOR, Operations
from vacate.api.errors import row_for
from vacate.api.gaussdb_v3.errors import ERRORS, OF_EVERY_CALL
from vacate.api.gaussdb_v3.fields import PathParameters
from vacate.api.operation import Operation
from vacate.domain.errors import InstanceUnknownError, PermissionDeniedError, ProjectMismatchError
from vacate.http.gaussdb_v3.routes import OPERATIONS

PLACEHOLDER = re.compile(r"\{(\w+)\}")
KNOWN = [operation for operation in OPERATIONS if operation.authenticated]
OF_INSTANCE = [operation for operation in KNOWN if "{instance_id}" in operation.path]
ON_COMPONENT = [operation for operation in KNOWN if operation.request is not None and operation.body_required]
FREE_FORM = {"list_key_view_execute_node"}


def ids(operation: Operation) -> str:
    return operation.id


def path(operation: Operation, *, project: str = PROJECT, instance: str = INSTANCE.id) -> str:
    return operation.path.replace("{project_id}", project).replace("{instance_id}", instance)


def query(operation: Operation) -> str:
    """A query that is good for the operation."""
    return "&".join(f"{name}={value}" for name, value in operation.examples[0].query)


def body(operation: Operation) -> bytes:
    """A body that is good for the operation."""
    request = operation.examples[0].request
    return b"" if request is None else json.dumps(request).encode()


# --- routing ---------------------------------------------------------------------------------------------------------


def test_the_calls_of_the_contract_are_all_there() -> None:
    instance = "/v3/{project_id}/instances/{instance_id}"
    assert {(operation.method, operation.path) for operation in OPERATIONS} == {
        ("POST", f"{instance}/kill-free-session"),
        ("POST", f"{instance}/kill-session"),
        ("POST", f"{instance}/real-time-session"),
        ("POST", f"{instance}/key-view-execute-node"),
        ("GET", f"{instance}/session-overview"),
        ("GET", f"{instance}/session-statistics"),
        ("GET", f"{instance}/session/statistic/top-sql"),
        ("GET", f"{instance}/session/statistic/wait-event"),
        ("GET", f"{instance}/session/memory-context"),
        ("POST", f"{instance}/transactions/list"),
        ("POST", f"{instance}/transactions/kill"),
        ("GET", f"{instance}/transactions/get-auto-kill-config"),
        ("GET", f"{instance}/components"),
        ("GET", f"{instance}/coordinators"),
        ("GET", "/v3.3/{project_id}/instances"),
        ("GET", "/v3.2/{project_id}/instances"),
        ("GET", "/v3.1/{project_id}/instances"),
        ("GET", "/v3/{project_id}/instances"),
        ("GET", "/"),
        ("GET", "/v3"),
        ("GET", "/v3.1"),
        ("GET", "/v3.2"),
        ("GET", "/v3.3"),
    }
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_what_is_described_is_served_as_its_example_asks_for_it(operation: Operation) -> None:
    target = f"{path(operation)}?{query(operation)}"
    answer = await Operations().send(operation.method, target, body(operation))
    assert answer.status == operation.status, answer.body
    assert operation.response is not None
    whole = msgspec.convert(answer.json, operation.response)
    assert msgspec.to_builtins(whole) == answer.json


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_no_call(operation: Operation, method: str) -> None:
    if method != operation.method:
        answer = await Operations().send(method, path(operation), body(operation))
        assert answer.refusal == (404, "APIGW.0101")


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_another_spelling_of_a_path_is_no_call_and_never_redirected(operation: Operation) -> None:
    for other in (path(operation) + "/", path(operation).upper(), "/" + path(operation)):
        if other not in {"//", "/"}:
            assert (await Operations().send(operation.method, other)).refusal == (404, "APIGW.0101"), other


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if op.method == "GET"], ids=ids)
@pytest.mark.parametrize("sent", [b"{}", b"{", b"\xff" * 100])
async def test_the_body_of_a_get_is_not_looked_at(operation: Operation, sent: bytes) -> None:
    answer = await Operations().send("GET", f"{path(operation)}?{query(operation)}", sent)
    assert answer.status == 200


# --- the order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", KNOWN, ids=ids)
async def test_the_project_is_looked_at_first(operation: Operation) -> None:
    operations = Operations(turns_away=ProjectMismatchError())
    bad = path(operation, project="~", instance="~") + "?limit=x&limit=y"
    assert (await operations.send(operation.method, bad, b"[")).refusal == (400, "DBS.280408")
    assert operations.admitted == []
    bad = path(operation, instance="~") + "?limit=x&limit=y"
    assert (await operations.send(operation.method, bad, b"[")).refusal == (403, "DBS.200010")
    assert operations.asked == []


@pytest.mark.parametrize("operation", OF_INSTANCE, ids=ids)
@pytest.mark.parametrize("instance", ["~", INSTANCE.id + "0", INSTANCE.id[:35] + "%2F", "%7Binstance_id%7D", "a%0A"])
async def test_then_the_form_of_the_instance_id(operation: Operation, instance: str) -> None:
    operations = Operations()
    bad = path(operation, instance=instance) + "?limit=x&limit=y"
    assert (await operations.send(operation.method, bad, b"[")).refusal == (400, "DBS.280404")
    assert operations.asked == []


@pytest.mark.parametrize("operation", ON_COMPONENT, ids=ids)
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "DBS.280006"),
        (b"[", "DBS.280001"),
        (b"{}", "DBS.280001"),
        (json.dumps(ON_COORDINATOR | {"node_id": 5}).encode(), "DBS.280001"),
        (json.dumps(ON_COORDINATOR | {"component_id": None}).encode(), "DBS.280001"),
        (b'{"x":' * 200_000, "DBS.280001"),
    ],
    ids=["empty", "cut_off", "nothing", "a_number", "null", "deep"],
)
async def test_then_the_body_before_anything_is_looked_up(operation: Operation, sent: bytes, code: str) -> None:
    operations = Operations(fails_with=PermissionDeniedError(role="viewer", permission="kill"))
    assert (await operations.send(operation.method, path(operation), sent)).refusal == (400, code)
    assert operations.asked == []


@pytest.mark.parametrize("operation", [op for op in KNOWN if op.query is not None], ids=ids)
async def test_or_the_query_before_anything_is_looked_up(operation: Operation) -> None:
    assert operation.query is not None
    known = next(name for name in operation.query.__struct_fields__ if name != "tags")
    operations = Operations(fails_with=PermissionDeniedError(role="viewer", permission="view"))
    answer = await operations.send("GET", f"{path(operation)}?{known}=1&{known}=1")
    assert answer.refusal == (400, "DBS.280001")
    assert operations.asked == []


@pytest.mark.parametrize("operation", KNOWN, ids=ids)
async def test_then_the_role_and_what_is_named(operation: Operation) -> None:
    target = f"{path(operation)}?{query(operation)}"
    refused = PermissionDeniedError(role="viewer", permission="kill")
    answer = await Operations(fails_with=refused).send(operation.method, target, body(operation))
    assert answer.refusal == (403, "DBS.280015")
    if operation in OF_INSTANCE:
        unknown = await Operations(fails_with=InstanceUnknownError()).send(operation.method, target, body(operation))
        assert unknown.refusal == (404, "DBS.200045")


# --- the descriptions ------------------------------------------------------------------------------------------------


def shapes(shape: object) -> Iterator[type[msgspec.Struct]]:
    """The struct itself and every struct within its fields."""
    seen: list[object] = [shape]
    for wanted in seen:
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            yield wanted
            for field in msgspec.structs.fields(wanted):
                seen.extend(part for part in parts(field.type) if part not in seen)


def parts(hint: object) -> Iterator[object]:
    yield hint
    for argument in getattr(hint, "__args__", ()):
        yield from parts(argument)
    if origin := getattr(hint, "__origin__", None):
        yield origin


ALL_SHAPES = tuple(
    dict.fromkeys(
        found
        for operation in OPERATIONS
        for top in (operation.request, operation.query, operation.response, PathParameters)
        if top is not None
        for found in shapes(top)
    )
)


def test_the_shapes_were_found() -> None:
    assert {"RealTimeSession", "InstanceNode", "SessionQuery", "Datastore"} <= {shape.__name__ for shape in ALL_SHAPES}
    assert len({shape.__name__ for shape in ALL_SHAPES}) == len(ALL_SHAPES), "two shapes of one name"


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.__name__)
def test_every_field_says_what_it_is(shape: type[msgspec.Struct]) -> None:
    schema = msgspec.json.schema(shape)["$defs"][shape.__name__]
    assert schema["description"]
    for name, field in schema["properties"].items():
        told = field.get("description", "")
        assert told, name
        assert told.endswith("."), name
        nested = "$ref" in json.dumps(field)
        assert nested or field.get("examples"), f"{name} has no example"


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_every_call_is_described_and_shown(operation: Operation) -> None:
    assert operation.title
    assert operation.description.endswith(".")
    assert operation.family in {"Sessions", "Statistics", "Transactions", "Topology", "Instances", "Versions"}
    assert operation.examples
    assert set(PLACEHOLDER.findall(operation.path)) <= set(PathParameters.__struct_fields__)
    assert (operation.request is not None) == (operation.method == "POST")


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_an_example_is_of_the_shapes_it_is_an_example_of(operation: Operation) -> None:
    for example in operation.examples:
        assert operation.response is not None
        answer = msgspec.convert(example.response, operation.response)
        assert msgspec.to_builtins(answer) == example.response
        if operation.request is not None:
            request = msgspec.convert(example.request, dict[str, object])
            assert request.keys() <= set(operation.request.__struct_fields__)
            msgspec.convert(request, operation.request)
        if operation.query is not None:
            assert {name for name, _ in example.query} <= set(operation.query.__struct_fields__)
        else:
            assert not example.query
        assert re.search(r"\b(?:10|127|172|192\.168)\.\d", json.dumps(example.response)) is None


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_every_error_of_a_call_has_its_own_row(operation: Operation) -> None:
    assert len(set(operation.errors)) == len(operation.errors)
    assert not set(operation.errors) & set(OF_EVERY_CALL)
    for error in operation.errors:
        assert row_for(ERRORS, error.__new__(error)) is ERRORS[error]


def test_a_component_can_be_found_by_what_the_first_call_tells() -> None:
    key_view = next(operation for operation in OPERATIONS if operation.id in FREE_FORM)
    told = msgspec.convert(key_view.examples[0].response, key_view.response)
    assert [(node.node_id, node.component_id) for node in told.nodes] == [(COMPONENT.node_id, COMPONENT.id)]  # type: ignore[union-attr]


def test_the_page_about_the_calls_names_every_field_there_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "gaussdb-v3.md").read_text(encoding="utf-8")
    named = {name for code in re.findall(r"`([^`\n]+)`", page) for name in re.split(r"\W+", code)}
    rows = ("RealTimeSession", "Transaction", "EarlierInstanceRow", "AutoKillConfig", "SessionOverview")
    fields = {name for shape in ALL_SHAPES if shape.__name__ in rows for name in shape.__struct_fields__}
    assert len(fields) > 70
    assert fields - named - {"type"} == set()
