"""Shapes as JSON Schema, in the dialect of OpenAPI 3.1."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from vacate.api.operation import Shape

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"


def schemas(shapes: Iterable[Shape]) -> tuple[dict[Shape, Schema], dict[str, Schema]]:
    """A reference for each shape, and every schema that is referred to, by name."""
    distinct = tuple(dict.fromkeys(shapes))
    references, components = msgspec.json.schema_components(
        distinct, ref_template=_PREFIX + "{name}", schema_hook=_hook
    )
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return dict(zip(distinct, references, strict=True)), dict(sorted(components.items()))


def _hook(kind: type) -> Schema:
    """`object` is whatever JSON can say."""
    if kind is object:
        return {"description": "Any JSON."}
    raise NotImplementedError


def schema_name(reference: Mapping[str, Any]) -> str:
    """The name that a reference leads to."""
    return str(reference["$ref"]).removeprefix(_PREFIX)


def parameters(
    shape: Shape, place: Literal["path", "query"], reference: Mapping[str, Any], components: Mapping[str, Schema]
) -> Iterator[dict[str, Any]]:
    """The fields of a shape, each as a parameter of the path or of the query."""
    schema = components[schema_name(reference)]
    for name, whole in schema["properties"].items():
        field = dict(whole)
        description = field.pop("description", None)
        if description is None:
            raise LookupError(f"{shape.__name__}.{name} has no description")
        parameter = {
            "name": name,
            "in": place,
            "description": description,
            "required": place == "path" or name in schema["required"],
            "schema": _never_null(field),
        }
        samples = [sample for sample in field.get("examples", ()) if sample is not None]
        yield {**parameter, "example": samples[0]} if samples else parameter


def _never_null(schema: Schema) -> Schema:
    """Neither a path nor a query has a null: what may be left out is simply not there."""
    schema = {key: value for key, value in schema.items() if key != "examples"}
    if schema.get("default", ...) is None:
        del schema["default"]
    if "anyOf" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}
