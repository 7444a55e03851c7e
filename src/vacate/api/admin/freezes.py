"""The freeze switch of an instance: on, off, and what stands."""

from typing import Annotated

import msgspec
from msgspec import Meta

from vacate.api.admin.errors import OF_A_BODY
from vacate.api.admin.examples import AT
from vacate.api.admin.fields import Line, Moment
from vacate.api.gaussdb_v3.examples import INSTANCE
from vacate.api.operation import Example, Operation
from vacate.domain import errors as domain
from vacate.domain.sweeps.freezing import Freeze

_FAMILY = "Freeze switch"
_FREEZES = "/admin/v1/{project_id}/freezes"
_FREEZE = f"{_FREEZES}/{{instance_id}}"
_REASON = "migration, ask Olga"


class FreezeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze: nobody's session is ended there."""

    instance_id: Annotated[
        str | None, Meta(description="The instance; null for all of them, which only the command can turn.")
    ]
    by: Annotated[str, Meta(description="Who turned the switch.", examples=["olga"])]
    reason: Annotated[str, Meta(description="Why, in their words.", examples=[_REASON])]
    since: Annotated[Moment, Meta(description="Since when, in UTC.")]


class FreezeList(msgspec.Struct, frozen=True, kw_only=True):
    """What is frozen of the project."""

    freezes: Annotated[list[FreezeRow], Meta(description="The oldest first.")]


class TurnedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of turning the switch."""

    changed: Annotated[bool, Meta(description="Whether this call turned the switch.", examples=[True])]
    freeze: Annotated[
        FreezeRow | None,
        Meta(
            description=(
                "Turning it on: what stands now, which is the first one's where it was on already. Turning it off: "
                "what stood until now; null when nothing did."
            )
        ),
    ]
    audit: Annotated[
        str,
        Meta(
            description=(
                "`written`: the audit has it. `waiting`: it could not be written; the freeze holds all the same, and "
                "nothing is ended until the audit has it."
            ),
            extra_json_schema={"enum": ["written", "waiting"]},
        ),
    ]


class FreezeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Annotated[
        Line,
        Meta(description="Why, for everybody whose call is refused: one line.", examples=[_REASON]),
    ]


def freeze_row(freeze: Freeze) -> FreezeRow:
    """A freeze as our own door writes it."""
    return FreezeRow(instance_id=freeze.instance_id, by=freeze.by, reason=freeze.reason, since=freeze.since)


_SHOWN = Freeze(instance_id=INSTANCE, by="olga", reason=_REASON, since=AT)
_TURNED = TurnedAnswer(changed=True, freeze=freeze_row(_SHOWN), audit="written")


LIST_FREEZES = Operation(
    id="list_freezes",
    family=_FAMILY,
    title="List what is frozen",
    description="Lists the frozen instances of the project, and the switch for all instances where it is on.",
    method="GET",
    path=_FREEZES,
    response=FreezeList,
    examples=(Example(title="One frozen instance", response=FreezeList(freezes=[freeze_row(_SHOWN)])),),
)


FREEZE = Operation(
    id="freeze_instance",
    family=_FAMILY,
    title="Freeze an instance",
    description=(
        "From now on nobody's session is ended there, through whichever call or service, and a sweep that is under "
        "way stops before its next statement. An instance that is frozen already keeps what was said first."
    ),
    method="PUT",
    path=_FREEZE,
    request=FreezeRequest,
    response=TurnedAnswer,
    errors=(*OF_A_BODY, domain.InstanceUnknownError),
    examples=(Example(title="For a migration", request={"reason": _REASON}, response=_TURNED),),
)


THAW = Operation(
    id="thaw_instance",
    family=_FAMILY,
    title="Freeze an instance no longer",
    description=(
        "Turns the instance's switch off. It stays on when that cannot be written down. While all instances are "
        "frozen this one is, too. A body is not looked at."
    ),
    method="DELETE",
    path=_FREEZE,
    response=TurnedAnswer,
    errors=(domain.InstanceUnknownError, domain.AuditUnavailableError),
    examples=(Example(title="The migration is over", response=_TURNED),),
)
