"""The audit, searched: who did what to which session."""

from datetime import UTC, datetime
from typing import TypeVar

from msgspec import UnsetType
from starlette.responses import Response

from vacate.api.admin.audit import AuditPage, AuditSearchQuery, audit_entry
from vacate.api.admin.errors import QueryInvalidError
from vacate.domain.audit.record import AuditQuery
from vacate.domain.topology.components import ComponentId, InstanceId, ProjectId
from vacate.http.admin.reading import admitted
from vacate.http.admin.served import Served
from vacate.http.answers import json_response
from vacate.http.gate import Call

_ValueT = TypeVar("_ValueT")


async def search_audit(served: Served, call: Call) -> Response:
    """Search the audit."""
    project, asked = await admitted(served, call, AuditSearchQuery)
    found = await served.search_audit(call.actor, project, _query(project, asked))
    # One more than was asked for: it is there, and not shown.
    shown, more = found[: asked.limit], len(found) > asked.limit
    return json_response(AuditPage(events=[audit_entry(event) for event in shown], next=shown[-1].id if more else None))


def _query(project_id: ProjectId, asked: AuditSearchQuery) -> AuditQuery:
    instance, component = _given(asked.instance_id), _given(asked.component_id)
    return AuditQuery(
        project_id=project_id,
        instance_id=None if instance is None else InstanceId(instance),
        component_id=None if component is None else ComponentId(component),
        pid=_given(asked.pid),
        session_id=_given(asked.session_id),
        backend_start=_in_utc(asked.backend_start, "backend_start"),
        user=_given(asked.user),
        database=_given(asked.database),
        client=_given(asked.client),
        operator=_given(asked.operator),
        plan_id=_given(asked.plan_id),
        request_id=_given(asked.request_id),
        action=_given(asked.action),
        since=_in_utc(asked.since, "since"),
        until=_in_utc(asked.until, "until"),
        limit=asked.limit + 1,
        before_id=_given(asked.before_id),
    )


def _given(value: _ValueT | UnsetType) -> _ValueT | None:
    return None if isinstance(value, UnsetType) else value


def _in_utc(moment: datetime | UnsetType, name: str) -> datetime | None:
    if isinstance(moment, UnsetType):
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise QueryInvalidError(f"that is before the first or after the last moment there is - at `$.{name}`") from None
