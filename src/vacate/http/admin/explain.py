"""Why a session would be ended, or left alone."""

from starlette.responses import Response

from vacate.api.admin.errors import BodyInvalidError
from vacate.api.admin.explain import ExplainRequest, explained_answer
from vacate.http.admin.plans import criteria_text
from vacate.http.admin.reading import NoQuery, admitted, decode_body
from vacate.http.admin.served import Served
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.operations.wanted import decode_criteria_aside


async def explain(served: Served, call: Call) -> Response:
    """Explain what a sweep would do with a session."""
    project, _ = await admitted(served, call, NoQuery)
    asked = decode_body(call.presented.body, ExplainRequest)
    if (asked.session_id is None) == (asked.pid is None):
        raise BodyInvalidError("name the session by session_id or by pid, one of them - at `$.session_id`")
    text = criteria_text(asked.criteria)
    explained = await served.explain(
        call.actor,
        asked.target(project),
        session_id=asked.session_id,
        pid=asked.pid,
        criteria=None if text is None else await decode_criteria_aside(text, "criteria"),
    )
    return json_response(explained_answer(explained))
