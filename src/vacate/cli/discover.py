"""`vacate discover`: a look at a cluster becomes a configuration."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from vacate.cli.output import document, say, tell
from vacate.cli.tables import Column, Table, show
from vacate.domain.discovery.assembly import Discovered, Wishes, project_id_of
from vacate.domain.discovery.facts import DiscoveryError
from vacate.domain.texts import in_toml
from vacate.domain.topology.components import ProjectId
from vacate.domain.topology.dsn import Dsn, parse_dsn
from vacate.settings.writing import ProjectNames, check, configuration, in_the_way, write_new
from vacate.wiring import discovery

_PROJECT_ID = re.compile(r"[0-9a-zA-Z]{32}")
_REGION_ID = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_-]{0,63}")
STANDARD = Path("-")

_COLUMNS = (
    Column(title="component"),
    Column(title="kind", minor=2),
    Column(title="role"),
    Column(title="server", text=True, minor=1),
    Column(title="address"),
    Column(title="node id", minor=3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverOptions:
    """What the command was called with."""

    dsns: tuple[str, ...]
    patroni: str | None
    without: tuple[str, ...]
    name: str
    project_name: str
    project_id: str | None
    region: str
    output: Path
    connect_timeout_s: float


async def run_discover(options: DiscoverOptions) -> None:
    """Look at the cluster, write its configuration and say what to do next. What fails leaves nothing behind.

    Raises:
        VacateError: something is not told or cannot be reached, or the file cannot be written.
    """
    to_file = options.output != STANDARD
    if to_file:
        # Better now than after a minute of looking.
        in_the_way(options.output)
    if options.region and not _REGION_ID.fullmatch(options.region):
        raise DiscoveryError(f"--region {options.region!r}: an id has up to 64 letters, digits, - and _")
    discover = discovery(options.patroni, connect_within=timedelta(seconds=options.connect_timeout_s))
    wishes = Wishes(
        project_id=_project_id(options),
        name=options.name,
        region=options.region,
        without=frozenset(options.without),
    )
    found = await discover(_dsns(options.dsns), wishes)
    text = configuration(found, ProjectNames(name=options.project_name))
    if to_file:
        write_new(text, options.output, found)
    else:
        check(text, found)
        document(text, in_toml)
    _show(found, options)


def _project_id(options: DiscoverOptions) -> ProjectId:
    if options.project_id is None:
        return project_id_of(options.project_name)
    if not _PROJECT_ID.fullmatch(options.project_id):
        raise DiscoveryError(f"--project-id {options.project_id!r}: an id has 32 letters and digits")
    return ProjectId(options.project_id)


def _dsns(arguments: Sequence[str]) -> list[Dsn]:
    """The DSNs of the command line, and those of standard input in the place of `-`."""
    dsns: list[Dsn] = []
    for number, argument in enumerate(arguments, start=1):
        if argument != "-":
            dsns.append(parse_dsn(argument, f"DSN {number}"))
            continue
        lines = [line.strip() for line in sys.stdin]
        dsns.extend(parse_dsn(line, f"line {n} of standard input") for n, line in enumerate(lines, start=1) if line)
    if not dsns:
        raise DiscoveryError("standard input has no DSN; give one a line")
    return dsns


def _show(found: Discovered, options: DiscoverOptions) -> None:
    """Say what was found and what to do next; beside a configuration on standard output it is talk."""
    instance = found.instance
    to_standard = options.output == STANDARD
    talk = tell if to_standard else say
    show(_table(found), talk=to_standard)
    talk(
        f"{instance.kind} instance {instance.name}: {instance.id}",
        f"project {options.project_name}: {instance.project_id}",
    )
    if to_standard:
        return
    config = "" if options.output == Path("vacate.toml") else f" --config {shlex.quote(str(options.output))}"
    key = options.output.parent / "vacate.key"
    # Another key in the place of one that is used would make every access key useless.
    make_key = [] if key.exists() else [f"  (umask 077; head -c 32 /dev/urandom | base64 > {shlex.quote(str(key))})"]
    say(
        "",
        f"{options.output} is written. Next:",
        *make_key,
        "  # The file gives up sessions after 15 minutes idle; its criteria say so.",
        "  # The password is what people sign in with; programs use the access key.",
        f"  vacate user add oncall --password-stdin{config}",
        f"  vacate user grant oncall --project {instance.project_id} --role operator{config}",
        f"  vacate access-key create oncall{config}",
        f"  vacate serve{config}",
    )


def _table(found: Discovered) -> Table:
    table = Table(columns=_COLUMNS)
    for server in found.servers:
        component = server.component
        table.add(
            component.id,
            component.kind,
            component.role,
            f"{server.engine} {server.version}",
            str(server.address),
            component.node_id,
        )
    return table
