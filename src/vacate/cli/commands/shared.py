"""What the commands share: options, and how their work is run and its failures are told."""

import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from vacate.cli.output import tell

_T = TypeVar("_T")

CONFIG = click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("vacate.toml"),
    envvar="VACATE_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)
DOMAIN = click.option("--domain", default="default", show_default=True, help="The domain the user is in.")


def run(work: Coroutine[object, object, _T]) -> _T:
    """Run a command's work; what goes wrong on purpose is a line for each and exit status 1."""
    import asyncio

    from vacate.domain.errors import SettingsMistakesError, VacateError

    try:
        return asyncio.run(work)
    except SettingsMistakesError as error:
        fail(*error.mistakes)
    except VacateError as error:
        fail(str(error))


def fail(*messages: str) -> NoReturn:
    """Say what is wrong, a line for each, and end."""
    tell(*(f"vacate: {message}" for message in messages))
    sys.exit(1)


class Moment(click.ParamType[datetime]):
    """A time as it is typed, in every command: a date with or without the hour, or how long ago it was."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ISO 8601, or an age such as 1h."""
        from vacate.domain.durations import moment
        from vacate.operations.clock import utc_now

        if isinstance(value, datetime):
            return value
        try:
            return moment(str(value), utc_now())
        except ValueError:
            self.fail(
                f"{value!r} is no time; write for example 2026-03-01 or 2026-03-01T14:30+01:00, or how long ago: 90s, "
                "15min, 1h, 400d",
                param,
                ctx,
            )
