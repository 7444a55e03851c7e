"""`vacate store`: Vacate's own store."""

import sys
from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, run
from vacate.cli.output import say


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
