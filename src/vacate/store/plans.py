"""Plans: kept once, applied once, and how far each has come."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    LineStage,
    Plan,
    PlanId,
    PlannedComponent,
    PlanStage,
    PlanState,
    Scope,
)
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId
from vacate.operations.ports import Hold
from vacate.store.database import Database
from vacate.store.plan_tables import plan_lines, plans


class SqlPlans:
    """Implements `operations.ports.Plans`. A claim is one conditional UPDATE, so only one of many gets it."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def keep(self, plan: Plan) -> None:
        """Keep a new plan, open.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        lines = [
            {"plan_id": plan.id, "position": at, "stage": LineStage.WAITING.value, "counts": "{}"}
            for at, _ in enumerate(plan.components)
        ]
        async with self._database.write() as connection:
            await connection.execute(plans.insert(), _plan_row(plan))
            if lines:
                await connection.execute(plan_lines.insert(), lines)

    async def find(self, project_id: ProjectId, plan_id: PlanId) -> PlanState | None:
        """One plan of the project, or `None`.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        found = await self._read(and_(plans.c.id == plan_id, plans.c.project_id == project_id), limit=1)
        return next(iter(found), None)

    async def recent(self, project_id: ProjectId, limit: int) -> tuple[PlanState, ...]:
        """The project's last plans, the newest first.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self._read(plans.c.project_id == project_id, limit=limit)

    async def claim(self, plan_id: PlanId, application: Application) -> bool:
        """Begin the plan's one application, if it is open.

        Raises:
            StoreUnavailableError: the store cannot be written; whether it is claimed is not known then.
        """
        claimed = (
            plans.update()
            .where(plans.c.id == plan_id, plans.c.stage == PlanStage.OPEN.value)
            .values(
                stage=PlanStage.APPLYING.value,
                claim=application.request_id,
                held_at=application.started_at,
                applied_by=application.by,
                applied_request_id=application.request_id,
                applied_at=application.started_at,
            )
        )
        async with self._database.write() as connection:
            return (await connection.execute(claimed)).rowcount == 1

    async def hold(self, plan_id: PlanId, claim: str, now: datetime) -> Hold:
        """Say that whoever applies the plan is still there, and hear whether somebody wants it stopped.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        held = plans.update().where(_held(plan_id, claim)).values(held_at=now).returning(plans.c.stop_by)
        async with self._database.write() as connection:
            row = (await connection.execute(held)).one_or_none()
        return Hold(ours=row is not None, stop_by=None if row is None else row.stop_by)

    async def advance(self, plan_id: PlanId, claim: str, position: int, line: LineProgress) -> None:
        """Keep how far the component at that place in the plan has come, if the claim still holds.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        changed = (
            plan_lines.update()
            .where(
                plan_lines.c.plan_id == plan_id,
                plan_lines.c.position == position,
                select(plans.c.id).where(_held(plan_id, claim)).exists(),
            )
            .values(
                stage=line.stage.value,
                counts=msgspec.json.encode(dict(line.counts)).decode(),
                problem=line.problem,
                started_at=line.started_at,
                finished_at=line.finished_at,
            )
        )
        async with self._database.write() as connection:
            await connection.execute(changed)

    async def finish(self, plan_id: PlanId, claim: str, stage: PlanStage, now: datetime) -> bool:
        """End the application.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        ended = plans.update().where(_held(plan_id, claim)).values(stage=stage.value, finished_at=now)
        async with self._database.write() as connection:
            return (await connection.execute(ended)).rowcount == 1

    async def ask_to_stop(self, plan_id: PlanId, by: str) -> bool:
        """Have a plan stopped that is being applied.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        asked = (
            plans.update().where(plans.c.id == plan_id, plans.c.stage == PlanStage.APPLYING.value).values(stop_by=by)
        )
        async with self._database.write() as connection:
            return (await connection.execute(asked)).rowcount == 1

    async def heartbeats(self) -> Mapping[PlanId, datetime]:
        """The last heartbeat of every plan that is being applied.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        chosen = select(plans.c.id, plans.c.held_at).where(plans.c.stage == PlanStage.APPLYING.value)
        async with self._database.read() as connection:
            return {PlanId(row.id): row.held_at for row in await connection.execute(chosen)}

    async def take_over(self, plan_id: PlanId, held_at: datetime, claim: str, now: datetime) -> PlanState | None:
        """Claim a plan that is being applied, if this is still its last heartbeat.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        left = and_(plans.c.id == plan_id, plans.c.stage == PlanStage.APPLYING.value, plans.c.held_at == held_at)
        taken = plans.update().where(left).values(claim=claim, held_at=now)
        async with self._database.write() as connection:
            if not (await connection.execute(taken)).rowcount:
                return None
        return next(iter(await self._read(plans.c.id == plan_id)), None)

    async def forget(self, expired_before: datetime) -> int:
        """Remove plans whose time is over since then, except one that is still being applied.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        old = and_(plans.c.expires_at < expired_before, plans.c.stage != PlanStage.APPLYING.value)
        async with self._database.write() as connection:
            return (await connection.execute(plans.delete().where(old))).rowcount

    async def _read(self, chosen: ColumnElement[bool], *, limit: int | None = None) -> tuple[PlanState, ...]:
        newest_first = select(plans).where(chosen).order_by(plans.c.made_at.desc(), plans.c.id).limit(limit)
        async with self._database.read() as connection:
            rows = (await connection.execute(newest_first)).mappings().all()
            return tuple([_state(row, await _lines(connection, row["id"])) for row in rows])


def _held(plan_id: PlanId, claim: str) -> ColumnElement[bool]:
    return and_(plans.c.id == plan_id, plans.c.claim == claim, plans.c.stage == PlanStage.APPLYING.value)


async def _lines(connection: AsyncConnection, plan_id: str) -> Sequence[RowMapping]:
    chosen = select(plan_lines).where(plan_lines.c.plan_id == plan_id).order_by(plan_lines.c.position)
    return (await connection.execute(chosen)).mappings().all()


def _plan_row(plan: Plan) -> dict[str, object]:
    return {
        "id": plan.id,
        "project_id": plan.scope.project_id,
        "instance_id": plan.scope.instance_id,
        "node_id": plan.scope.node_id,
        "component_id": plan.scope.component_id,
        "criteria": plan.criteria,
        "made_at": plan.made_at,
        "expires_at": plan.expires_at,
        "by": plan.by,
        "request_id": plan.request_id,
        "components": msgspec.json.encode(plan.components).decode(),
        "stage": PlanStage.OPEN.value,
    }


def _components(text: str) -> tuple[PlannedComponent, ...]:
    return msgspec.json.decode(text, type=tuple[PlannedComponent, ...])


def _state(row: RowMapping, lines: Sequence[RowMapping]) -> PlanState:
    components = _components(row["components"])
    plan = Plan(
        id=PlanId(row["id"]),
        scope=Scope(
            project_id=ProjectId(row["project_id"]),
            instance_id=None if row["instance_id"] is None else InstanceId(row["instance_id"]),
            node_id=None if row["node_id"] is None else NodeId(row["node_id"]),
            component_id=None if row["component_id"] is None else ComponentId(row["component_id"]),
        ),
        criteria=row["criteria"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        by=row["by"],
        request_id=row["request_id"],
        components=components,
    )
    application = None
    if row["applied_at"] is not None:
        application = Application(
            by=row["applied_by"],
            request_id=row["applied_request_id"],
            started_at=row["applied_at"],
            finished_at=row["finished_at"],
        )
    return PlanState(
        plan=plan,
        stage=PlanStage(row["stage"]),
        application=application,
        lines=tuple(_progress(planned, line) for planned, line in zip(components, lines, strict=True)),
    )


def _progress(planned: PlannedComponent, row: RowMapping) -> LineProgress:
    return LineProgress(
        component=planned.component,
        stage=LineStage(row["stage"]),
        counts=msgspec.json.decode(row["counts"], type=dict[Outcome, int]),
        problem=row["problem"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
