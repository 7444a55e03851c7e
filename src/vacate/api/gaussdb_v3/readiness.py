"""What the last checks of an instance's components say, in the words of the contract."""

from dataclasses import dataclass
from typing import Literal

from vacate.domain.topology.components import Component, ComponentKind, ComponentRole, Node
from vacate.domain.topology.health import InstanceState

ComponentStatus = Literal["Primary", "Normal", "Down", "Standby"]
NodeStatusName = Literal["normal", "abnormal"]
RoleName = Literal["master", "slave"]

_NEVER_CHECKED = "not checked yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The checks of one instance. A component without a check is not ready."""

    state: InstanceState

    def problem(self, component: Component) -> str | None:
        """Why a component is not ready; `None` when it is."""
        checks = (check.problem for check in self.state.components if check.component == component)
        return next(checks, _NEVER_CHECKED)

    def ready(self, component: Component) -> bool:
        """Whether the component could be swept at its last check."""
        return self.problem(component) is None

    def status(self, component: Component) -> ComponentStatus:
        """What the contract calls the state of a component."""
        if not self.ready(component):
            return "Down"
        if component.kind is ComponentKind.COORDINATOR:
            return "Normal"
        return "Primary" if component.role is ComponentRole.PRIMARY else "Standby"

    def detail(self, component: Component) -> str:
        """`Normal`, or what is wrong and what to do about it."""
        return self.problem(component) or "Normal"

    def whole(self, node: Node) -> bool:
        """Whether all components of a node are ready."""
        return all(self.ready(component) for component in self.state.instance.on(node.id))


def role(component: Component) -> RoleName:
    """What the contract calls a component's role."""
    return "master" if component.role is ComponentRole.PRIMARY else "slave"


def node_status(readiness: Readiness, node: Node) -> NodeStatusName:
    """What the contract calls the state of a node."""
    return "normal" if readiness.whole(node) else "abnormal"
