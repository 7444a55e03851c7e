"""The vendor's own classes beside what Vacate describes and what it answers: every difference as a line of text.

A line says where, and what: `answer of list_instances: instances[].tags: array there, string here`.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from huaweicloudsdkgaussdbforopengauss import v3
from huaweicloudsdkgaussdbforopengauss.v3 import GaussDBforopenGaussClient

from tests.contract.calls import HERE, REQUESTS, http_info
from vacate.api.operation import Operation
from vacate.http.gaussdb_v3.routes import OPERATIONS

SERVED: Mapping[str, Operation] = {operation.id: operation for operation in OPERATIONS}

# --- shapes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a JSON value looks like. `fields` are an object's, `item` is an array's; `None` leaves them open."""

    kind: str
    fields: Mapping[str, "Shape"] | None = None
    item: "Shape | None" = None


_ANY = Shape(kind="anything")
_PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "object": "anything"}


def vendor_shape(name: str) -> Shape:
    """The shape of one of the vendor's types, as its classes name them."""
    if name in _PLAIN:
        return Shape(kind=_PLAIN[name])
    if inner := re.fullmatch(r"list\[(.*)\]", name):
        return Shape(kind="array", item=vendor_shape(inner[1]))
    model = getattr(v3, name)
    return Shape(
        kind="object",
        fields={model.attribute_map[name]: vendor_shape(kind) for name, kind in model.openapi_types.items()},
    )


_OURS: Mapping[type[msgspec.inspect.Type], str] = {
    msgspec.inspect.StrType: "string",
    msgspec.inspect.LiteralType: "string",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.DictType: "anything",
    msgspec.inspect.AnyType: "anything",
}


def our_shape(kind: msgspec.inspect.Type) -> Shape:
    """The shape of one of Vacate's types."""
    match kind:
        case msgspec.inspect.Metadata():
            return our_shape(kind.type)
        case msgspec.inspect.UnionType():
            told = [our_shape(each) for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)]
            return told[0] if len(told) == 1 else Shape(kind=" or ".join(sorted(shape.kind for shape in told)))
        case msgspec.inspect.StructType():
            return Shape(kind="object", fields={field.encode_name: our_shape(field.type) for field in kind.fields})
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return Shape(kind="array", item=our_shape(kind.item_type))
        case _:
            return Shape(kind=_OURS[type(kind)])


def seen_shape(value: Any) -> Shape:  # noqa: ANN401 - any JSON
    """The shape of a value that was answered. Of an array's entries all are looked at, and must be alike."""
    match value:
        case dict():
            return Shape(kind="object", fields={str(name): seen_shape(each) for name, each in value.items()})
        case list():
            return Shape(kind="array", item=_together([seen_shape(each) for each in value]))
        case bool():
            return Shape(kind="boolean")
        case int():
            return Shape(kind="integer")
        case float():
            return Shape(kind="number")
        case str():
            return Shape(kind="string")
        case _:
            return Shape(kind="null")


def _together(shapes: list[Shape]) -> Shape | None:
    if not shapes:
        return None
    if any(shape.fields is None for shape in shapes):
        kinds = sorted({shape.kind for shape in shapes})
        return shapes[0] if len(kinds) == 1 else Shape(kind=" or ".join(kinds))
    fields: dict[str, Shape] = {}
    for shape in shapes:
        fields |= shape.fields or {}
    return Shape(kind="object", fields=fields)


def between(place: str, there: Shape, here: Shape | None) -> Iterator[str]:
    """Where two shapes differ."""
    if here is None or "anything" in {there.kind, here.kind}:
        return
    if there.kind != here.kind:
        yield f"{place}: {there.kind} there, {here.kind} here"
        return
    if there.item is not None:
        yield from between(f"{place}[]", there.item, here.item)
    if there.fields is None or here.fields is None:
        return
    for name in sorted({*there.fields, *here.fields}):
        inner = f"{place}.{name}" if not place.endswith(": ") else f"{place}{name}"
        if name not in here.fields:
            yield f"{inner}: only there"
        elif name not in there.fields:
            yield f"{inner}: only here"
        else:
            yield from between(inner, there.fields[name], here.fields[name])


# --- calls -----------------------------------------------------------------------------------------------------------


def vendor_operations() -> frozenset[str]:
    """Every call that the vendor's client has, of which most are about other things than sessions."""
    return frozenset(
        found[1]
        for name, _ in inspect.getmembers(GaussDBforopenGaussClient, inspect.ismethod)
        if (found := re.fullmatch(r"_(\w+)_http_info", name))
    )


def of_the_calls() -> Iterator[str]:
    """Calls that only one of the two has, and calls at another place."""
    for name in sorted(vendor_operations() ^ SERVED.keys()):
        yield f"{name}: only {'there' if name not in SERVED else 'here'}"
    for name in sorted(vendor_operations() & SERVED.keys()):
        info, ours = http_info(REQUESTS[name](HERE)), SERVED[name]
        there, here = (info["method"], info["resource_path"]), (ours.method, ours.path)
        if there != here:
            yield f"{name}: {' '.join(there)} there, {' '.join(here)} here"


def of_the_requests() -> Iterator[str]:
    """Differences of queries and bodies."""
    for name, make in REQUESTS.items():
        request, ours = type(make(HERE)), SERVED[name]
        kinds: dict[str, str] = getattr(request, "openapi_types")  # noqa: B009 - the vendor's classes carry no types
        everything: Any = request(**dict.fromkeys(kinds, "x"))
        asked = {each for each, _ in http_info(everything)["query_params"]}
        there = Shape(kind="object", fields={each: vendor_shape(kinds[each]) for each in asked})
        yield from between(f"query of {name}: ", there, _shape_of(ours.query))
        if "body" in kinds:
            yield from between(f"body of {name}: ", vendor_shape(kinds["body"]), _shape_of(ours.request))


def of_the_descriptions() -> Iterator[str]:
    """Differences of the answers as they are described."""
    for name, make in REQUESTS.items():
        there = vendor_shape(http_info(make(HERE))["response_type"])
        yield from between(f"answer of {name}: ", there, _shape_of(SERVED[name].response))


def of_an_answer(name: str, content: object) -> Iterator[str]:
    """Differences of an answer as it was sent."""
    there = vendor_shape(http_info(REQUESTS[name](HERE))["response_type"])
    yield from between(f"answer of {name}: ", there, seen_shape(content))


def _shape_of(struct: type[msgspec.Struct] | None) -> Shape:
    if struct is None:
        return Shape(kind="object", fields={})
    return our_shape(msgspec.inspect.type_info(struct))


# --- what is mandatory, and what else is meant -----------------------------------------------------------------------

MANDATORY, OPTIONAL = "mandatory", "optional"
_PLACE = {"node_id": MANDATORY, "component_id": MANDATORY}
_PAGE: Mapping[str, object] = {"offset": 0, "limit": 100}
_INSTANCES: Mapping[str, object] = {
    **dict.fromkeys(("id", "name", "type", "datastore_type", "vpc_id", "subnet_id", "tags", "charge_mode"), OPTIONAL),
    **_PAGE,
}
# As the vendor's documentation has it. Where it calls a parameter mandatory and gives a default, the default is here.
DOCUMENTED: Mapping[str, Mapping[str, object]] = {
    "stop_free_session": {**_PLACE, "instance_id": OPTIONAL},
    "stop_session": {**_PLACE, "instance_id": OPTIONAL, "session_ids": MANDATORY},
    "list_real_time_sessions": {**_PLACE, "query_info": OPTIONAL},
    "list_session_statistics": {"dimension": MANDATORY, "order_field": OPTIONAL, "order": "ASC", **_PAGE},
    "list_session_top_sql_statistics": _PAGE,
    "list_session_wait_event_statistics": _PAGE,
    "list_session_memory_context": {"node_id": MANDATORY, "session_id": MANDATORY, **_PAGE},
    "list_transaction": {**_PLACE, "transaction_query_info": OPTIONAL, "offset": 0, "limit": 10},
    "stop_transaction": {**_PLACE, "session_ids": MANDATORY},
    "show_auto_kill_transaction_config": {"type": MANDATORY},
    "list_component_infos": {"component_type": "ALL", "availability_zone_id": "ALL", **_PAGE},
    "list_database_instances": _INSTANCES,
    "list_instance_details": _INSTANCES,
    "list_instances_details": _INSTANCES,
    "list_instances": _INSTANCES,
}


def of_the_defaults() -> Iterator[str]:
    """Parameters that are mandatory for one of the two, or mean something else when left out."""
    for name, documented in DOCUMENTED.items():
        struct = SERVED[name].query or SERVED[name].request
        assert struct is not None, name
        described = msgspec.inspect.type_info(struct)
        assert isinstance(described, msgspec.inspect.StructType)
        ours = {field.encode_name: _default(field) for field in described.fields}
        for parameter, there in documented.items():
            here = ours.get(parameter, "nowhere")
            if here != there:
                yield f"parameters of {name}: {parameter}: {there} there, {here} here"


def _default(field: msgspec.inspect.Field) -> object:
    if field.required:
        return MANDATORY
    empty = {None, msgspec.NODEFAULT, (), ""}
    return OPTIONAL if field.default in empty else field.default
