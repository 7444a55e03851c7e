"""`vacate freeze`: turn the switch, and say what it does now."""

import getpass
import os
from pathlib import Path

from vacate.domain.errors import SettingsError
from vacate.domain.freezing import Freeze
from vacate.domain.topology import InstanceId
from vacate.operations.clock import utc_now
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.wiring import open_state


async def freeze_now(config: Path, instance_id: str | None, reason: str) -> str:
    """Turn the switch on; in words, what is frozen from now on.

    Raises:
        SettingsError: no such instance, or no reason.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    if not reason.strip():
        raise SettingsError("say why with --reason; everybody whose call is refused will read it")
    freeze = Freeze(
        instance_id=_known(settings, instance_id, config), by=_who(), reason=reason.strip(), since=utc_now()
    )
    async with open_state(settings) as state:
        if await state.freezes.freeze(freeze):
            return f"frozen: {freeze}\nto allow sweeps again run: {freeze.thawed_by}"
        stood = next(each for each in await state.freezes.standing() if each.instance_id == freeze.instance_id)
    return f"it was frozen already: {stood}"


async def thaw_now(config: Path, instance_id: str | None) -> str:
    """Turn the switch off; in words, what stood there and what still stands.

    Raises:
        SettingsError: no such instance.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    scope = _known(settings, instance_id, config)
    async with open_state(settings) as state:
        stood = await state.freezes.thaw(scope)
        left = await state.freezes.standing()
    lines = [f"not frozen any more: {stood}" if stood else "it was not frozen"]
    return "\n".join([*lines, *(f"still frozen: {freeze}" for freeze in left)])


async def standing(config: Path) -> str:
    """Everything that is frozen, one line each.

    Raises:
        StoreUnavailableError: the store cannot be read.
    """
    async with open_state(load_settings(config)) as state:
        found = await state.freezes.standing()
    return "\n".join(f"frozen: {freeze}" for freeze in found) or "nothing is frozen"


def _known(settings: Settings, instance_id: str | None, config: Path) -> InstanceId | None:
    """A slip of the pen must not look like a switch that was turned."""
    known = {configured.instance.id for configured in settings.configured_instances()}
    if instance_id is None:
        return None
    if instance_id not in known:
        raise SettingsError(f"{config} has no instance {instance_id!r}; it has: {', '.join(sorted(known))}")
    return InstanceId(instance_id)


def _who() -> str:
    """Who sits at the keyboard, also where they became somebody else for this command."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
