"""Plans as they are kept: the victims are one text, how far each component has come is a row of its own."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from vacate.store.tables import metadata
from vacate.store.types import AnyText, UtcDateTime

plans = Table(
    "plans",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("project_id", AnyText, nullable=False),
    # NULL stands for all of them.
    Column("instance_id", AnyText),
    Column("node_id", AnyText),
    Column("component_id", AnyText),
    # As they were written, in JSON; NULL where each instance's own hold.
    Column("criteria", AnyText),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("by", AnyText, nullable=False),
    Column("request_id", AnyText, nullable=False),
    # A JSON list of the planned components with their victims. It is written once and read in whole.
    Column("components", Text, nullable=False),
    Column("stage", AnyText, nullable=False, index=True),
    # Who holds the plan while it is applied: the request id of the call, or whoever took over from it.
    Column("claim", AnyText),
    Column("held_at", UtcDateTime),
    Column("stop_by", AnyText),
    Column("applied_by", AnyText),
    Column("applied_request_id", AnyText),
    Column("applied_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index(None, "project_id", "made_at"),
)

plan_lines = Table(
    "plan_lines",
    metadata,
    Column("plan_id", AnyText, ForeignKey(plans.c.id, ondelete="CASCADE"), primary_key=True),
    # The place of the component in the plan.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("stage", AnyText, nullable=False),
    # A JSON object from outcome to number.
    Column("counts", Text, nullable=False),
    Column("problem", AnyText),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
)
