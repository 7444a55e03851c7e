"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from vacate.domain.errors import PermissionDeniedError, ProjectMismatchError
from vacate.domain.topology.components import ProjectId


class Role(StrEnum):
    """What a user is in a project. Each role may do what the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    """What an operation asks for."""

    VIEW = "view"
    READ_STATEMENTS = "read_statements"
    KILL = "kill"
    CHANGE = "change"


_ALLOWED = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.OPERATOR: frozenset({Permission.VIEW, Permission.READ_STATEMENTS, Permission.KILL}),
    Role.ADMIN: frozenset(Permission),
}


class CredentialKind(StrEnum):
    """How an actor proved who they are."""

    ACCESS_KEY = "access_key"
    TOKEN = "token"  # noqa: S105 - the name of a kind, not a secret
    COMMAND = "command"
    """A person at the machine's own keyboard."""
    SERVICE = "service"
    """Nobody asked: the service does it by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role in one project."""

    project_id: ProjectId
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An authenticated caller for the length of one request.

    `credential` names the access key or the token without being able to stand in for it. `domain` is the user's.
    """

    user_id: str
    user_name: str
    grants: tuple[Grant, ...]
    credential_kind: CredentialKind
    credential: str
    source_address: str
    request_id: str
    domain: str = ""

    def require(self, permission: Permission, project_id: ProjectId) -> None:
        """Check that the actor may do this in that project.

        Raises:
            ProjectMismatchError: the credential has nothing to do with the project.
            PermissionDeniedError: the actor's role in the project is too low.
        """
        role = self._role(project_id)
        if role is None:
            raise ProjectMismatchError
        if permission not in _ALLOWED[role]:
            raise PermissionDeniedError(role=role.value, permission=permission.value)

    def may(self, permission: Permission, project_id: ProjectId) -> bool:
        """Whether the actor may do this in that project, where the answer is only how much there is to see."""
        role = self._role(project_id)
        return role is not None and permission in _ALLOWED[role]

    def _role(self, project_id: ProjectId) -> Role | None:
        return next((grant.role for grant in self.grants if grant.project_id == project_id), None)


def the_service(request_id: str) -> Actor:
    """Vacate itself, for what it does without being asked. It has no role, so it may do nothing else."""
    return Actor(
        user_id="",
        user_name="vacate",
        grants=(),
        credential_kind=CredentialKind.SERVICE,
        credential="",
        source_address="",
        request_id=request_id,
    )
