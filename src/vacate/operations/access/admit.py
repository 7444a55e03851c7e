"""Admission to a project: a credential of another one is turned away, and that is written down."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import ProjectMismatchError
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.operations.audit.journal import Journal
from vacate.operations.ports import Clock

MOST_EVENTS: Final = 10
"""How many events a minute one user's refusals leave; more are counted, and the next event says how many they were."""
_MINUTE_S = 60.0
_MOST_USERS = 10_000


@dataclass(slots=True)
class _Refusals:
    since: float
    events: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """The operation with everything it needs; call it with an actor and a project.

    A user without a role can make up projects without end, so what that leaves in the audit is bounded.
    """

    journal: Journal
    clock: Clock
    seconds: Callable[[], float] = time.monotonic
    _refusals: OrderedDict[str, _Refusals] = field(default_factory=OrderedDict[str, _Refusals])

    async def __call__(self, actor: Actor, project_id: ProjectId) -> None:
        """Let the actor into the project, or leave an audit event and refuse.

        Raises:
            ProjectMismatchError: the credential has nothing to do with the project.
        """
        try:
            actor.require(Permission.VIEW, project_id)
        except ProjectMismatchError as error:
            left_out = self._left_out(actor)
            if left_out is None:
                raise
            nothing_named = Target(
                project_id=project_id,
                instance_id=InstanceId(""),
                node_id=NodeId(""),
                component_id=ComponentId(""),
            )
            await self.journal.conclude(
                AuditEvent(
                    at=self.clock(),
                    action=AuditAction.PROJECT_REFUSED,
                    actor=actor,
                    target=nothing_named,
                    error=f"{type(error).__name__}: {error}",
                    note=f"{left_out} more refusals of this user left no event" if left_out else None,
                )
            )
            raise

    def _left_out(self, actor: Actor) -> int | None:
        """How many refusals of the user left no event before this one; `None` when this one leaves none either."""
        now = self.seconds()
        refusals = self._refusals.setdefault(actor.user_id, _Refusals(since=now))
        self._refusals.move_to_end(actor.user_id)
        if len(self._refusals) > _MOST_USERS:
            self._refusals.popitem(last=False)
        if now - refusals.since >= _MINUTE_S:
            refusals.since, refusals.events = now, 0
        if refusals.events >= MOST_EVENTS:
            refusals.left_out += 1
            return None
        refusals.events += 1
        left_out, refusals.left_out = refusals.left_out, 0
        return left_out
