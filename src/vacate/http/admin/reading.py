"""How a request is read, in the order in which it is found wrong: project, admission, query, body."""

import re
from typing import Any, TypeVar, cast

import msgspec

from vacate.api.admin.errors import BodyInvalidError, BodyMissingError, QueryInvalidError
from vacate.api.gaussdb_v3.errors import ProjectIdFormatError
from vacate.domain.errors import PlanUnknownError
from vacate.domain.plans.plan import PlanId
from vacate.domain.topology.components import ProjectId
from vacate.http.admin.served import Served
from vacate.http.gate import Call
from vacate.http.queries import QueryRules, query_values

_PROJECT_ID = re.compile(r"[0-9a-zA-Z]{32}")
_PLAN_ID = re.compile(r"[0-9a-f]{32}")
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_QUERIES = QueryRules(most_pairs=100)

Shape = TypeVar("Shape", bound=msgspec.Struct)


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of a call that takes none."""


async def admitted(served: Served, call: Call, query: type[Shape]) -> tuple[ProjectId, Shape]:
    """The project of the path, into which the caller was admitted, and the query.

    Raises:
        ProjectIdFormatError, ProjectMismatchError, QueryInvalidError.
    """
    text = call.path["project_id"]
    if not _PROJECT_ID.fullmatch(text):
        raise ProjectIdFormatError
    project = ProjectId(text)
    await served.admit(call.actor, project)
    return project, decode_query(call.presented.query, query)


def plan_of(call: Call) -> PlanId:
    """The plan of the path.

    Raises:
        PlanUnknownError: no plan has such an id.
    """
    text = call.path["plan_id"]
    if not _PLAN_ID.fullmatch(text):
        raise PlanUnknownError
    return PlanId(text)


def decode_body(body: bytes, shape: type[Shape]) -> Shape:
    """The JSON body as the call's shape.

    Raises:
        BodyMissingError, BodyInvalidError.
    """
    if not body.strip():
        raise BodyMissingError
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BodyInvalidError(str(error) or "the body is nested too deeply") from error


def decode_query(query: bytes, shape: type[Shape]) -> Shape:
    """The query string as the call's shape. Numbers are digits and nothing else, and a parameter may come once.

    Raises:
        QueryInvalidError.
    """
    try:
        values: dict[str, object] = {**query_values(query, _QUERIES)}
        for name in _numbers_of(shape) & values.keys():
            values[name] = _whole_number(name, cast("str", values[name]))
        return msgspec.convert(values, shape)
    except (msgspec.MsgspecError, ValueError) as error:
        raise QueryInvalidError(f"in the query: {error}") from error


def _numbers_of(shape: type[msgspec.Struct]) -> set[str]:
    """The fields of a shape that hold whole numbers."""
    info = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(shape))
    return {field.encode_name for field in info.fields if _holds_number(field.type)}


def _holds_number(kind: Any) -> bool:  # noqa: ANN401 - the library's types have no common root that says more
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(map(_holds_number, kind.types))
    return isinstance(kind, msgspec.inspect.IntType)


def _whole_number(name: str, text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError(f"expected a whole number in decimal digits - at `$.{name}`")
    return int(text)
