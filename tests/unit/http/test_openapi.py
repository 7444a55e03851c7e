"""The OpenAPI document of the real doors is valid and whole: words, examples and refusals for everything."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from vacate.api.language import Language
from vacate.api.operation import Operation
from vacate.domain.errors import AuthenticationError, PasswordInvalidError, UserLockedError, VacateError
from vacate.http.reference.catalogue import ADMINISTRATION, DOORS, SESSION_CALLS, SIGN_IN
from vacate.http.reference.document import document
from vacate.http.reference.door import DescribedDoor

WHOLE = document(DOORS, "1.2.3")
OPERATIONS = {operation.id: operation for door in DOORS for operation in door.operations}
# It is the root of the others, which have rows of their own.
ONLY_A_ROOT = {AuthenticationError}
# Its row there is for the sake of completeness: nobody signs in with a password where sessions are ended.
NEVER: dict[str, set[type[VacateError]]] = {
    SESSION_CALLS.title: {PasswordInvalidError, UserLockedError},
    SIGN_IN.title: set(),
    ADMINISTRATION.title: set(),
}

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def described(operation: Operation) -> dict[str, Any]:
    return WHOLE["paths"][operation.path][operation.method.lower()]


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        found: Any = WHOLE
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def media_types(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any part of the document
    """Everything that has a schema and examples of it: bodies, answers, parameters, headers."""
    if isinstance(value, dict):
        here = cast("dict[str, Any]", value)
        if "schema" in here:
            yield here
        for inner in here.values():
            yield from media_types(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from media_types(inner)


def complaints(schema: dict[str, Any], value: object) -> list[str]:
    """What a validator finds wrong with a value. A schema refers to others by their place in the document."""
    with_others = {**schema, "components": WHOLE["components"]}
    return [error.message for error in OAS31Validator(with_others).iter_errors(value)]


def test_it_is_openapi() -> None:
    OpenAPIV31SpecValidator(WHOLE).validate()


def test_every_operation_has_its_own_id_and_its_own_path_and_method() -> None:
    every = [operation for door in DOORS for operation in door.operations]
    assert len(every) == len(OPERATIONS)
    assert len({(operation.path, operation.method) for operation in every}) == len(every)


@every_operation
def test_an_operation_says_what_it_is_for(operation: Operation) -> None:
    assert operation.title
    assert not operation.title.endswith(".")
    assert operation.description.endswith(".")
    assert operation.family


@every_operation
def test_an_operation_has_an_example(operation: Operation) -> None:
    if operation.response is not None or operation.request is not None:
        assert operation.examples
    for example in operation.examples:
        assert example.title
        assert (example.request is None) == (operation.request is None) or not operation.body_required
    assert len({example.title for example in operation.examples}) == len(operation.examples)


@every_operation
def test_an_example_asks_only_for_what_the_query_has(operation: Operation) -> None:
    known = {parameter.get("name") for parameter in described(operation)["parameters"]}
    assert {name for example in operation.examples for name, _ in example.query} <= known


def test_no_shape_is_named_after_the_module_that_it_is_in() -> None:
    assert [name for name in WHOLE["components"]["schemas"] if "." in name] == []


def test_every_shape_and_every_field_has_words() -> None:
    schemas = WHOLE["components"]["schemas"]
    assert len(schemas) > 20
    mute = [name for name, schema in schemas.items() if not schema.get("description")]
    mute += [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, inner in schema.get("properties", {}).items()
        if not inner.get("description")
    ]
    assert not mute


@every_operation
def test_every_parameter_has_words(operation: Operation) -> None:
    for parameter in map(resolved, described(operation)["parameters"]):
        assert parameter["description"].endswith("."), parameter["name"]


def test_every_example_fits_its_own_schema() -> None:
    seen = 0
    for media_type in media_types(WHOLE):
        examples = [example["value"] for example in map(resolved, media_type.get("examples", {}).values())]
        if "example" in media_type:
            examples.append(media_type["example"])
        for value in examples:
            assert not complaints(media_type["schema"], value), value
        seen += len(examples)
    assert seen > 2 * len(OPERATIONS)


def test_an_example_that_does_not_fit_would_be_found() -> None:
    assert complaints({"$ref": "#/components/schemas/Error"}, {"error_code": 1})
    assert complaints(
        {"$ref": "#/components/schemas/Error", "properties": {"error_code": {"enum": ["a"]}}},
        {
            "error_code": "b",
            "error_msg": "c",
            "request_id": "0" * 32,
        },
    )


@every_operation
def test_every_refusal_is_told_with_its_code_in_both_languages(operation: Operation) -> None:
    door = next(door for door in DOORS if operation in door.operations)
    for error in door.errors(operation):
        row = door.table.get(error)
        assert row is not None or door is SIGN_IN, error
    for refusal in door.refusals(operation):
        answer = resolved(described(operation)["responses"][str(refusal.row.status)])
        assert refusal.occasion in answer["description"]
        if operation.method != "HEAD":
            content = answer["content"]["application/json"]
            assert refusal.row.code in content["schema"]["properties"]["error_code"]["enum"]
            for language in Language:
                example = resolved(content["examples"][f"{refusal.name}.{language}"])["value"]
                assert example["error_code"] == refusal.row.code
                assert example["error_msg"].startswith(refusal.row.text(language))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.title)
def test_every_row_of_a_table_is_told_of_by_some_operation(door: DescribedDoor) -> None:
    told = {error for operation in door.operations for error in door.errors(operation)}
    assert set(door.table) - told - ONLY_A_ROOT == NEVER[door.title]


def test_every_answer_carries_the_request_id() -> None:
    for methods in WHOLE["paths"].values():
        for call in methods.values():
            for answer in map(resolved, call["responses"].values()):
                assert "X-Request-Id" in answer["headers"]


def test_nothing_is_told_that_nobody_refers_to() -> None:
    text = str(WHOLE)
    for kind in ("schemas", "responses", "examples", "headers", "parameters"):
        for name in WHOLE["components"][kind]:
            assert f"'#/components/{kind}/{name}'" in text, name
