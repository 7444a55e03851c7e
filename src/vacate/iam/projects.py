"""The configured projects, and who may know of them."""

from collections.abc import Iterable

from vacate.domain.access.identity import Actor
from vacate.domain.topology.components import ProjectId
from vacate.operations.access.ports import Credentials, Project


class KnownProjects:
    """What the configuration says of its projects; whoever has no role in one is told nothing of it."""

    def __init__(self, projects: Iterable[Project], credentials: Credentials) -> None:
        """Take the projects, in the order in which they are listed, and what is asked for roles."""
        self._projects = {project.id: project for project in projects}
        self._credentials = credentials

    def known(self, project_id: ProjectId) -> Project | None:
        """The project of that id."""
        return self._projects.get(project_id)

    def named(self, name: str, *, domain: str = "") -> Project | None:
        """The project of that name; with a domain, only if it is one of that domain."""
        found = next((project for project in self._projects.values() if project.name == name), None)
        return found if found and domain in {"", found.domain} else None

    async def of(self, actor: Actor) -> tuple[Project, ...]:
        """The projects in which the actor has a role.

        An unscoped token has no role in any project itself: its user's roles are what counts.

        Raises:
            StoreUnavailableError: the roles cannot be read.
        """
        grants = actor.grants or await self._credentials.grants_of(actor.user_id)
        mine = {grant.project_id for grant in grants}
        return tuple(project for project in self._projects.values() if project.id in mine)
