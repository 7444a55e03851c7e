"""The audit: who did what to which session."""

from datetime import datetime
from typing import TypeVar

from msgspec import UNSET, UnsetType

from vacate.api.admin import audit
from vacate.api.admin.audit import AuditEntry
from vacate.client.calling import Caller
from vacate.client.driving import listing
from vacate.client.exchange import Flow, Page, Pages
from vacate.domain.audit.event import AuditAction

_ValueT = TypeVar("_ValueT")
_PAGE = 200


class Audit(Caller):
    """The calls about the audit."""

    @listing
    def search_audit(  # noqa: PLR0913 - each is one thing that can be asked, and all of them are named
        self,
        *,
        pid: int | None = None,
        session_id: int | None = None,
        backend_start: datetime | None = None,
        user: str | None = None,
        database: str | None = None,
        client: str | None = None,
        operator: str | None = None,
        plan_id: str | None = None,
        request_id: str | None = None,
        action: AuditAction | None = None,
        instance_id: str | None = None,
        component_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Pages[AuditEntry]:
        """Search the audit of the project: the events that fit everything that is given, the newest first.

        Args:
            pid: The process that served a session.
            session_id: The server's own id of a session.
            backend_start: When a session began, exactly; aware.
            user: A session's user.
            database: A session's database.
            client: The address of a session's client.
            operator: Who called.
            plan_id: The plan that was made or applied.
            request_id: The call.
            action: What was done.
            instance_id: The instance.
            component_id: The component.
            since: Written then or later; aware.
            until: Written before then; aware.

        Returns:
            An iterator that fetches the pages as they are wanted. To its end it is everything there is.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """

        def pages(cursor: int | None) -> Flow[Page[AuditEntry]]:
            query = audit.AuditSearchQuery(
                pid=_given(pid),
                session_id=_given(session_id),
                backend_start=_given(backend_start),
                user=_given(user),
                database=_given(database),
                client=_given(client),
                operator=_given(operator),
                plan_id=_given(plan_id),
                request_id=_given(request_id),
                action=_given(action),
                instance_id=_given(instance_id),
                component_id=_given(component_id),
                since=_given(since),
                until=_given(until),
                limit=_PAGE,
                before_id=_given(cursor),
            )
            found = yield from self._ask(audit.SEARCH_AUDIT, audit.AuditPage, query=query)
            return found.events, found.next

        return pages


def _given(value: _ValueT | None) -> _ValueT | UnsetType:
    return UNSET if value is None else value
