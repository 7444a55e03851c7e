"""`vacate component`, `vacate freeze` and `vacate store`: what Vacate keeps besides the audit."""

import sys
from pathlib import Path

import click

from vacate.cli.output import say
from vacate.cli.running import CONFIG, run


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


@click.group()
def freeze() -> None:
    """The switch that stops every sweep, for an instance or for all."""


@freeze.command("on")
@click.argument("instance_id", required=False)
@click.option("--reason", required=True, help="Why; it is told to everybody whose call is refused.")
@CONFIG
def freeze_on(instance_id: str | None, reason: str, config: Path) -> None:
    """End nobody's session from now on. Without an instance id that is for all instances."""
    from vacate.cli.freezing import freeze_now

    say(*run(freeze_now(config, instance_id, reason)))


@freeze.command("off")
@click.argument("instance_id", required=False)
@CONFIG
def freeze_off(instance_id: str | None, config: Path) -> None:
    """Allow sweeps again. One instance stays frozen as long as all of them are."""
    from vacate.cli.freezing import thaw_now

    say(*run(thaw_now(config, instance_id)))


@freeze.command("show")
@CONFIG
def freeze_show(config: Path) -> None:
    """What is frozen now, one line each."""
    from vacate.cli.freezing import standing

    say(*run(standing(config)))


@click.group()
def store() -> None:
    """Vacate's own store: what it keeps of users, plans and the audit."""


@store.command("migrate")
@CONFIG
def store_migrate(config: Path) -> None:
    """Bring a store of an older Vacate up to this one. Stop every service on it first."""
    from vacate.cli.store import migrate_store

    say(run(migrate_store(config)))


@store.command("check")
@CONFIG
def store_check(config: Path) -> None:
    """Whether the store is whole, and of this Vacate. Exit status 1 when it is not."""
    from vacate.cli.store import check_store

    well, words = run(check_store(config))
    say(*words)
    if not well:
        sys.exit(1)


@store.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
def store_backup(file: Path, config: Path) -> None:
    """Copy the whole store into a new file, while it is used. The copy is a store of its own."""
    from vacate.cli.store import back_up_store

    say(run(back_up_store(config, file)))
