"""The shapes of the compatible calls, and the order in which a request is found wrong."""

import re
from typing import Annotated

import msgspec

from vacate.domain.errors import ComponentUnknownError, NodeUnknownError, VacateError
from vacate.domain.topology import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.http.gaussdb_v3.errors import (
    BodyEmptyError,
    ComponentIdFormatError,
    IdFormatError,
    ParameterError,
    ProjectIdFormatError,
)

_PROJECT_ID = re.compile(r"[0-9a-zA-Z]{32}")
_LONG_ID = re.compile(r"[0-9a-zA-Z]{36}")
_COMPONENT_ID = re.compile(r"(?:cn|dn)_[0-9a-zA-Z_]{1,61}")


# Long enough for every id there is, and for the mistakes that deserve a better answer than "too long".
IdText = Annotated[str, msgspec.Meta(max_length=128)]


class KillFreeSessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `kill-free-session`. `instance_id` is redundant; when sent it must be the path's."""

    node_id: IdText
    component_id: IdText
    instance_id: str | None = None


class KillFreeSessionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `kill-free-session`: whether every idle session that was to end is gone."""

    success: bool


def project_id(text: str) -> ProjectId:
    """The project of the path.

    Raises:
        ProjectIdFormatError: it is no project id.
    """
    if not _PROJECT_ID.fullmatch(text):
        raise ProjectIdFormatError
    return ProjectId(text)


def target(project: ProjectId, instance: str, body: bytes) -> Target:
    """What a call names: the ids of the path and of the body, as they came.

    The documented order asks for the instance before the ids inside it are looked at, so those may still be misspelt;
    see `misspelt`.

    Raises:
        IdFormatError, BodyEmptyError, ParameterError.
    """
    if not _LONG_ID.fullmatch(instance):
        raise IdFormatError("an instance ID")
    request = _decode(body)
    if request.instance_id is not None and request.instance_id != instance:
        raise ParameterError("the instance_id in the body is not the one in the path")
    return Target(
        project_id=project,
        instance_id=InstanceId(instance),
        node_id=NodeId(request.node_id),
        component_id=ComponentId(request.component_id),
    )


def misspelt(named: Target, error: NodeUnknownError | ComponentUnknownError) -> VacateError:
    """Why a node or component is unknown: its id has not the form of one, or, when it has, the error itself."""
    match error:
        case NodeUnknownError() if not _LONG_ID.fullmatch(named.node_id):
            return IdFormatError("a node ID")
        case ComponentUnknownError() if not _COMPONENT_ID.fullmatch(named.component_id):
            return ComponentIdFormatError()
        case _:
            return error


def _decode(body: bytes) -> KillFreeSessionRequest:
    if not body.strip():
        raise BodyEmptyError
    try:
        return msgspec.json.decode(body, type=KillFreeSessionRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ParameterError(str(error) or "the body is nested too deeply") from error
