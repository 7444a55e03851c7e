"""`vacate component`: which server each component was found to be."""

from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, run
from vacate.cli.output import say


@click.group()
def component() -> None:
    """Components of the configuration."""


@component.command("unpin")
@click.argument("instance_id")
@click.argument("component_id")
@CONFIG
def component_unpin(instance_id: str, component_id: str, config: Path) -> None:
    """Forget which server a component was; the next one found is taken for it."""
    from vacate.cli.operator import record
    from vacate.domain.audit.event import AuditAction
    from vacate.domain.errors import SettingsError
    from vacate.operations.plans.make_plan import target_at
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_state

    async def work() -> bool:
        settings = load_settings(config)
        found = [c for c in settings.servers() if (c.instance_id, c.id) == (instance_id, component_id)]
        if len(found) != 1:
            number = "more than one" if found else "no"
            raise SettingsError(f"{config} has {number} component {component_id!r} in an instance {instance_id!r}")
        async with open_state(settings) as state:
            forgotten = await state.pins.forget(found[0])
            if forgotten:
                note = "the next server seen is taken for it"
                await record(state, settings, AuditAction.COMPONENT_UNPINNED, note, target=target_at(found[0]))
        return forgotten

    say(f"component {component_id} is not pinned any more" if run(work()) else "it was not pinned")
