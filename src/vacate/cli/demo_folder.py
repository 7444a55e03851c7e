"""The folder of a demo: one demo at a time, its store and configuration, and all that a client needs to know."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vacate.demo.cluster import DemoCluster
from vacate.demo.ids import INSTANCE_ID, NODE_IDS, PROJECT_ID, REGION, SHARD
from vacate.domain.errors import VacateError
from vacate.domain.topology.components import ComponentKind
from vacate.iam.directory import IssuedAccessKey
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.settings.writing import table

DOMAIN = "default"
USER = "demo"

_HEAD = """\
# Written by `vacate demo`, anew at each start. Commands that are given it with --config work on the demo.
"""


class DemoFailedError(VacateError):
    """The demo did not show what it is there to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFolder:
    """A folder that this process alone runs a demo in."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, for the demo itself and for commands beside it."""
        return self.path / "vacate.toml"

    @property
    def connection(self) -> Path:
        """What a client needs."""
        return self.path / "connection.json"

    def configure(self, cluster: DemoCluster, port: int) -> Settings:
        """Write the configuration and the sealing key, and read them as every command will."""
        write_private(self.path / "vacate.key", base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        write_private(self.config, _configuration(cluster, port))
        return load_settings(self.config)

    def describe(self, cluster: DemoCluster, endpoint: str, key: IssuedAccessKey, password: str) -> None:
        """Write down everything that a client needs."""
        user = {"name": USER, "password": password, "domain": {"name": DOMAIN}}
        content = {
            "endpoint": endpoint,
            "region": REGION,
            "project_id": PROJECT_ID,
            "instance_id": INSTANCE_ID,
            "access_key": key.access_key,
            "secret_key": key.secret_key,
            "user": USER,
            "domain": DOMAIN,
            "password": password,
            "sign_in": {
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": user}},
                    "scope": {"project": {"id": PROJECT_ID}},
                }
            },
            "components": [
                {
                    "node_id": NODE_IDS[c.component_id],
                    "component_id": c.component_id,
                    "role": c.role,
                    "host": c.host,
                    "port": c.port,
                    "superuser_dsn": c.superuser_dsn,
                }
                for c in cluster.components
            ],
        }
        write_private(self.connection, json.dumps(content, indent=2) + "\n")


@contextmanager
def demo_folder(path: Path) -> Generator[DemoFolder]:
    """Take the folder for the length of the block, without what an earlier demo stored there.

    Raises:
        DemoFailedError: another demo has it, or it cannot be used.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(path / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _take(lock, path)
        try:
            for old in path.glob("vacate.db*"):
                old.unlink()
        except OSError as error:
            raise _unusable(path, error) from error
        yield DemoFolder(path=path)
    finally:
        # The kernel lets go of the lock with it, also when the process is killed.
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.read(lock, 20).decode("ascii", "replace").strip()
        raise DemoFailedError(
            f"a demo is running in {path.resolve()} already (process {process}), and all about it is in "
            f"{path / 'connection.json'}; stop it with Ctrl-C or `kill {process}`, or start this one in another folder"
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())


def _unusable(path: Path, error: OSError) -> DemoFailedError:
    return DemoFailedError(
        f"cannot use the folder {path.resolve()}: {error.strerror}; remove it, for it may be another user's, "
        "or start the demo in another folder"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file anew that its owner alone may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def this_program() -> str:
    """The command line's own name, as it can be typed here once more."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{sys.executable} -m vacate"
    found = shutil.which(started.name)
    return started.name if found and Path(found).resolve() == started.resolve() else str(started)


def _configuration(cluster: DemoCluster, port: int) -> str:
    tables = [
        _HEAD,
        f"[service]\nport = {port}\n",
        '[store]\nurl = "sqlite:///vacate.db"\nsecret_key_file = "vacate.key"\n',
        table("[[regions]]", id=REGION),
        # Clients that know a region only ask for the project of that name.
        table("[[projects]]", id=PROJECT_ID, name=REGION, domain=DOMAIN),
        table("[[projects.instances]]", id=INSTANCE_ID, name="demo"),
    ]
    for c in cluster.components:
        node = {"name": f"node of {c.component_id}", "availability_zone": f"{REGION}a"}
        shard = {"shard": SHARD} if c.kind is ComponentKind.DATA_NODE else {}
        tables += [
            table("[[projects.instances.nodes]]", id=NODE_IDS[c.component_id], **node),
            table(
                "[[projects.instances.nodes.components]]",
                id=c.component_id,
                kind=c.kind,
                role=c.role,
                dsn=c.service_dsn,
                **shard,
            ),
        ]
    return "\n".join(tables)
