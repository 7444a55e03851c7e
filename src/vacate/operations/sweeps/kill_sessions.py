"""End the sessions that the caller names by id, whatever they do. How is in `sweep`."""

from collections.abc import Sequence
from dataclasses import dataclass

from vacate.domain.access.identity import Actor
from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.guards import WAIVED_WHEN_NAMED
from vacate.domain.judging.judge import judge_named
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.report import Report, Verb
from vacate.domain.topology.components import Target
from vacate.operations.sweeps.sweep import Sweep, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSessions:
    """The operation over a sweep; call it with an actor, a target and ids."""

    sweep: Sweep

    async def __call__(self, actor: Actor, target: Target, session_ids: tuple[int, ...]) -> Report:
        """End the named sessions of the target, busy ones too, and say what became of each.

        An id names whoever has it when the sweep looks; from then on the session is held to its start as well.
        An id that nobody has is `absent` in the report, and one that is given twice counts once.

        Raises:
            What `Sweep.run` raises; after any of it nothing was ended.
        """
        task = Task(
            verb=Verb.KILL_NAMED,
            intended=AuditAction.KILL_NAMED_INTENDED,
            finished=AuditAction.KILL_NAMED_FINISHED,
            refused=AuditAction.KILL_NAMED_REFUSED,
            judge=_judge,
            named=tuple(dict.fromkeys(session_ids)),
            waived=WAIVED_WHEN_NAMED,
        )
        return await self.sweep.run(actor, target, task)


def _judge(
    sessions: Sequence[Session], _: Criteria, guards: GuardSettings, surroundings: Surroundings
) -> tuple[Verdict, ...]:
    return judge_named(sessions, guards, surroundings)
