"""How a request is read, in the order in which it is found wrong: project, admission, instance, body or query."""

import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from vacate.api.gaussdb_v3.errors import (
    BodyEmptyError,
    ComponentIdFormatError,
    IdFormatError,
    LimitError,
    OffsetError,
    ParameterError,
    ProjectIdFormatError,
    QueryError,
)
from vacate.api.gaussdb_v3.fields import MAXIMUM_IDS, ComponentNamed, ComponentNamedTwice
from vacate.domain.errors import ComponentUnknownError, NodeUnknownError, VacateError
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.served import Served
from vacate.http.queries import QueryRules, QueryUnreadableError, query_values

_PROJECT_ID = re.compile(r"[0-9a-zA-Z]{32}")
_LONG_ID = re.compile(r"[0-9a-zA-Z]{36}")
_COMPONENT_ID = re.compile(r"(?:cn|dn)_[0-9a-zA-Z_]{1,61}")
_SESSION_ID = re.compile(r"[0-9]{1,19}")
_LARGEST_SESSION_ID = 2**63 - 1
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_PAGING_FIELD = re.compile(r" - at `\$\.(?P<name>limit|offset)`$")
_PAGING_ERRORS: dict[str, type[LimitError | OffsetError]] = {"limit": LimitError, "offset": OffsetError}
# Declared as one value with commas, and sent as one key again and again.
_QUERIES = QueryRules(most_pairs=200, lists=frozenset({"tags"}))

Shape = TypeVar("Shape", bound=msgspec.Struct)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The instance that a call names."""

    project_id: ProjectId
    instance_id: InstanceId

    def target(self, named: ComponentNamed) -> Target:
        """What a body names within the instance.

        The documented order asks for the instance before the ids inside it are looked at, so those may still be
        misspelt; see `spelt`.

        Raises:
            ParameterError: the body repeats another instance than the path's.
        """
        if isinstance(named, ComponentNamedTwice) and named.instance_id not in {None, self.instance_id}:
            raise ParameterError("the instance_id in the body is not the one in the path")
        return Target(
            project_id=self.project_id,
            instance_id=self.instance_id,
            node_id=NodeId(named.node_id),
            component_id=ComponentId(named.component_id),
        )


# --- the path --------------------------------------------------------------------------------------------------------


async def project_of(served: Served, call: Call) -> ProjectId:
    """The project of the path, into which the caller was admitted.

    Raises:
        ProjectIdFormatError, ProjectMismatchError.
    """
    text = call.path["project_id"]
    if not _PROJECT_ID.fullmatch(text):
        raise ProjectIdFormatError
    project = ProjectId(text)
    await served.admit(call.actor, project)
    return project


async def place_of(served: Served, call: Call) -> Place:
    """The instance of the path, in a project into which the caller was admitted.

    Raises:
        ProjectIdFormatError, ProjectMismatchError, IdFormatError.
    """
    project = await project_of(served, call)
    text = call.path["instance_id"]
    if not _LONG_ID.fullmatch(text):
        raise IdFormatError("an instance ID")
    return Place(project_id=project, instance_id=InstanceId(text))


# --- the ids below it ------------------------------------------------------------------------------------------------


async def spelt(named: Target, answer: Awaitable[Answer]) -> Answer:
    """Wait for an operation on a target; an unknown node or component is told as misspelt when it is."""
    try:
        return await answer
    except (NodeUnknownError, ComponentUnknownError) as error:
        raise misspelt(named, error) from error


def misspelt(named: Target, error: NodeUnknownError | ComponentUnknownError) -> VacateError:
    """Why a node or component is unknown: its id has not the form of one, or, when it has, the error itself."""
    match error:
        case NodeUnknownError() if not _LONG_ID.fullmatch(named.node_id):
            return IdFormatError("a node ID")
        case ComponentUnknownError() if not _COMPONENT_ID.fullmatch(named.component_id):
            return ComponentIdFormatError()
        case _:
            return error


def node_id(text: str) -> NodeId:
    """A node id of a query.

    Raises:
        IdFormatError: it has not the form of one.
    """
    if not _LONG_ID.fullmatch(text):
        raise IdFormatError("a node ID")
    return NodeId(text)


def session_ids(named: Sequence[str | int]) -> tuple[int, ...]:
    """The sessions that a body names, each once, in their order.

    Raises:
        ParameterError: there are none or too many, or one of them is no session's id.
    """
    if not 0 < len(named) <= MAXIMUM_IDS:
        raise ParameterError(f"session_ids has {len(named):,} entries; send 1 to {MAXIMUM_IDS:,} ids in one call")
    return tuple(dict.fromkeys(_session_id(at, str(text)) for at, text in enumerate(named)))


def _session_id(at: int, text: str) -> int:
    if not _SESSION_ID.fullmatch(text) or not 0 < int(text) <= _LARGEST_SESSION_ID:
        raise ParameterError(
            f"session_ids[{at}] is no session id; send the ids as the listing calls give them: decimal numbers above 0"
        )
    return int(text)


# --- bodies and queries ----------------------------------------------------------------------------------------------


def decode_body(body: bytes, shape: type[Shape]) -> Shape:
    """The JSON body as the call's shape.

    Raises:
        BodyEmptyError, LimitError, OffsetError, ParameterError.
    """
    if not body.strip():
        raise BodyEmptyError
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        detail = str(error) or "the body is nested too deeply"
        raise _paging_error(detail) or ParameterError(detail) from error


def decode_query(query: bytes, shape: type[Shape]) -> Shape:
    """The query string as the call's shape. Keys that the shape does not have are left alone.

    Raises:
        LimitError, OffsetError, QueryError.
    """
    try:
        values = query_values(query, _QUERIES, known=shape.__struct_fields__)
    except QueryUnreadableError as error:
        raise QueryError(str(error)) from error
    for name, error in _PAGING_ERRORS.items():
        value = values.get(name, "0")
        # The conversion below would take 1e1 for ten.
        if not isinstance(value, str) or not _WHOLE_NUMBER.fullmatch(value):
            raise error(f"expected a whole number in decimal digits - at `$.{name}`")
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _paging_error(str(error)) or QueryError(f"in the query: {error}") from error


def _paging_error(detail: str) -> LimitError | OffsetError | None:
    found = _PAGING_FIELD.search(detail)
    return _PAGING_ERRORS[found["name"]](detail) if found else None
