"""End the named sessions that are in a transaction, as long as they are in it. How is in `sweep`."""

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
from vacate.domain.sessions.session import Demand, Session
from vacate.domain.sweeps.report import Report, Verb
from vacate.domain.topology.components import Target
from vacate.operations.sweeps.sweep import Sweep, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class KillTransactions:
    """The operation over a sweep; call it with an actor, a target and the ids of sessions."""

    sweep: Sweep

    async def __call__(self, actor: Actor, target: Target, session_ids: tuple[int, ...]) -> Report:
        """End the named sessions of the target that are in a transaction, and say what became of each.

        The server rolls the transaction back. A session that is in none is left alone, and so is one whose
        transaction ends between the look and its turn, even if it has begun another one by then.

        Raises:
            What `Sweep.run` raises; after any of it nothing was ended.
        """
        task = Task(
            verb=Verb.KILL_TRANSACTION,
            intended=AuditAction.KILL_TRANSACTION_INTENDED,
            finished=AuditAction.KILL_TRANSACTION_FINISHED,
            refused=AuditAction.KILL_TRANSACTION_REFUSED,
            judge=_judge,
            named=tuple(dict.fromkeys(session_ids)),
            waived=WAIVED_WHEN_NAMED,
        )
        return await self.sweep.run(actor, target, task)


def _judge(
    sessions: Sequence[Session], _: Criteria, guards: GuardSettings, surroundings: Surroundings
) -> tuple[Verdict, ...]:
    return judge_named(sessions, guards, surroundings, demand=Demand.SAME_TRANSACTION)
