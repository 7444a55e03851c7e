"""`vacate freeze`: the switch that stops every sweep."""

from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, run
from vacate.cli.output import say


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
