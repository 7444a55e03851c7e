"""Writes a configuration file: a new one, for an instance that was discovered."""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vacate.domain.discovery.assembly import Discovered, FoundServer
from vacate.domain.errors import SettingsError
from vacate.domain.texts import for_toml
from vacate.domain.topology.components import Node
from vacate.settings.loading import load_settings

_HEAD = """\
# Written by `vacate discover`, of what the servers told. docs/reference/configuration.md has every other key.
# The file holds passwords of database roles: let nobody else read it.
# A session is given up once it has been idle for as long as the criteria of its instance say. Pools keep sessions idle
# for minutes on purpose, so a time below their own ends sessions that are about to be used.

[store]
url = "sqlite:///vacate.db"
# Make the key once, with: (umask 077; head -c 32 /dev/urandom | base64 > vacate.key)
secret_key_file = "vacate.key"
"""
_CRITERIA = """\
# Which sessions are given up: those that have been idle for so long.
[projects.instances.criteria]
states = { idle = "15min" }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectNames:
    """What the file says of the instance's project beside its id."""

    name: str
    domain: str = "default"


def configuration(found: Discovered, project: ProjectNames) -> str:
    """The text of a configuration file with one instance.

    Raises:
        SettingsError: something in it is no text.
    """
    instance = found.instance
    tables = [_HEAD]
    if instance.region:
        tables.append(table("[[regions]]", id=instance.region))
    region = {"region": instance.region} if instance.region else {}
    tables.append(table("[[projects]]", id=instance.project_id, name=project.name, domain=project.domain, **region))
    tables.append(table("[[projects.instances]]", id=instance.id, name=instance.name))
    tables.append(_CRITERIA)
    for node in instance.nodes:
        tables.append(table("[[projects.instances.nodes]]", id=node.id, name=node.name))
        tables.extend(_component(server) for server in _on(found, node))
    return "\n".join(tables)


def check(text: str, found: Discovered) -> None:
    """Load the text as the service would, and compare it with what it was made of.

    Raises:
        SettingsError: it does not load, or means something else.
    """
    try:
        path = _written(text, Path(tempfile.gettempdir()))
        try:
            _compare(path, found)
        finally:
            path.unlink()
    except OSError as error:
        raise SettingsError(f"cannot write a temporary file: {error.strerror}") from error


def in_the_way(target: Path) -> None:
    """Refuse to write where something is.

    Raises:
        SettingsError: there is a file, or a link to one.
    """
    if os.path.lexists(target):
        raise SettingsError(f"{target} exists already, and is not overwritten; name another file with --output")


def write_new(text: str, target: Path, found: Discovered) -> None:
    """Check the text and write it to a file that was not there, which only its owner can read.

    Raises:
        SettingsError: the file exists, or cannot be written; or the text does not load as what it was made of.
    """
    in_the_way(target)
    try:
        path = _written(text, target.parent)
        try:
            _compare(path, found)
            # Unlike renaming, this refuses a file that came in between.
            os.link(path, target)
        finally:
            path.unlink()
    except FileExistsError:
        in_the_way(target)
        raise
    except OSError as error:
        raise SettingsError(f"cannot write {target}: {error.strerror}") from error


def toml_string(text: str) -> str:
    """Text as a TOML string on one line.

    Raises:
        SettingsError: it is no text, but bytes that nobody could read.
    """
    try:
        return for_toml(text)
    except ValueError:
        raise SettingsError(f"{text!r} cannot be written as text") from None


def table(head: str, **values: str) -> str:
    """One table of a configuration: its head, and a line for each key."""
    return "".join([f"{head}\n", *(f"{key} = {toml_string(value)}\n" for key, value in values.items())])


def _component(server: FoundServer) -> str:
    component = server.component
    shard = {"shard": component.shard} if component.shard else {}
    head = "[[projects.instances.nodes.components]]"
    return table(head, id=component.id, kind=component.kind, role=component.role, dsn=server.dsn, **shard)


def _on(found: Discovered, node: Node) -> list[FoundServer]:
    return [server for server in found.servers if server.component.node_id == node.id]


def _written(text: str, folder: Path) -> Path:
    """A new file with the text, which nobody else can read."""
    number, name = tempfile.mkstemp(prefix=".vacate-", suffix=".toml", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path


def _compare(path: Path, found: Discovered) -> None:
    settings = load_settings(path)
    instances = [configured.instance for configured in settings.configured_instances()]
    if settings.servers() != {s.component: s.dsn for s in found.servers} or instances != [found.instance]:
        raise SettingsError("the configuration that was made does not mean what was found; nothing was written")
