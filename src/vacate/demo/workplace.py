"""The directory servers live in, and the unprivileged account they run under when the program is root's.

PostgreSQL refuses to run as root. A workplace of root's therefore runs everything as `nobody`, and owns every
directory that this needs: no permission and no owner of any other directory changes.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vacate.demo.installations import DemoError, Installation
from vacate.demo.leftovers import PREFIX, RunRecord, clean_up_leftovers, remove_directory

SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_COPIED = ("bin", "lib", "lib64", "share")
# What a server and its tools never read, and most of the bytes.
_NOT_COPIED = shutil.ignore_patterns("*.a", "doc", "pgxs", "pkgconfig")
# How long a Unix socket's path may be differs by system; this leaves room for the file's name on all of them.
_LONGEST_SOCKET_DIR = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that servers run under, with no group but its own."""

    uid: int
    gid: int


class Workplace:
    """A directory of our own, with the servers in it. Closing it ends them and removes it.

    Safe to share between threads: servers may be made and started side by side.
    """

    def __init__(self, record: RunRecord) -> None:
        """Make the directory and note it in the record."""
        self.account = _account()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_temporary_dir(self.account))).resolve()
        record.note(self.path)
        if self.account:
            self.path.chmod(0o711)
        self.superuser_password = secrets.token_hex(16)
        self.socket_dir = self.directory("sockets") if len(str(self.path)) < _LONGEST_SOCKET_DIR else None
        self._at_close = ExitStack()
        self._lock = threading.Lock()
        self._usable: dict[Path, Installation] = {}
        self._templates: dict[Path, Path] = {}

    def close(self) -> None:
        """End every server, the youngest first, and remove the directory."""
        self._at_close.close()
        if not remove_directory(self.path):
            raise DemoError(f"{self.path} could not be removed; remove it by hand")

    def at_close(self, end: Callable[[], None]) -> None:
        """Have something ended before the directory goes."""
        self._at_close.callback(end)

    def usable(self, installation: Installation) -> Installation:
        """The installation as the account can run it: itself, or a copy when it is closed to others."""
        with self._lock:
            known = self._usable.get(installation.bin_dir)
            if known is None:
                known = self._usable[installation.bin_dir] = self._runnable(installation)
            return known

    def new_data_dir(self, name: str, installation: Installation, *, own_identity: bool) -> Path:
        """A data directory ready for a server's start.

        Args:
            name: The directory's name in the workplace.
            installation: Whose server will run on it.
            own_identity: Whether the server needs a system identifier of its own. If not, the directory is a
                copy of a template (which is faster), and shares its identifier with the other copies.
        """
        if own_identity:
            data_dir = self.directory(name)
            self._initialise(data_dir, installation)
            return data_dir
        with self._lock:
            template = self._templates.get(installation.bin_dir)
            if template is None:
                template = self.directory(f"template-{len(self._templates)}")
                self._initialise(template, installation)
                self._templates[installation.bin_dir] = template
        data_dir = self.directory(name)
        self.run(["cp", "-Rp", f"{template}/.", str(data_dir)])
        return data_dir

    def directory(self, name: str) -> Path:
        """Make a directory that only the account can enter."""
        path = self.path / name
        path.mkdir(mode=0o700)
        self._hand_over(path)
        return path

    def write(self, path: Path, text: str) -> None:
        """Write a file that only the account can read."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        self._hand_over(path)

    def run(
        self, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, stdin: str = ""
    ) -> str:
        """Run a program to its end as the account, and return what it printed.

        Raises:
            DemoError: The program failed; the message quotes it.
        """
        done = subprocess.run(  # noqa: S603 - programs of an installation, chosen by us
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.path,
            env=self._environment(environment),
            user=self.account and self.account.uid,
            group=self.account and self.account.gid,
            extra_groups=[] if self.account else None,
            start_new_session=True,
        )
        if done.returncode:
            name = Path(command[0]).name
            words = " ".join(f"{done.stderr} {done.stdout[-500:]}".split())
            raise DemoError(f"{name} failed with status {done.returncode}: {words}")
        return done.stdout

    def spawn(self, command: Sequence[str | Path], *, log: Path) -> subprocess.Popen[bytes]:
        """Start a program as the account, as a child that Ctrl-C does not reach. Its words go to the log."""
        log.touch(mode=0o600)
        with log.open("ab") as words:
            return subprocess.Popen(  # noqa: S603 - programs of an installation, chosen by us
                command,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                cwd=self.path,
                env=self._environment(),
                user=self.account and self.account.uid,
                group=self.account and self.account.gid,
                extra_groups=[] if self.account else None,
                start_new_session=True,
            )

    def _initialise(self, data_dir: Path, installation: Installation) -> None:
        secret = self.path / f"{data_dir.name}.secret"
        self.write(secret, self.superuser_password)
        login = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={secret}"]
        manner = ["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        self.run([installation.program("initdb"), "-D", data_dir, *login, *manner])
        secret.unlink()

    def _runnable(self, installation: Installation) -> Installation:
        if self.account is None or self._obstacle(installation) is None:
            return installation
        copied = _copied(installation, self.path / f"programs-{len(self._usable)}")
        obstacle = self._obstacle(copied)
        if obstacle:
            remedy = "let TMPDIR name a directory whose programs may be executed"
            raise DemoError(f"{_UNPRIVILEGED} can run neither {installation} nor a copy: {obstacle}; {remedy}")
        return copied

    def _obstacle(self, installation: Installation) -> Exception | None:
        """Why the account cannot run the installation; `None` when it can."""
        try:
            self.run([installation.program("initdb"), "--version"])
        except (DemoError, OSError) as obstacle:
            return obstacle
        return None

    def _hand_over(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Nothing of the caller's reaches the servers: no PGHOST, no password files, no secrets."""
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return kept | {"HOME": str(self.path), "LC_ALL": "C"} | dict(more or {})


@contextmanager
def open_workplace(demo_dir: Path) -> Generator[Workplace]:
    """Clean up after dead runs, then give a workplace that cleans up after itself.

    The records of what is to be cleaned up are kept in `demo_dir`.
    """
    clean_up_leftovers(demo_dir)
    with closing(RunRecord(demo_dir)) as record, closing(Workplace(record)) as place:
        yield place


def _copied(installation: Installation, place: Path) -> Installation:
    """Copy the programs, with the libraries that a wheel keeps beside its package and finds by a relative path."""
    home = installation.bin_dir.resolve().parent
    package = home.parent
    copy = place / package.name / home.name
    for name in _COPIED:
        if (home / name).is_dir():
            shutil.copytree(home / name, copy / name, ignore=_NOT_COPIED)
    libraries = f"{package.name}.libs"
    if (package.parent / libraries).is_dir():
        shutil.copytree(package.parent / libraries, place / libraries)
    for directory in (place, copy.parent, copy):
        directory.chmod(0o755)
    return replace(installation, bin_dir=copy / "bin")


def _account() -> Account | None:
    """The account to change to; `None` when we are an ordinary user already."""
    if os.geteuid():
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise DemoError(
                f"PostgreSQL wants an account with a name, and the user id {os.geteuid()} has none here: run this as a "
                "user that the machine knows, or give the id a line in /etc/passwd"
            ) from None
        return None
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        remedy = f"there is no account {_UNPRIVILEGED} to run it as: run this as a user"
        raise DemoError(f"PostgreSQL refuses root, and {remedy}") from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _temporary_dir(account: Account | None) -> str:
    """A directory for temporary files that the account can pass through."""
    candidates = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 - mkdtemp makes the name there
    for candidate in candidates:
        if account is None or _can_enter(candidate, account):
            return candidate
    raise DemoError(f"{_UNPRIVILEGED} cannot enter {candidates[0]}: let TMPDIR name a directory open to all")


def _can_enter(directory: str, account: Account) -> bool:
    asked = subprocess.run(  # noqa: S603 - a program of the system
        ["test", "-x", directory],  # noqa: S607 - found on the path like the rest
        check=False,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    return asked.returncode == 0
