"""Nothing stays behind: servers end and their files go, however the program that started them ended.

Each run writes the directories it makes into a record file of its own, before anything lives in them, and
holds a lock on that file. The kernel frees the lock when the run ends, so a record that can be locked belongs
to a dead run. Two things clean up after one: a guardian, which waits for the end of its parent, and the next
start.

A server is recognised by its command line, which names a data directory inside the recorded one. Such a name
is random and used once, so a process id that passed to somebody else meanwhile is never signalled.

The guardian runs this file by its path, so it imports the standard library only.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "vacate-"
_PROGRAMS = frozenset({"postgres", "initdb", "pg_basebackup"})
# A postmaster told to leave at once gives its children five seconds before it kills them.
_GRACE_S = 8.0
_RETRY_S = 0.02
_REMOVAL_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedUp:
    """What a clean-up ended and removed, and what resisted (its record is kept for the next try)."""

    stopped: tuple[int, ...] = ()
    removed: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()


class RunRecord:
    """The record of one run: its directories, its lock, and the guardian that outlives it.

    Closing it removes what the run left standing, which is nothing after an orderly end.
    """

    def __init__(self, demo_dir: Path) -> None:
        """Begin a run: make its record in `demo_dir`, lock it, and start the guardian."""
        demo_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Absolute, because the guardian leaves the current directory.
        self.path = demo_dir.resolve() / f"run-{os.getpid()}-{os.urandom(4).hex()}.leftovers"
        self._fd = _create_locked(self.path)
        self._guardian = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-I", __file__, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # Ctrl-C reaches the whole group of a terminal; the guardian must survive it.
            start_new_session=True,
        )

    @property
    def guardian_pid(self) -> int:
        """The process that cleans up when this one is gone."""
        return self._guardian.pid

    def note(self, directory: Path) -> None:
        """Write down a directory that this run made, so that it can be cleaned up by somebody else."""
        os.write(self._fd, (json.dumps(str(directory)) + "\n").encode())

    def close(self) -> None:
        """End the run: clean up, forget the record and dismiss the guardian."""
        _clean_up_noted(self.path)
        os.close(self._fd)
        self._guardian.communicate()


def clean_up_leftovers(demo_dir: Path) -> CleanedUp:
    """End the servers of dead runs and remove their directories. Runs that are still alive are left alone."""
    results = [_clean_up(path, patient=False) for path in sorted(demo_dir.glob("run-*.leftovers"))]
    return CleanedUp(
        stopped=tuple(pid for result in results for pid in result.stopped),
        removed=tuple(path for result in results for path in result.removed),
        kept=tuple(path for result in results for path in result.kept),
    )


def remove_directory(directory: Path) -> bool:
    """Remove a directory of ours; say whether it is gone."""
    for _ in range(_REMOVAL_TRIES):
        # The last children of a server that was killed may still be writing.
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return True
        time.sleep(_RETRY_S)
    return False


def _create_locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd
        # A clean-up saw the new file before it was locked, and took it away.
        os.close(fd)


def _clean_up(record: Path, *, patient: bool) -> CleanedUp:
    """Clean up after one run. A patient caller waits for the run's end, others skip a run that is alive."""
    try:
        fd = os.open(record, os.O_RDONLY | os.O_NOFOLLOW)
    except (FileNotFoundError, PermissionError):
        # Taken away by another clean-up, or the record of another account's run.
        return CleanedUp()
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            return CleanedUp()
        fcntl.flock(fd, fcntl.LOCK_EX if patient else fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _clean_up_noted(record)
    except BlockingIOError:
        return CleanedUp()
    finally:
        os.close(fd)


def _clean_up_noted(record: Path) -> CleanedUp:
    """Clean up what a record names. The caller holds its lock."""
    directories = [path for path in _noted(record) if _is_ours(path)]
    stopped = tuple(pid for path in directories for pid in _stop_servers(path))
    removed = {path: remove_directory(path) for path in directories}
    if all(removed.values()):
        record.unlink(missing_ok=True)
    return CleanedUp(
        stopped=stopped,
        removed=tuple(path for path, gone in removed.items() if gone),
        kept=tuple(path for path, gone in removed.items() if not gone),
    )


def _noted(record: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for line in record.read_text().splitlines():
            # The last line of a run that was killed while writing is cut short, and its directory never used.
            with suppress(ValueError):
                yield Path(json.loads(line))


def _is_ours(directory: Path) -> bool:
    return directory.name.startswith(PREFIX) and directory.is_dir() and not directory.is_symlink()


def _stop_servers(directory: Path) -> tuple[int, ...]:
    pids = tuple(pid for pid, command in _processes() if _works_in(directory, command))
    deadline = time.monotonic() + _GRACE_S
    for pid in pids:
        _signal(pid, directory, signal.SIGQUIT)
    for pid in pids:
        while _works_in(directory, _command(pid)) and time.monotonic() < deadline:
            time.sleep(_RETRY_S)
        _signal(pid, directory, signal.SIGKILL)
    return pids


def _works_in(directory: Path, command: tuple[str, ...]) -> bool:
    inside = f"{directory}{os.sep}"
    program, *arguments = command or ("",)
    return Path(program).name in _PROGRAMS and any(argument.startswith(inside) for argument in arguments)


def _signal(pid: int, directory: Path, signum: signal.Signals) -> None:
    """Signal a process of the directory, unless it ended meanwhile."""
    with suppress(ProcessLookupError), _held(pid) as fd:
        if not _works_in(directory, _command(pid)):
            return
        if fd is None:
            os.kill(pid, signum)
        else:
            signal.pidfd_send_signal(fd, signum)


@contextmanager
def _held(pid: int) -> Generator[int | None]:
    """Hold on to a process, so that its number cannot pass to another between the check and the signal."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def _processes() -> Iterator[tuple[int, tuple[str, ...]]]:
    if Path("/proc/self/cmdline").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                yield int(entry.name), _command(int(entry.name))
        return
    listing = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607 - the system's own
    for line in listing.stdout.splitlines():
        pid, *command = line.split()
        yield int(pid), tuple(command)


def _command(pid: int) -> tuple[str, ...]:
    """The command line of a process; empty when it is gone."""
    try:
        if Path("/proc/self/cmdline").exists():
            return tuple(Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0"))
    except OSError:
        return ()
    return dict(_processes()).get(pid, ())


def _wait_and_clean_up(record: Path) -> None:
    """Be a guardian: the parent holds the other end of standard input, and says nothing until it is gone."""
    sys.stdin.buffer.read()
    _clean_up(record, patient=True)


if __name__ == "__main__":
    _wait_and_clean_up(Path(sys.argv[1]))
