"""The configured projects: who is told of which."""

from dataclasses import replace

from tests.support.fakes import actor
from vacate.domain.access.identity import Grant, Role
from vacate.domain.topology.components import ProjectId
from vacate.iam.directory import UserDirectory
from vacate.iam.projects import KnownProjects

NORTH, SOUTH, EAST = ProjectId("p-north"), ProjectId("p-south"), ProjectId("p-east")
NOBODY = replace(actor(), grants=())


async def test_only_projects_with_a_role_are_told_in_the_order_of_the_configuration(projects: KnownProjects) -> None:
    roles = tuple(Grant(project_id=id_, role=Role.VIEWER) for id_ in (EAST, ProjectId("p-gone"), NORTH))
    found = await projects.of(replace(actor(), grants=roles))
    assert [project.id for project in found] == [NORTH, EAST]


async def test_a_credential_for_no_project_is_told_what_its_user_may_see(
    projects: KnownProjects, directory: UserDirectory
) -> None:
    ana = await directory.add_user(name="ana", domain="acme")
    await directory.grant(name="ana", domain="acme", project_id=SOUTH, role=Role.VIEWER)
    found = await projects.of(replace(NOBODY, user_id=ana.id))
    assert [project.id for project in found] == [SOUTH]


async def test_who_has_no_role_is_told_of_no_project(projects: KnownProjects) -> None:
    assert await projects.of(NOBODY) == ()


def test_a_project_is_found_by_id_and_by_name(projects: KnownProjects) -> None:
    north = projects.known(NORTH)
    assert north is not None
    assert projects.named("north") == projects.named("north", domain="acme") == north
    assert projects.known(ProjectId("north")) is None
    assert projects.named("p-north") is projects.named("north", domain="other") is projects.named("") is None
