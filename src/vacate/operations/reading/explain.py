"""Explain one session: every rule that a sweep goes by, what each says of it, and what the sweep would do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.errors import SessionUnknownError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.explanation import Explanation, explain
from vacate.domain.sessions.session import Session
from vacate.domain.topology.components import Target
from vacate.operations.aside import BUDGET, aside
from vacate.operations.ports import Gateway, Inventory, Unforeseen, untold
from vacate.operations.sweeps.surroundings import surroundings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """The operation with everything it needs; call it with an actor, a target and a session."""

    inventory: Inventory
    gateway: Gateway
    unforeseen: Unforeseen = untold

    async def __call__(
        self,
        actor: Actor,
        target: Target,
        *,
        session_id: int | None = None,
        pid: int | None = None,
        criteria: Criteria | None = None,
    ) -> Explanation:
        """Look at the component and say what a sweep would do with one of its sessions, and why. Nobody is ended.

        `session_id` or `pid` says which; where both are given, both must be the session's. `criteria` are the
        caller's own instead of the instance's. Who may not read statements is not told what the session ran, and may
        not ask for it with criteria of their own.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such target.
            CriteriaError: the caller's own take too long.
            SessionUnknownError: the look has no such session, or more than one.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError, StoreUnavailableError: the component's server is in no state to be read.
        """
        actor.require(Permission.VIEW, target.project_id)
        if criteria is not None and criteria.read_statements:
            # Whoever may ask again and again whether a statement fits an expression can read it out.
            actor.require(Permission.READ_STATEMENTS, target.project_id)
        placement = self.inventory.place(target)
        snapshot = await self.gateway.snapshot(placement.component)
        sessions, surroundings = snapshot.sessions, surroundings_of(placement, snapshot)
        place = _place(sessions, session_id, pid)
        wanted = placement.criteria if criteria is None else criteria
        found = await aside(
            lambda: explain(place, sessions, wanted, placement.guards, surroundings),
            budget=None if criteria is None else BUDGET,
        )
        for failure in found.verdict.failures:
            self.unforeseen(placement.component, failure)
        if actor.may(Permission.READ_STATEMENTS, target.project_id):
            return found
        session = replace(found.session, query=None)
        return replace(found, session=session, verdict=replace(found.verdict, session=session))


def _place(sessions: Sequence[Session], session_id: int | None, pid: int | None) -> int:
    """Where the session stands in the look. A pid of 0 is nobody's: in the Gauss family it means to have no thread."""
    if session_id is None and not pid:
        raise SessionUnknownError
    places = [
        place
        for place, session in enumerate(sessions)
        if session_id in {None, session.session_id} and pid in {None, session.pid}
    ]
    if len(places) != 1:
        raise SessionUnknownError
    return places[0]
