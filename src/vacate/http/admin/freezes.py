"""The freeze switch of an instance: on, off, and what stands."""

from starlette.responses import Response

from vacate.api.admin.errors import BodyInvalidError
from vacate.api.admin.freezes import FreezeList, FreezeRequest, TurnedAnswer, freeze_row
from vacate.domain.texts import unfit
from vacate.domain.topology.components import InstanceId
from vacate.http.admin.reading import NoQuery, admitted, decode_body
from vacate.http.admin.served import Served
from vacate.http.answers import json_response
from vacate.http.gate import Call


async def list_freezes(served: Served, call: Call) -> Response:
    """List what is frozen."""
    project, _ = await admitted(served, call, NoQuery)
    found = await served.standing(call.actor, project)
    return json_response(FreezeList(freezes=[freeze_row(freeze) for freeze in found]))


async def freeze(served: Served, call: Call) -> Response:
    """Freeze an instance."""
    project, _ = await admitted(served, call, NoQuery)
    asked = decode_body(call.presented.body, FreezeRequest)
    if problem := unfit(asked.reason):
        raise BodyInvalidError(f"the reason cannot be kept as it is: {problem} - at `$.reason`")
    turned = await served.freeze(call.actor, project, InstanceId(call.path["instance_id"]), asked.reason.strip())
    return json_response(
        TurnedAnswer(
            changed=turned.changed,
            freeze=turned.stood and freeze_row(turned.stood),
            audit="written" if turned.written else "waiting",
        )
    )


async def thaw(served: Served, call: Call) -> Response:
    """Freeze an instance no longer."""
    project, _ = await admitted(served, call, NoQuery)
    turned = await served.thaw(call.actor, project, InstanceId(call.path["instance_id"]))
    return json_response(
        TurnedAnswer(changed=turned.changed, freeze=turned.stood and freeze_row(turned.stood), audit="written")
    )
