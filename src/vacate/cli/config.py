"""`vacate config`: the configuration file, from its example on."""

from pathlib import Path

import click

from vacate.cli.output import document, say
from vacate.cli.running import fail


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
