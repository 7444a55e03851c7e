"""The shape of the configuration file, table by table, and what it means in the domain's words."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vacate.domain.errors import CriteriaError, SettingsError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    Labels,
    Node,
    NodeId,
    ProjectId,
)
from vacate.domain.topology.dsn import host_and_port, user_of
from vacate.inventory.static import ConfiguredInstance
from vacate.operations.access.ports import Project, Region
from vacate.operations.wanted import CriteriaShape, Entries, NetworkTexts, read_criteria, read_names, read_networks
from vacate.store.audit import Statements
from vacate.telemetry.logs import LogFormat
from vacate.webhooks.endpoints import MessageType

ProjectIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z]{32}\\Z")]
LongIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z]{36}\\Z")]
# The compatible call refuses every other form, so a component of another name could never be reached.
ComponentIdText = Annotated[str, msgspec.Meta(pattern="^(cn|dn)_[0-9a-zA-Z_]{1,61}\\Z")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
NameText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
RegionIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z][0-9a-zA-Z_-]{0,63}\\Z")]
Failures = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Connections = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Rate = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
ShardText = Annotated[str, msgspec.Meta(pattern="^[0-9]{0,20}\\Z")]
EndpointNameText = Annotated[str, msgspec.Meta(pattern="^[0-9a-z][0-9a-z_-]{0,63}\\Z")]
# Capitals only, so that a secret in the place of the name is refused, and not repeated.
VariableText = Annotated[str, msgspec.Meta(pattern="^([A-Z_][A-Z0-9_]{0,127})?\\Z")]
OwnerTagText = Annotated[str, msgspec.Meta(pattern="^[^\\s=,;/()\\[\\]{}<>]{0,32}\\Z")]
ChargeMode = Literal["postPaid", "prePaid"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. A key it does not know is a mistake, not a comment."""


class ServiceSection(Section, frozen=True):
    """`[service]`: where Vacate listens."""

    host: str = "127.0.0.1"
    port: Port = 8686
    health_listen: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    log_level: LogLevel = "info"
    log_format: LogFormat = LogFormat.JSON
    endpoint: str = ""


class ConnectionsSection(Section, frozen=True):
    """`[connections]`: how many callers may be connected at once, and how long a peer is waited for."""

    most: Connections = 2000
    unproven: Connections = 500
    unproven_per_source: Connections = 100
    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    open_files: Connections = 65_536
    files_aside: Connections = 256
    handshake_within: str = "10s"
    read_within: str = "10s"
    stop_within: str = "60s"
    log_lines: Rate = 10


class AccessSection(Section, frozen=True):
    """`[access]`: how often somebody may try, and how much a caller may ask for."""

    lockout: bool = True
    lockout_after: Failures = 5
    lockout_for: str = "5min"
    requests_per_second: Rate = 200
    sign_ins_per_second: Rate = 10


class StoreSection(Section, frozen=True):
    """`[store]`: where Vacate keeps its own state, and the key that seals the secrets in it."""

    url: str = "sqlite:///vacate.db"
    secret_key_file: Path | None = None


class AuditSection(Section, frozen=True):
    """`[audit]`: what the audit keeps, for how long, and where its last event is anchored."""

    statements: Statements = Statements.OFF
    anchor_file: Path | None = None
    key_file: Path | None = None
    keep: str = ""


class PlansSection(Section, frozen=True):
    """`[plans]`: how long a plan may be applied, and for how long it can be looked at afterwards."""

    expire_after: str = "10min"
    keep: str = "30d"


class SweepSection(Section, frozen=True):
    """`[sweep]`: time limits of a sweep."""

    connect_timeout: str = "5s"
    gauss_connect_timeout: str = "15s"
    statement_timeout: str = "10s"
    signal_for: str = "45s"
    confirm_for: str = "5s"
    busy_after: str = "10s"
    check_every: str = "5s"


class WatchSection(Section, frozen=True):
    """`[watch]`: how sessions are listed and counted."""

    slow_statement: str = "1s"
    answer_within: str = "10s"
    census_every: str = "15s"


class CriteriaSection(CriteriaShape, frozen=True):
    """`[projects.instances.criteria]`: which sessions the instance gives up."""


class GuardsSection(Section, frozen=True):
    """`[projects.instances.guards]`: what is protected beyond the defaults, and which defaults are off."""

    users: Entries = ()
    applications: Entries = ()
    databases: Entries = ()
    clients: NetworkTexts = ()
    off: tuple[GuardName, ...] = ()


class ComponentSection(Section, frozen=True):
    """`[[projects.instances.nodes.components]]`: one server."""

    id: ComponentIdText
    kind: ComponentKind
    role: ComponentRole
    dsn: str
    shard: ShardText = ""


class NodeSection(Section, frozen=True):
    """`[[projects.instances.nodes]]`."""

    id: LongIdText
    components: tuple[ComponentSection, ...]
    name: str = ""
    availability_zone: str = ""


class LabelsSection(Section, frozen=True):
    """`[projects.instances.labels]`: what lists of instances are filtered by. Vacate itself reads none of it."""

    vpc_id: str = ""
    subnet_id: str = ""
    charge_mode: ChargeMode = "postPaid"
    tags: dict[str, str] = {}


class InstanceSection(Section, frozen=True):
    """`[[projects.instances]]`."""

    id: LongIdText
    name: str
    nodes: tuple[NodeSection, ...]
    labels: LabelsSection = LabelsSection()
    criteria: CriteriaSection = CriteriaSection()
    guards: GuardsSection = GuardsSection()


class WebhookSection(Section, frozen=True):
    """`[[webhooks]]`: who is told of sessions that are ended, by which secret, and of which of them.

    The secret itself is never in the file. No owners stand for everybody, `""` for sessions without an owner.
    """

    name: EndpointNameText
    url: str
    secret_env: VariableText = ""
    secret_file: Path | None = None
    events: Annotated[tuple[MessageType, ...], msgspec.Meta(min_length=1)] = tuple(MessageType)
    owners: tuple[str, ...] = ()
    timeout: str = "10s"
    allow_plain: bool = False
    ca_file: Path | None = None

    def __repr__(self) -> str:
        """Without the URL, which may hold a token."""
        return f"WebhookSection(name={self.name!r})"


class OwnersSection(Section, frozen=True):
    """`[owners]`: how the owner of a session is told, by its application's tag and by its role."""

    tag: OwnerTagText = "owner"
    roles: dict[str, NameText] = {}


class RegionSection(Section, frozen=True):
    """`[[regions]]`: what clients name instead of an address."""

    id: RegionIdText
    name: str = ""
    endpoint: str = ""


class ProjectSection(Section, frozen=True):
    """`[[projects]]`. `name` is what signs in by name use, and what clients look for that only know a region."""

    id: ProjectIdText
    name: str
    region: str | None = None
    domain: NameText = "default"
    instances: tuple[InstanceSection, ...] = ()


class Settings(Section, frozen=True):
    """The whole file."""

    service: ServiceSection = ServiceSection()
    connections: ConnectionsSection = ConnectionsSection()
    access: AccessSection = AccessSection()
    store: StoreSection = StoreSection()
    audit: AuditSection = AuditSection()
    plans: PlansSection = PlansSection()
    sweep: SweepSection = SweepSection()
    watch: WatchSection = WatchSection()
    owners: OwnersSection = OwnersSection()
    webhooks: tuple[WebhookSection, ...] = ()
    regions: tuple[RegionSection, ...] = ()
    projects: tuple[ProjectSection, ...] = ()

    def configured_instances(self) -> tuple[ConfiguredInstance, ...]:
        """The instances in the domain's own words."""
        return tuple(
            _instance(project, entry, self.region_of(project))
            for project in self.projects
            for entry in project.instances
        )

    def servers(self) -> dict[Component, str]:
        """Every component with the DSN of its server."""
        return {
            _component(project, instance, node, entry): entry.dsn
            for project in self.projects
            for instance in project.instances
            for node in instance.nodes
            for entry in node.components
        }

    def own_users(self) -> frozenset[str]:
        """The roles that Vacate logs in as: at the components' servers, and at its own store's."""
        dsns = (*self.servers().values(), self.store.url)
        return frozenset(filter(None, map(user_of, dsns)))

    def project_ids(self) -> dict[str, ProjectId]:
        """Project ids by project name."""
        return {project.name: ProjectId(project.id) for project in self.projects}

    def region_of(self, project: ProjectSection) -> str:
        """A project's region: the one it names, else the one it is named after, else the first one."""
        if project.region is not None:
            return project.region
        ids = [region.id for region in self.regions]
        return project.name if project.name in ids else next(iter(ids), "")

    def known_projects(self) -> tuple[Project, ...]:
        """The projects as they are told to their users."""
        return tuple(
            Project(id=ProjectId(p.id), name=p.name, domain=p.domain, region=self.region_of(p)) for p in self.projects
        )

    def known_regions(self) -> tuple[Region, ...]:
        """The regions as they are told to everybody who is proved."""
        return tuple(Region(id=r.id, name=r.name, endpoint=r.endpoint.rstrip("/")) for r in self.regions)


def _instance(project: ProjectSection, entry: InstanceSection, region: str) -> ConfiguredInstance:
    return ConfiguredInstance(
        instance=Instance(
            project_id=ProjectId(project.id),
            id=InstanceId(entry.id),
            name=entry.name,
            components=tuple(_component(project, entry, node, c) for node in entry.nodes for c in node.components),
            nodes=tuple(_node(node) for node in entry.nodes),
            region=region,
            port=_port(entry),
            labels=Labels(
                vpc_id=entry.labels.vpc_id,
                subnet_id=entry.labels.subnet_id,
                charge_mode=entry.labels.charge_mode,
                tags=tuple(entry.labels.tags.items()),
            ),
        ),
        criteria=_criteria(entry),
        guards=_guards(entry),
    )


def _node(section: NodeSection) -> Node:
    """A node without a name of its own is called by its id. Its address is its first component's."""
    host, _ = host_and_port(section.components[0].dsn) if section.components else ("", 0)
    return Node(
        id=NodeId(section.id),
        name=section.name or section.id,
        availability_zone=section.availability_zone,
        address=host,
    )


def _port(section: InstanceSection) -> int:
    """Where clients go: a coordinator's port, and without coordinators the primary's."""
    components = [c for node in section.nodes for c in node.components]
    coordinators = [c for c in components if c.kind is ComponentKind.COORDINATOR]
    entrances = coordinators or [c for c in components if c.role is ComponentRole.PRIMARY]
    return host_and_port(entrances[0].dsn)[1] if entrances else 0


def _criteria(entry: InstanceSection) -> Criteria:
    try:
        return read_criteria(entry.criteria, "criteria")
    except CriteriaError as error:
        raise SettingsError(f"instance {entry.name}: {error}") from error


def _guards(entry: InstanceSection) -> GuardSettings:
    written = entry.guards
    try:
        return GuardSettings(
            users=frozenset(read_names(written.users, "guards.users", "user")),
            applications=frozenset(read_names(written.applications, "guards.applications", "application")),
            databases=frozenset(read_names(written.databases, "guards.databases", "database")),
            clients=frozenset(read_networks(written.clients, "guards.clients")),
            off=frozenset(written.off),
        )
    except CriteriaError as error:
        raise SettingsError(f"instance {entry.name}: {error}") from error


def _component(
    project: ProjectSection, instance: InstanceSection, node: NodeSection, entry: ComponentSection
) -> Component:
    return Component(
        project_id=ProjectId(project.id),
        instance_id=InstanceId(instance.id),
        node_id=NodeId(node.id),
        id=ComponentId(entry.id),
        kind=entry.kind,
        role=entry.role,
        shard=entry.shard,
    )
