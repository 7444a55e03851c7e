"""The OpenAPI 3.1 document of all doors."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vacate.api.errors import Error
from vacate.api.operation import Operation
from vacate.http.reference import monitoring
from vacate.http.reference.answers import SharedAnswers, example_key, plain, refusal_examples, successes
from vacate.http.reference.door import DescribedDoor
from vacate.http.reference.parameters import HEADERS, LANGUAGE, REQUEST_HEADERS, SECURITY
from vacate.http.reference.schemas import Schema, parameters, schema_name, schemas

_ABOUT = """\
Lists the sessions of PostgreSQL-family databases and ends the idle ones, never a busy one.

**Who asks.** Sign in with `POST /v3/auth/tokens` and send the token as `X-Auth-Token`, or sign each request with an
access key. **What goes wrong** is answered with a status, a documented code and a message; every answer has a header
`X-Request-Id`, which names the call in the log and in the audit. **The language** of the documented short text is
chosen with `X-Language` (`zh-cn` or `en-us`); what Vacate adds to it, what was found and what to do next, is always
English. **Redirects** are never sent, and an unknown path and a wrong method both answer 404.
"""

_PARAMETER = re.compile(r"\{(\w+)\}")


def document(doors: Sequence[DescribedDoor], version: str) -> dict[str, Any]:
    """The document, ready to be encoded.

    Raises:
        LookupError: an operation has a path parameter, a header or a field that nobody has described.
    """
    operations = [operation for door in doors for operation in door.operations]
    as_parameters = [shape for shape in (*(door.path for door in doors), *(op.query for op in operations)) if shape]
    as_bodies = [shape for op in operations for shape in (op.request, op.response) if shape]
    by_name = [shape for door in doors for shape in door.shapes]
    references, components = schemas((*as_parameters, *as_bodies, *by_name, Error, *monitoring.SHAPES))
    shared = SharedAnswers(references[Error])
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for door in doors:
        for operation in door.operations:
            paths[operation.path][operation.method.lower()] = _call(door, operation, references, components, shared)
    paths.update(monitoring.paths(references))
    families = dict.fromkeys([*(operation.family for operation in operations), monitoring.FAMILY])
    # These are told of as parameters; nobody refers to the shapes.
    for shape in as_parameters:
        components.pop(schema_name(references[shape]), None)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Vacate",
            "version": version,
            "summary": "Ends the idle sessions of PostgreSQL-family clusters, and never a busy one.",
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "This service."}],
        "tags": [{"name": family} for family in families],
        "paths": dict(paths),
        "components": {
            "schemas": components,
            "examples": {key: example for door in doors for key, example in refusal_examples(door).items()},
            "responses": shared.components,
            "headers": HEADERS,
            "parameters": {"Language": LANGUAGE},
            "securitySchemes": SECURITY,
        },
    }
    # Defaults and examples are values of ours until here.
    return plain(whole)


def _call(
    door: DescribedDoor,
    operation: Operation,
    references: Mapping[type[Any], Schema],
    components: Mapping[str, Schema],
    shared: SharedAnswers,
) -> dict[str, Any]:
    schema = None if operation.response is None else references[operation.response]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.family],
        "summary": operation.title,
        "description": operation.description,
        "security": [{name: []} for name in SECURITY] if operation.authenticated else [],
        "parameters": _parameters(door, operation, references, components),
        "responses": {
            **successes(door, operation, schema),
            **shared.refused(door, operation),
        },
    }
    if operation.request is not None:
        examples = {
            example_key(example.title): {"summary": example.title, "value": plain(example.request)}
            for example in operation.examples
            if example.request is not None
        }
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": references[operation.request], "examples": examples}},
        }
    return described


def _parameters(
    door: DescribedDoor,
    operation: Operation,
    references: Mapping[type[Any], Schema],
    components: Mapping[str, Schema],
) -> list[dict[str, Any]]:
    of_door = (
        {}
        if door.path is None
        else {
            parameter["name"]: parameter
            for parameter in parameters(door.path, "path", references[door.path], components)
        }
    )
    of_path = [of_door[name] for name in _PARAMETER.findall(operation.path)]
    of_query: list[dict[str, Any]] = []
    if operation.query is not None:
        of_query = list(parameters(operation.query, "query", references[operation.query], components))
        for parameter in of_query:
            if examples := _query_examples(operation, parameter):
                parameter.pop("example", None)
                parameter["examples"] = examples
    of_header = [{"name": name, "in": "header", **REQUEST_HEADERS[name]} for name in operation.request_headers]
    return [*of_path, *of_query, *of_header, {"$ref": "#/components/parameters/Language"}]


def _query_examples(operation: Operation, parameter: Mapping[str, Any]) -> dict[str, Any]:
    """What the examples send in one parameter. A query is text, so a number is written as the schema has it."""
    examples: dict[str, Any] = {}
    for example in operation.examples:
        sent = [value for name, value in example.query if name == parameter["name"]]
        if sent:
            value = _typed(sent, parameter["schema"])
            examples[example_key(example.title)] = {"summary": example.title, "value": value}
    return examples


def _typed(sent: list[str], schema: Mapping[str, Any]) -> object:
    match schema.get("type"):
        case "array":
            return sent
        case "integer":
            return int(sent[0])
        case _:
            return sent[0]
