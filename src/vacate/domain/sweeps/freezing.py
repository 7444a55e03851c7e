"""The freeze switch: while it is on, nobody's session is ended, through whichever door."""

from dataclasses import dataclass
from datetime import datetime

from vacate.domain.topology.components import InstanceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """One position of the switch: for one instance, or for all of them when `instance_id` is `None`.

    `by` is who turned it, as the machine knows them; `reason` is in their words.
    """

    instance_id: InstanceId | None
    by: str
    reason: str
    since: datetime

    def covers(self, instance_id: InstanceId) -> bool:
        """Whether it stops the sweeps of an instance."""
        return self.instance_id is None or self.instance_id == instance_id

    @property
    def scope(self) -> str:
        """What is frozen, in words."""
        return "all instances" if self.instance_id is None else f"instance {self.instance_id}"

    @property
    def thawed_by(self) -> str:
        """The command that turns this switch off."""
        return "vacate freeze off" if self.instance_id is None else f"vacate freeze off {self.instance_id}"

    def __str__(self) -> str:
        return f"{self.scope}, since {self.since:%Y-%m-%d %H:%M:%S} UTC, by {self.by}: {self.reason}"
