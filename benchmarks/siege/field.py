"""Where a siege takes place: a real server, and services with their default settings."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.siege.figures import Scale
from benchmarks.siege.probes import Killer
from benchmarks.stage import INSTANCE, PROJECT, Caller, component_id, node_id
from tests.support.postgres import LiveServer
from tests.support.service import (
    Key,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    RunningService,
    ServiceFailedError,
    Site,
    configuration,
    eventually,
)
from vacate.domain.access.identity import Role

USER, PASSWORD = "sieged", "a password that nobody guesses"
KILLED = component_id(0)
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A server, the folder where services live, and how large the siege is."""

    server: LiveServer
    folder: Path
    scale: Scale
    endings: list[str] = field(default_factory=list[str])
    """Services that did not end well when they were told to."""

    @contextmanager
    def serving(
        self, name: str, *, others: Sequence[str] = (), access: Mapping[str, object] | None = None
    ) -> Generator[tuple[Caller, Killer]]:
        """Run a service until the block ends; the component that is killed on is ready by then.

        Args:
            name: What its folder is called.
            others: DSNs of further components.
            access: What is not as by default in `[access]`.
        """
        folder = self.folder / name
        folder.mkdir()
        components = [
            PlannedComponent(node_id=node_id(number), id=component_id(number), dsn=dsn)
            for number, dsn in enumerate((self.server.dsn(), *others))
        ]
        instance = PlannedInstance(id=INSTANCE, name="besieged", components=components)
        text = configuration(
            [PlannedProject(id=PROJECT, name="siege", instances=[instance])], sweep={}, access=access or {}
        )
        site = Site(folder, text)
        key = site.add_user(USER, project_id=PROJECT, role=Role.OPERATOR, password=PASSWORD)
        over = False
        try:
            with site.serving() as service:
                yield self._ready(service, key)
                over = True
        except ServiceFailedError as error:
            if not over:
                raise
            # What was measured before stands.
            self.endings.append(f"{name}: {str(error)[:300]}")

    def _ready(self, service: RunningService, key: Key) -> tuple[Caller, Killer]:
        caller = Caller(service=service, key=key)
        killer = Killer(caller=caller, server=self.server)
        eventually(lambda: _is_ready(service), within_s=_PATIENCE_S)
        # The first time anybody does something is not what is measured.
        killer.kills(2)
        killer.problems.clear()
        return caller, killer


def _is_ready(service: RunningService) -> bool:
    """Whether the component that is killed on can be swept."""
    _, content = service.get("/readyz")
    return any(entry["component_id"] == KILLED and entry["ready"] for entry in content["components"])


def log_bytes(caller: Caller) -> int:
    """How much the service has logged."""
    return caller.service.log_path.stat().st_size
