"""A real PgBouncer between a test and a server."""

import shutil
import socket
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from tests.support.postgres import PASSWORD, LiveServer
from vacate.demo.servers import HOST, free_port

if TYPE_CHECKING:
    import subprocess

PoolMode = Literal["session", "transaction", "statement"]

_STARTED_S = 15.0
_POLL_S = 0.02
_POOLERS = count(1)


def program() -> str:
    """PgBouncer's program; the test is skipped by name where there is none."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        pytest.skip("PgBouncer is not on this machine: install Debian's pgbouncer")
    return found


@contextmanager
def pgbouncer(server: LiveServer, mode: PoolMode, *, ignored: str = "") -> Generator[int]:
    """Pool sessions of `server` for the length of the block; on which port.

    `ignored` are the settings of a login that it drops, as `ignore_startup_parameters` takes them.
    """
    place, port = server.server.place, free_port()
    folder: Path = place.directory(f"pgbouncer-{next(_POOLERS)}")
    users = folder / "users"
    place.write(users, "".join(f'"{role}" "{PASSWORD}"\n' for role in ("vacate", "app")))
    configuration = folder / "pgbouncer.ini"
    place.write(
        configuration,
        f"[databases]\n* = host={HOST} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = {mode}\ndefault_pool_size = 4\n"
        f"ignore_startup_parameters = {ignored}\n",
    )
    process = place.spawn([Path(program()), str(configuration)], log=folder / "log")
    try:
        _await_port(process, port, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def through(dsn: str, port: int) -> str:
    """The same login through a pooler's port."""
    parts = urlsplit(dsn)
    return dsn.replace(f":{parts.port}/", f":{port}/")


def _await_port(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTED_S
    while True:
        with closing(socket.socket()) as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        assert process.poll() is None, f"PgBouncer ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"PgBouncer does not listen: {log.read_text()}"
        time.sleep(_POLL_S)
