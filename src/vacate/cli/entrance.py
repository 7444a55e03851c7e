"""How a command begins and ends, whatever it was called with: its streams, and what cannot be said any more."""

import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from vacate.cli.output import BROKEN_PIPE_STATUS, OutputClosedError, OutputFailedError, open_streams, tell

_INDENT = 4


class Commands(click.Group):
    """The outermost group of commands."""

    def main(  # pyright: ignore[reportIncompatibleMethodOverride] - called by its entry point and by tests alone
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **settings: Any,  # noqa: ANN401 - of the context, as click has it
    ) -> NoReturn:
        """Run the command that is asked for and end the process.

        A reader who goes away ends the command without a word, as other programs are ended by SIGPIPE.
        """
        open_streams()
        try:
            status: object = super().main(args, prog_name, standalone_mode=False, **settings)
        except click.ClickException as error:
            words = io.StringIO()
            error.show(words)
            # What was typed may be a name that was copied from somewhere.
            tell(*words.getvalue().expandtabs(_INDENT).splitlines())
            status = error.exit_code
        except click.Abort:
            tell("Aborted!")
            status = 1
        except OutputClosedError:
            status = BROKEN_PIPE_STATUS
        except OutputFailedError as error:
            tell(f"vacate: {error}")
            status = 1
        sys.exit(status if isinstance(status, int) else 0)
