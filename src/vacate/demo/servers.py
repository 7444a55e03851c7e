"""Real PostgreSQL servers, started as children of ours on loopback and ended by process id.

    with open_workplace(Path(".demo")) as place:
        server = Server.create(place, "dn_6001", wheel_installation(), settings=THROWAWAY)
        server.start()

Everything here blocks; call it from threads to start servers side by side.
"""

import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from vacate.demo.installations import (
    DemoError,
    Installation,
    NoInstallationError,
    find_installations,
    wheel_installation,
)
from vacate.demo.workplace import SUPERUSER, Workplace, open_workplace

__all__ = [
    "HOST",
    "SUPERUSER",
    "THROWAWAY",
    "Certificate",
    "DemoError",
    "Installation",
    "NoInstallationError",
    "Server",
    "ServerFailedError",
    "Workplace",
    "find_installations",
    "open_workplace",
    "wheel_installation",
]

HOST = "127.0.0.1"
# For servers whose data nobody will miss: nothing waits for a disk.
THROWAWAY: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_REPLICATOR = "replicator"
_OUR_SETTINGS = "workplace.conf"
_LOGINS = f"""\
local all         all               scram-sha-256
host  all         all {HOST}/32  scram-sha-256
host  replication all {HOST}/32  scram-sha-256
"""
_STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# A server told to leave at once kills children that do not answer after five seconds.
_IMMEDIATE_STOP_S = 8.0
_POLL_S = 0.02
_TAIL_LINES = 15

StopMode = Literal["smart", "fast", "immediate"]


class ServerFailedError(DemoError):
    """A server did not start; the message quotes the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """PEM files with which a server proves who it is and encrypts."""

    certificate: Path
    key: Path


class Server:
    """One server and its data directory. It may be stopped and started again on the same port."""

    def __init__(
        self, place: Workplace, data_dir: Path, installation: Installation, settings: Mapping[str, str]
    ) -> None:
        """Take over a data directory that is ready; `create` and `standby_of` make one first."""
        self.place = place
        self.name = data_dir.name
        self.installation = installation
        self.data_dir = data_dir
        self.log_path = place.path / f"{self.name}.log"
        self.settings = dict(settings)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._replication_password = ""
        place.at_close(self._end)

    @classmethod
    def create(
        cls,
        place: Workplace,
        name: str,
        installation: Installation,
        *,
        settings: Mapping[str, str] = THROWAWAY,
        own_identity: bool = False,
    ) -> Self:
        """Make a server, not started yet.

        Args:
            place: Where it lives; closing the place ends it.
            name: Its `cluster_name`, and the name of its data directory and log.
            installation: Whose programs it runs.
            settings: Server settings of the caller's, by their names in postgresql.conf.
            own_identity: Whether it needs a system identifier that no other server has; see `new_data_dir`.
        """
        installation = place.usable(installation)
        data_dir = place.new_data_dir(name, installation, own_identity=own_identity)
        place.write(data_dir / "pg_hba.conf", _LOGINS)
        configuration = data_dir / "postgresql.conf"
        place.write(configuration, f"{configuration.read_text()}\ninclude '{_OUR_SETTINGS}'\n")
        return cls(place, data_dir, installation, settings)

    @classmethod
    def standby_of(cls, primary: "Server", name: str, *, settings: Mapping[str, str] | None = None) -> Self:
        """Make a streaming standby of a running primary, not started yet. It keeps the primary's settings."""
        place = primary.place
        password = primary.replication_password()
        data_dir = place.directory(name)
        address = ["-h", HOST, "-p", str(primary.port), "-U", _REPLICATOR, "--no-password"]
        manner = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        # The recovery settings that -R writes carry this password to the standby's own logins.
        place.run(
            [primary.installation.program("pg_basebackup"), *address, "-D", data_dir, *manner],
            environment={"PGPASSWORD": password},
        )
        settings = {**primary.settings, "hot_standby": "on", **(settings or {})}
        return cls(place, data_dir, primary.installation, settings)

    @property
    def port(self) -> int:
        """The TCP port on loopback; kept over a restart."""
        if self._port is None:
            raise DemoError(f"{self.name} has no port before its first start")
        return self._port

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise DemoError(f"{self.name} is not running")
        return self._process.pid

    @property
    def superuser_dsn(self) -> str:
        """The superuser's login over TCP."""
        return self.dsn(SUPERUSER, self.place.superuser_password)

    def dsn(self, user: str, password: str, database: str = "postgres") -> str:
        """A login over TCP as a URL."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{HOST}:{self.port}/{quote(database, safe='')}"

    def encrypt(self, certificate: Certificate) -> None:
        """Have it encrypt from its next start on."""
        if not self.installation.supports_tls:
            raise DemoError(f"{self.installation} was built without TLS: take another installation")
        # The server insists on a key that belongs to its own account.
        self.place.write(self.data_dir / "server.crt", certificate.certificate.read_text())
        self.place.write(self.data_dir / "server.key", certificate.key.read_text())
        self.settings["ssl"] = "on"

    def start(self, *, timeout_s: float = 30.0) -> None:
        """Start it and wait until it takes sessions.

        Raises:
            ServerFailedError: It ended, or was not ready in time.
        """
        if self._process is not None:
            raise DemoError(f"{self.name} is running already")
        deadline = time.monotonic() + timeout_s
        keeps_port = self._port is not None
        while True:
            port = self._port if keeps_port and self._port else free_port()
            self._write_settings(port)
            self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
            self._process = self.place.spawn(
                [self.installation.program("postgres"), "-D", self.data_dir], log=self.log_path
            )
            if self._becomes_ready(deadline):
                self._port = port
                return
            self._end()
            # The port was free a moment ago; or children of a server that was killed still hold its memory.
            passing = ("could not create any TCP/IP sockets", "pre-existing shared memory block")
            if time.monotonic() >= deadline or not any(word in self.log_since_start() for word in passing):
                tail = "\n".join(self.log_since_start().splitlines()[-_TAIL_LINES:])
                raise ServerFailedError(f"{self.name} did not start; {self.log_path} ends with:\n{tail}")
            time.sleep(_POLL_S)

    def stop(self, mode: StopMode = "fast", *, timeout_s: float = 15.0) -> None:
        """Stop it and wait for its end. One that is late is told to leave at once, and killed if it stays."""
        if self._process is None:
            return
        for signum, patience_s in (_STOPS[mode], timeout_s), (signal.SIGQUIT, _IMMEDIATE_STOP_S):
            self._process.send_signal(signum)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
            self._process = None
            return
        self.kill()

    def kill(self) -> None:
        """End it as a power cut would: nothing is tidied, its children notice by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop it and start it again, with the same data on the same port."""
        self.stop(mode)
        self.start()

    def psql(self, script: str, *, variables: Mapping[str, str] | None = None) -> str:
        """Run a psql script as the superuser and return what it printed, unaligned and without headers.

        It begins in the database `postgres`. Variables are read as psql reads them (`:'name'`), and never
        appear on a command line.
        """
        lines = [f"\\set {name} '{_escaped(value)}'" for name, value in (variables or {}).items()]
        address = ["-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres", "--no-password"]
        manner = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return self.place.run(
            [self.installation.program("psql"), *manner, *address],
            environment={"PGPASSWORD": self.place.superuser_password},
            stdin="\n".join([*lines, script, ""]),
        ).strip()

    def log_since_start(self) -> str:
        """What the server wrote to its log since its last start."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def replication_password(self) -> str:
        """The password of the role that standbys log in with, which is made when first asked for."""
        if not self._replication_password:
            password = secrets.token_hex(16)
            script = f"CREATE ROLE {_REPLICATOR} LOGIN REPLICATION PASSWORD :'password';"
            self.psql(script, variables={"password": password})
            self._replication_password = password
        return self._replication_password

    def _end(self) -> None:
        self.stop("immediate", timeout_s=_IMMEDIATE_STOP_S)

    def _write_settings(self, port: int) -> None:
        ours = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": str(self.place.socket_dir or ""),
            "cluster_name": self.name,
            # Shared memory in files of the data directory goes with it, even after a kill.
            "dynamic_shared_memory_type": "mmap",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        lines = [f"{name} = '{_escaped(value)}'\n" for name, value in (ours | self.settings).items()]
        self.place.write(self.data_dir / _OUR_SETTINGS, "".join(lines))

    def _becomes_ready(self, deadline: float) -> bool:
        process = self._process
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            if self._says_ready(process.pid):
                return True
            time.sleep(_POLL_S)
        return False

    def _says_ready(self, pid: int) -> bool:
        """A server keeps its state in line eight of its pid file; one that died left another pid there."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def free_port() -> int:
    """A TCP port on loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
