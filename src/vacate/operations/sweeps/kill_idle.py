"""The main job: end the idle sessions of one component, and none that is not idle. How is in `sweep`."""

from dataclasses import dataclass

from vacate.domain.access.identity import Actor
from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.judge import judge
from vacate.domain.sweeps.report import Report, Verb
from vacate.domain.topology.components import Target
from vacate.operations.sweeps.sweep import Sweep, Task

_TASK = Task(
    verb=Verb.KILL_IDLE,
    intended=AuditAction.KILL_IDLE_INTENDED,
    finished=AuditAction.KILL_IDLE_FINISHED,
    refused=AuditAction.KILL_IDLE_REFUSED,
    judge=judge,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillIdle:
    """The operation over a sweep; call it with an actor and a target."""

    sweep: Sweep

    async def __call__(self, actor: Actor, target: Target) -> Report:
        """End the idle sessions of the target, and say what became of every session.

        Raises:
            What `Sweep.run` raises; after any of it nothing was ended.
        """
        return await self.sweep.run(actor, target, _TASK)
