"""`vacate freeze`: turn the switch, and say what it does now."""

from pathlib import Path

from vacate.cli.operator import audit_of, operator
from vacate.domain.audit.event import AuditEvent
from vacate.domain.errors import SettingsError
from vacate.domain.texts import unfit
from vacate.domain.topology.components import Instance, InstanceId
from vacate.inventory.static import StaticInventory
from vacate.operations.audit.journal import Journal
from vacate.operations.clock import utc_now
from vacate.operations.sweeps.turn_freeze import TurnFreeze
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.wiring import State, open_state


async def freeze_now(config: Path, instance_id: str | None, reason: str) -> tuple[str, ...]:
    """Turn the switch on; in words, a line each, what is frozen from now on.

    Raises:
        SettingsError: no such instance, or no reason.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    if problem := unfit(reason):
        raise SettingsError(f"--reason cannot be kept as it is: {problem}")
    if not reason.strip():
        raise SettingsError("say why with --reason; everybody whose call is refused will read it")
    instance = _known(settings, instance_id, config)
    lost = _Lost()
    async with open_state(settings) as state:
        turn = _turning(settings, state, lost)
        if instance is None:
            turned = await turn.all_on(operator(settings), reason.strip())
        else:
            turned = await turn.on(operator(settings), instance.project_id, instance.id, reason.strip())
    freeze = turned.stood
    if freeze is None or not turned.changed:
        return (f"it was frozen already: {freeze}",)
    missed = [f"IT IS NOT IN THE AUDIT ({reason})" for reason in lost.reasons]
    return (f"frozen: {freeze}", *missed, f"to allow sweeps again run: {freeze.thawed_by}")


async def thaw_now(config: Path, instance_id: str | None) -> tuple[str, ...]:
    """Turn the switch off; in words, a line each, what stood there and what still stands.

    Raises:
        SettingsError: no such instance.
        AuditUnavailableError: the audit cannot be written; it is frozen still.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    instance = _known(settings, instance_id, config)
    async with open_state(settings) as state:
        turn = _turning(settings, state, _Lost())
        if instance is None:
            turned = await turn.all_off(operator(settings))
        else:
            turned = await turn.off(operator(settings), instance.project_id, instance.id)
        left = await state.freezes.standing()
    first = f"not frozen any more: {turned.stood}" if turned.changed else "it was not frozen"
    return (first, *(f"still frozen: {freeze}" for freeze in left))


async def standing(config: Path) -> tuple[str, ...]:
    """Everything that is frozen, one line each.

    Raises:
        StoreUnavailableError: the store cannot be read.
    """
    async with open_state(load_settings(config)) as state:
        found = await state.freezes.standing()
    return tuple(f"frozen: {freeze}" for freeze in found) or ("nothing is frozen",)


class _Lost:
    """Remembers why an event could not be written; whoever sits there is told."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def audit_delayed(self, event: AuditEvent, reason: str) -> None:
        del event
        self.reasons.append(reason)


def _turning(settings: Settings, state: State, lost: _Lost) -> TurnFreeze:
    return TurnFreeze(
        switch=state.freezes,
        inventory=StaticInventory(settings.configured_instances()),
        journal=Journal(audit_of(state), lost),
        clock=utc_now,
    )


def _known(settings: Settings, instance_id: str | None, config: Path) -> Instance | None:
    """The instance of that id. A slip of the pen must not look like a switch that was turned."""
    if instance_id is None:
        return None
    known = {configured.instance.id: configured.instance for configured in settings.configured_instances()}
    if instance_id not in known:
        raise SettingsError(f"{config} has no instance {instance_id!r}; it has: {', '.join(sorted(known))}")
    return known[InstanceId(instance_id)]
