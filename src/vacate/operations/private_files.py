"""Secrets that are read from files."""

import os
import stat
from pathlib import Path

from vacate.domain.errors import SettingsError

_MOST_BYTES = 1024


def read_private(file: Path, what: str) -> str:
    """The beginning of a file that only its owner may read, 1 KiB at most; `what` names it in errors.

    Raises:
        SettingsError: it cannot be read, or others may read it.
    """
    try:
        with file.open("rb") as opened:
            # The open file is asked, so that nobody can swap it between the question and the reading.
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingsError(f"{what} {file} is open to others (mode {mode:04o}); chmod 600 it")
            return opened.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(f"{what} {file} cannot be read: {error.strerror}") from error
