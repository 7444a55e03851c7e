"""Admission: any role of the project will do, and whoever has none is written down."""

from dataclasses import replace

import pytest

from tests.support.fakes import MemoryAudit, TickingClock, Witness, actor
from tests.support.place import OTHER_PROJECT, PROJECT
from vacate.domain.access.identity import Actor, Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import ProjectMismatchError
from vacate.domain.topology.components import ProjectId
from vacate.operations.access.admit import MOST_EVENTS, Admit
from vacate.operations.audit.journal import Journal


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def journal(audit: MemoryAudit) -> Journal:
    return Journal(audit, Witness())


@pytest.fixture
def admit(journal: Journal) -> Admit:
    return Admit(journal=journal, clock=TickingClock())


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_of_the_project_is_let_in_and_leaves_no_event(
    admit: Admit, audit: MemoryAudit, role: Role
) -> None:
    await admit(actor(role), PROJECT)
    assert audit.events == []


async def test_another_projects_credential_is_turned_away_and_written_down(admit: Admit, audit: MemoryAudit) -> None:
    stranger = actor(Role.ADMIN, project_id=OTHER_PROJECT)
    with pytest.raises(ProjectMismatchError):
        await admit(stranger, PROJECT)
    (event,) = audit.events
    assert event.action is AuditAction.PROJECT_REFUSED
    assert event.actor == stranger
    assert event.sessions == ()
    assert event.error == "ProjectMismatchError: the credential does not belong to this project"


async def test_the_event_names_the_project_and_leaves_empty_what_was_not_asked_yet(
    admit: Admit, audit: MemoryAudit
) -> None:
    with pytest.raises(ProjectMismatchError):
        await admit(actor(project_id=OTHER_PROJECT), PROJECT)
    target = audit.events[0].target
    assert target.project_id == PROJECT
    assert (target.instance_id, target.node_id, target.component_id) == ("", "", "")


async def test_an_audit_that_fails_lets_nobody_in_and_loses_nothing(
    admit: Admit, audit: MemoryAudit, journal: Journal
) -> None:
    audit.break_down()
    with pytest.raises(ProjectMismatchError):
        await admit(actor(project_id=OTHER_PROJECT), PROJECT)
    assert journal.waiting == 1
    audit.recover()
    await journal.catch_up()
    assert audit.actions() == [AuditAction.PROJECT_REFUSED]


async def test_a_user_who_is_refused_again_and_again_leaves_few_events_and_a_count(
    audit: MemoryAudit, journal: Journal
) -> None:
    now = 0.0
    admit = Admit(journal=journal, clock=TickingClock(), seconds=lambda: now)

    async def refused(caller: Actor, times: int) -> None:
        for number in range(times):
            with pytest.raises(ProjectMismatchError):
                await admit(caller, ProjectId(f"made up {number}"))

    stranger = actor(Role.ADMIN, project_id=OTHER_PROJECT)
    await refused(stranger, 500)
    assert len(audit.events) == MOST_EVENTS
    await refused(replace(stranger, user_id="another"), 1)
    assert len(audit.events) == MOST_EVENTS + 1
    now += 60
    await refused(stranger, 2)
    assert [event.note for event in audit.events[-2:]] == ["490 more refusals of this user left no event", None]
