"""`vacate config`: the configuration file, from its example on."""

import os
from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, fail, run
from vacate.cli.output import document, say


@click.group("config")
def configuration() -> None:
    """The configuration file."""


@configuration.command("example")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write, which must not exist yet; only you may read it.  [default: standard output]",
)
def config_example(output: Path | None) -> None:
    """Print a complete configuration with comments, to be changed where it is yours."""
    from importlib.resources import files

    from vacate.domain.texts import in_toml

    text = files("vacate.settings").joinpath("example.toml").read_text(encoding="utf-8")
    if output is None:
        document(text, in_toml)
        return
    try:
        # It is going to hold passwords.
        output.touch(mode=0o600, exist_ok=False)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}; name another file with --output")
    say(f"{output} is written; change it to what is yours, and start with: vacate serve --config {output}")


@configuration.command("check")
@CONFIG
@click.option("--connect", is_flag=True, help="Log in at the store and at every component as well.")
def config_check(config: Path, *, connect: bool) -> None:
    """Say every mistake that `vacate serve` would refuse.

    Nothing is started or changed. The exit status is 0 when there is no mistake and 1 when there is one.
    """
    from vacate.settings.starting import load_for_service

    async def check() -> None:
        settings = load_for_service(config, os.environ)
        servers = settings.servers()
        if not connect:
            say(f"{config} has no mistake: {_counted(len(servers), 'component')}; servers are asked with --connect")
            return
        from vacate.wiring.preflight import preflight

        if problems := await preflight(settings):
            fail(*problems)
        say(f"{config} has no mistake, and the store and {_counted(len(servers), 'component')} can be used")

    run(check())


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
