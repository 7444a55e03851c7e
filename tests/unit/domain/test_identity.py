"""Roles: each may do what the one before it may, in its own project only."""

import pytest

from tests.support.fakes import actor
from tests.support.place import OTHER_PROJECT, PROJECT
from vacate.domain.access.identity import Actor, CredentialKind, Grant, Permission, Role, the_service
from vacate.domain.errors import PermissionDeniedError, ProjectMismatchError


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        (Role.VIEWER, Permission.VIEW),
        (Role.OPERATOR, Permission.VIEW),
        (Role.OPERATOR, Permission.READ_STATEMENTS),
        (Role.OPERATOR, Permission.KILL),
        (Role.ADMIN, Permission.VIEW),
        (Role.ADMIN, Permission.READ_STATEMENTS),
        (Role.ADMIN, Permission.KILL),
        (Role.ADMIN, Permission.CHANGE),
    ],
)
def test_a_role_may_do_what_is_its_own(role: Role, permission: Permission) -> None:
    actor(role).require(permission, PROJECT)
    assert actor(role).may(permission, PROJECT)


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        (Role.VIEWER, Permission.READ_STATEMENTS),
        (Role.VIEWER, Permission.KILL),
        (Role.VIEWER, Permission.CHANGE),
        (Role.OPERATOR, Permission.CHANGE),
    ],
)
def test_a_role_may_not_do_what_is_a_higher_ones(role: Role, permission: Permission) -> None:
    with pytest.raises(PermissionDeniedError, match=f"role '{role}' may not {permission}"):
        actor(role).require(permission, PROJECT)
    assert not actor(role).may(permission, PROJECT)


@pytest.mark.parametrize("permission", list(Permission))
def test_not_even_an_administrator_of_another_project_may_do_anything(permission: Permission) -> None:
    with pytest.raises(ProjectMismatchError):
        actor(Role.ADMIN, project_id=OTHER_PROJECT).require(permission, PROJECT)
    assert not actor(Role.ADMIN, project_id=OTHER_PROJECT).may(permission, PROJECT)


@pytest.mark.parametrize("permission", list(Permission))
def test_without_a_grant_nothing_is_allowed(permission: Permission) -> None:
    stranger = Actor(
        user_id="u9",
        user_name="nobody",
        grants=(),
        credential_kind=CredentialKind.TOKEN,
        credential="t9",
        source_address="203.0.113.9",
        request_id="request-9",
    )
    with pytest.raises(ProjectMismatchError):
        stranger.require(permission, PROJECT)


def test_a_role_counts_in_its_own_project_only() -> None:
    both = Actor(
        user_id="u1",
        user_name="olga",
        grants=(
            Grant(project_id=OTHER_PROJECT, role=Role.ADMIN),
            Grant(project_id=PROJECT, role=Role.VIEWER),
        ),
        credential_kind=CredentialKind.TOKEN,
        credential="t1",
        source_address="203.0.113.9",
        request_id="request-1",
    )
    both.require(Permission.KILL, OTHER_PROJECT)
    with pytest.raises(PermissionDeniedError):
        both.require(Permission.KILL, PROJECT)


def test_what_vacate_does_by_itself_is_in_its_own_name_and_under_nobodys_credential() -> None:
    assert the_service("request-7") == Actor(
        user_id="",
        user_name="vacate",
        grants=(),
        credential_kind=CredentialKind.SERVICE,
        credential="",
        source_address="",
        request_id="request-7",
        domain="",
    )


@pytest.mark.parametrize("permission", list(Permission))
def test_vacate_itself_may_do_nothing_that_it_was_not_made_for(permission: Permission) -> None:
    assert not the_service("request-7").may(permission, PROJECT)
    with pytest.raises(ProjectMismatchError, match=r"^the credential does not belong to this project$"):
        the_service("request-7").require(permission, PROJECT)
