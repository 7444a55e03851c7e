"""The freeze switch is turned from afar: on at once whatever the audit says, off only when that is written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.support.fakes import MemoryAudit, OnePlace, TickingClock, actor
from tests.support.fakes import Witness as Observer
from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT, PROJECT
from tests.support.sessions import LOOK_AT
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import (
    AuditUnavailableError,
    InstanceUnknownError,
    PermissionDeniedError,
    ProjectMismatchError,
    StoreUnavailableError,
)
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import InstanceId
from vacate.operations.audit.journal import Journal
from vacate.operations.sweeps.turn_freeze import TurnFreeze

HERE = COMPONENT.instance_id
FROZEN = Freeze(instance_id=HERE, by="otto", reason="month end", since=LOOK_AT)


@dataclass(kw_only=True)
class MemorySwitch:
    """A switch that can be turned, and that can break."""

    on: list[Freeze] = field(default_factory=list[Freeze])
    broken: bool = False
    # Positions that somebody else turns off as soon as this many attempts to turn them on have been made.
    slips: int = 0

    async def standing(self) -> Sequence[Freeze]:
        return tuple(self.on)

    async def freeze(self, freeze: Freeze) -> bool:
        self._must_work()
        if self.slips:
            self.slips -= 1
            return False
        if any(each.instance_id == freeze.instance_id for each in self.on):
            return False
        self.on.append(freeze)
        return True

    async def thaw(self, instance_id: InstanceId | None) -> Freeze | None:
        self._must_work()
        stood = next((each for each in self.on if each.instance_id == instance_id), None)
        self.on = [each for each in self.on if each.instance_id != instance_id]
        return stood

    def _must_work(self) -> None:
        if self.broken:
            raise StoreUnavailableError("the disk is gone")


@dataclass(kw_only=True)
class Desk:
    """The operation and everything around it."""

    switch: MemorySwitch = field(default_factory=MemorySwitch)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    observer: Observer = field(default_factory=Observer)

    def __post_init__(self) -> None:
        self.turn = TurnFreeze(
            switch=self.switch,  # type: ignore[arg-type]
            inventory=OnePlace(),
            journal=Journal(self.audit, self.observer),
            clock=TickingClock(),
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- on --------------------------------------------------------------------------------------------------------------


async def test_an_instance_is_frozen_in_the_name_of_the_caller_and_that_is_written_down(desk: Desk) -> None:
    turned = await desk.turn.on(actor(), PROJECT, HERE, "migration")
    (stands,) = desk.switch.on
    assert (stands.instance_id, stands.by, stands.reason) == (HERE, "olga", "migration")
    assert (turned.stood, turned.changed, turned.written) == (stands, True, True)
    (event,) = desk.audit.events
    assert event.action is AuditAction.FREEZE_ON
    assert event.target.instance_id == HERE
    assert event.actor == actor()
    assert event.note is not None
    assert "migration" in event.note


async def test_an_audit_that_cannot_be_written_keeps_nobody_from_freezing_and_is_told(desk: Desk) -> None:
    desk.audit.break_down()
    turned = await desk.turn.on(actor(), PROJECT, HERE, "migration")
    assert len(desk.switch.on) == 1
    assert turned.changed
    assert not turned.written
    assert [event.action for event, _ in desk.observer.delayed] == [AuditAction.FREEZE_ON]


async def test_a_frozen_instance_keeps_what_was_said_first(desk: Desk) -> None:
    desk.switch.on = [FROZEN]
    turned = await desk.turn.on(actor(), PROJECT, HERE, "migration")
    assert (turned.stood, turned.changed) == (FROZEN, False)
    assert desk.audit.events == []


async def test_a_switch_that_slips_out_of_the_hand_is_turned_again(desk: Desk) -> None:
    desk.switch.slips = 2
    assert (await desk.turn.on(actor(), PROJECT, HERE, "migration")).changed
    assert len(desk.switch.on) == 1


async def test_a_switch_that_cannot_be_turned_is_told_and_not_written_down_as_turned(desk: Desk) -> None:
    desk.switch.broken = True
    with pytest.raises(StoreUnavailableError):
        await desk.turn.on(actor(), PROJECT, HERE, "migration")
    assert desk.audit.events == []


# --- off -------------------------------------------------------------------------------------------------------------


async def test_turning_it_off_is_written_down_with_what_stood(desk: Desk) -> None:
    desk.switch.on = [FROZEN]
    turned = await desk.turn.off(actor(), PROJECT, HERE)
    assert (turned.stood, turned.changed) == (FROZEN, True)
    assert desk.switch.on == []
    (event,) = desk.audit.events
    assert event.action is AuditAction.FREEZE_OFF
    assert event.error is None
    assert event.note is not None
    assert "otto: month end" in event.note


async def test_it_stays_on_when_turning_it_off_cannot_be_written_down(desk: Desk) -> None:
    desk.switch.on = [FROZEN]
    desk.audit.break_down()
    with pytest.raises(AuditUnavailableError):
        await desk.turn.off(actor(), PROJECT, HERE)
    assert desk.switch.on == [FROZEN]


async def test_a_switch_that_jams_after_that_was_written_down_is_written_down_too(desk: Desk) -> None:
    desk.switch.on = [FROZEN]
    desk.switch.broken = True
    with pytest.raises(StoreUnavailableError):
        await desk.turn.off(actor(), PROJECT, HERE)
    first, second = desk.audit.events
    assert first.error is None
    assert second.error == "StoreUnavailableError: Vacate's store cannot be used: the disk is gone"


async def test_nothing_to_turn_off_is_no_event(desk: Desk) -> None:
    turned = await desk.turn.off(actor(), PROJECT, HERE)
    assert (turned.stood, turned.changed) == (None, False)
    assert desk.audit.events == []


async def test_the_switch_for_all_instances_is_out_of_reach(desk: Desk) -> None:
    everywhere = replace(FROZEN, instance_id=None)
    desk.switch.on = [everywhere]
    assert not (await desk.turn.off(actor(), PROJECT, HERE)).changed
    assert desk.switch.on == [everywhere]
    assert (await desk.turn.on(actor(), PROJECT, HERE, "mine too")).changed


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_a_viewer_sees_what_stands_and_turns_nothing(desk: Desk) -> None:
    desk.switch.on = [FROZEN]
    assert await desk.turn.standing(actor(Role.VIEWER), PROJECT) == (FROZEN,)
    with pytest.raises(PermissionDeniedError):
        await desk.turn.on(actor(Role.VIEWER), PROJECT, HERE, "x")
    with pytest.raises(PermissionDeniedError):
        await desk.turn.off(actor(Role.VIEWER), PROJECT, HERE)
    assert desk.switch.on == [FROZEN]


async def test_an_instance_of_nobody_or_of_another_project_is_unknown(desk: Desk) -> None:
    with pytest.raises(InstanceUnknownError):
        await desk.turn.on(actor(), PROJECT, InstanceId("another"), "x")
    with pytest.raises(InstanceUnknownError):
        await desk.turn.off(actor(), PROJECT, InstanceId("another"))
    with pytest.raises(ProjectMismatchError):
        await desk.turn.on(actor(), OTHER_PROJECT, INSTANCE.id, "x")
    assert desk.switch.on == []


async def test_only_what_concerns_the_project_is_listed(desk: Desk) -> None:
    everywhere = replace(FROZEN, instance_id=None)
    desk.switch.on = [everywhere, replace(FROZEN, instance_id=InstanceId("another")), FROZEN]
    assert await desk.turn.standing(actor(), PROJECT) == (everywhere, FROZEN)
    with pytest.raises(ProjectMismatchError):
        await desk.turn.standing(actor(), OTHER_PROJECT)
