"""Secrets that are read from files."""

import os
import stat
from pathlib import Path
from shlex import quote

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
            refuse_open_secret(os.fstat(opened.fileno()), file, what)
            return opened.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(f"{what} {file} cannot be read: {error.strerror}") from error


def refuse_open_secret(found: os.stat_result, file: Path, what: str) -> None:
    """Refuse a secret that others may read or change; `what` names it in errors.

    A file of root's may be read by its group: credentials of systemd and secrets of containers come like that. Where
    files have no modes, nothing is refused.

    Raises:
        SettingsError: others may read or change it.
    """
    if os.name != "posix":
        return
    mode = stat.S_IMODE(found.st_mode)
    allowed = stat.S_IRGRP if found.st_uid == 0 else 0
    if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed:
        raise SettingsError(f"{what} {file} is open to others (mode {mode:04o}); run: chmod 600 {quote(str(file))}")


def make_private(path: Path) -> None:
    """Make an empty file that only its owner may read, unless it is there.

    A command of root's must not leave a file that the service, which runs as somebody else, cannot write: what root
    makes belongs to the owner of its folder.

    Raises:
        OSError: it cannot be made or opened.
    """
    try:
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        number = os.open(path, os.O_CREAT | os.O_RDONLY)
        os.close(number)
        return
    try:
        belong_like(number, path.parent)
    finally:
        os.close(number)


def belong_like(file: int | Path, other: Path) -> None:
    """Give what root has made to the owner of another file or folder."""
    if os.geteuid() == 0:
        owner = other.stat()
        os.chown(file, owner.st_uid, owner.st_gid)
