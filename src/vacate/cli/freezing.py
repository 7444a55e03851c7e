"""`vacate freeze`: turn the switch, and say what it does now."""

from pathlib import Path

from vacate.cli.operator import audit_of, operator, operator_name
from vacate.domain.audit import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError, SettingsError
from vacate.domain.freezing import Freeze
from vacate.domain.texts import unfit
from vacate.domain.topology import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.operations.clock import utc_now
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
    freeze = Freeze(
        instance_id=_known(settings, instance_id, config), by=operator_name(), reason=reason.strip(), since=utc_now()
    )
    async with open_state(settings) as state:
        if await state.freezes.freeze(freeze):
            # Whoever freezes in an emergency must not be kept from it by an audit that cannot be written.
            missed = await _written(state, settings, AuditAction.FREEZE_ON, freeze)
            return (f"frozen: {freeze}", *missed, f"to allow sweeps again run: {freeze.thawed_by}")
        stood = next(each for each in await state.freezes.standing() if each.instance_id == freeze.instance_id)
    return (f"it was frozen already: {stood}",)


async def thaw_now(config: Path, instance_id: str | None) -> tuple[str, ...]:
    """Turn the switch off; in words, a line each, what stood there and what still stands.

    Raises:
        SettingsError: no such instance.
        AuditUnavailableError: the audit cannot be written; it is frozen still.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    scope = _known(settings, instance_id, config)
    async with open_state(settings) as state:
        stood = next((each for each in await state.freezes.standing() if each.instance_id == scope), None)
        if stood is not None:
            # Sessions can be ended afterwards, so it stays frozen when that cannot be written down.
            await audit_of(state).append(_event(settings, AuditAction.FREEZE_OFF, stood))
            await state.freezes.thaw(scope)
        left = await state.freezes.standing()
    first = f"not frozen any more: {stood}" if stood else "it was not frozen"
    return (first, *(f"still frozen: {freeze}" for freeze in left))


async def standing(config: Path) -> tuple[str, ...]:
    """Everything that is frozen, one line each.

    Raises:
        StoreUnavailableError: the store cannot be read.
    """
    async with open_state(load_settings(config)) as state:
        found = await state.freezes.standing()
    return tuple(f"frozen: {freeze}" for freeze in found) or ("nothing is frozen",)


def _known(settings: Settings, instance_id: str | None, config: Path) -> InstanceId | None:
    """A slip of the pen must not look like a switch that was turned."""
    known = {configured.instance.id for configured in settings.configured_instances()}
    if instance_id is None:
        return None
    if instance_id not in known:
        raise SettingsError(f"{config} has no instance {instance_id!r}; it has: {', '.join(sorted(known))}")
    return InstanceId(instance_id)


async def _written(state: State, settings: Settings, action: AuditAction, freeze: Freeze) -> tuple[str, ...]:
    """Write down that the switch was turned; in words, what went wrong with that."""
    try:
        await audit_of(state).append(_event(settings, action, freeze), concluding=True)
    except AuditUnavailableError as error:
        return (f"IT IS NOT IN THE AUDIT ({error})",)
    return ()


def _event(settings: Settings, action: AuditAction, freeze: Freeze) -> AuditEvent:
    projects = {each.instance.id: each.instance.project_id for each in settings.configured_instances()}
    instance_id = freeze.instance_id or InstanceId("")
    return AuditEvent(
        at=utc_now(),
        action=action,
        actor=operator(settings),
        target=Target(
            project_id=projects.get(instance_id, ProjectId("")),
            instance_id=instance_id,
            node_id=NodeId(""),
            component_id=ComponentId(""),
        ),
        note=str(freeze),
    )
