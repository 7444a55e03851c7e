"""The shape of the configuration file, table by table, and what it means in the domain's words."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vacate.domain.criteria import Criteria, Selection
from vacate.domain.guards import GuardName, GuardSettings
from vacate.domain.topology import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    NodeId,
    ProjectId,
)
from vacate.inventory.static import ConfiguredInstance
from vacate.settings.durations import duration

ProjectIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z]{32}\\Z")]
LongIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z]{36}\\Z")]
# The compatible call refuses every other form, so a component of another name could never be reached.
ComponentIdText = Annotated[str, msgspec.Meta(pattern="^(cn|dn)_[0-9a-zA-Z_]{1,61}\\Z")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. A key it does not know is a mistake, not a comment."""


class ServiceSection(Section, frozen=True):
    """`[service]`: where Vacate listens."""

    host: str = "127.0.0.1"
    port: Port = 8686
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    log_level: LogLevel = "info"


class StoreSection(Section, frozen=True):
    """`[store]`: where Vacate keeps its own state, and the key that seals the secrets in it."""

    url: str = "sqlite:///vacate.db"
    secret_key_file: Path | None = None


class SweepSection(Section, frozen=True):
    """`[sweep]`: time limits of a sweep."""

    connect_timeout: str = "5s"
    statement_timeout: str = "10s"
    signal_for: str = "45s"
    confirm_for: str = "5s"
    busy_after: str = "10s"
    check_every: str = "5s"


class SelectionSection(Section, frozen=True):
    """`include` and `exclude` of one kind of name. No `include` leaves the choice open; an empty one selects nobody."""

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()


class CriteriaSection(Section, frozen=True):
    """`[projects.instances.criteria]`: which idle sessions the instance gives up."""

    min_idle: str = "0s"
    users: SelectionSection = SelectionSection()
    databases: SelectionSection = SelectionSection()
    applications: SelectionSection = SelectionSection()


class GuardsSection(Section, frozen=True):
    """`[projects.instances.guards]`: what is protected beyond the defaults, and which defaults are off."""

    users: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    off: tuple[GuardName, ...] = ()


class ComponentSection(Section, frozen=True):
    """`[[projects.instances.nodes.components]]`: one server."""

    id: ComponentIdText
    kind: ComponentKind
    role: ComponentRole
    dsn: str


class NodeSection(Section, frozen=True):
    """`[[projects.instances.nodes]]`."""

    id: LongIdText
    components: tuple[ComponentSection, ...]


class InstanceSection(Section, frozen=True):
    """`[[projects.instances]]`."""

    id: LongIdText
    name: str
    nodes: tuple[NodeSection, ...]
    criteria: CriteriaSection = CriteriaSection()
    guards: GuardsSection = GuardsSection()


class ProjectSection(Section, frozen=True):
    """`[[projects]]`. `name` is what signs in by name and region use."""

    id: ProjectIdText
    name: str
    instances: tuple[InstanceSection, ...] = ()


class Settings(Section, frozen=True):
    """The whole file."""

    service: ServiceSection = ServiceSection()
    store: StoreSection = StoreSection()
    sweep: SweepSection = SweepSection()
    projects: tuple[ProjectSection, ...] = ()

    def configured_instances(self) -> tuple[ConfiguredInstance, ...]:
        """The instances in the domain's own words."""
        return tuple(_instance(project, entry) for project in self.projects for entry in project.instances)

    def servers(self) -> dict[Component, str]:
        """Every component with the DSN of its server."""
        return {
            _component(project, instance, node, entry): entry.dsn
            for project in self.projects
            for instance in project.instances
            for node in instance.nodes
            for entry in node.components
        }

    def project_ids(self) -> dict[str, ProjectId]:
        """Project ids by project name."""
        return {project.name: ProjectId(project.id) for project in self.projects}


def _instance(project: ProjectSection, entry: InstanceSection) -> ConfiguredInstance:
    criteria = entry.criteria
    return ConfiguredInstance(
        instance=Instance(
            project_id=ProjectId(project.id),
            id=InstanceId(entry.id),
            name=entry.name,
            components=tuple(_component(project, entry, node, c) for node in entry.nodes for c in node.components),
        ),
        criteria=Criteria(
            min_idle=duration(criteria.min_idle, f"criteria.min_idle of instance {entry.name}"),
            users=_selection(criteria.users),
            databases=_selection(criteria.databases),
            applications=_selection(criteria.applications),
        ),
        guards=GuardSettings(
            users=frozenset(entry.guards.users),
            applications=frozenset(entry.guards.applications),
            off=frozenset(entry.guards.off),
        ),
    )


def _selection(section: SelectionSection) -> Selection:
    return Selection(include=section.include, exclude=section.exclude)


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
    )
