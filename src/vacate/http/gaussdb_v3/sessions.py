"""Sessions of one component: list them, end the idle ones, end those that are named."""

from starlette.responses import Response

from vacate.api.gaussdb_v3.reports import ended, outcomes
from vacate.api.gaussdb_v3.session_rows import session_row
from vacate.api.gaussdb_v3.sessions import (
    KilledResponse,
    KillFreeSessionRequest,
    KillFreeSessionResponse,
    KillSessionRequest,
    RealTimeSessionRequest,
    RealTimeSessionResponse,
    SessionQuery,
)
from vacate.domain.sessions.activity import ActivityFilter
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_body, place_of, session_ids, spelt
from vacate.http.gaussdb_v3.served import Served

# --- kill-free-session -----------------------------------------------------------------------------------------------


async def kill_free_session(served: Served, call: Call) -> Response:
    """End the idle sessions."""
    place = await place_of(served, call)
    target = place.target(decode_body(call.presented.body, KillFreeSessionRequest))
    report = await spelt(target, served.kill_idle(call.actor, target))
    return json_response(KillFreeSessionResponse(success=report.succeeded), headers=outcomes(report))


# --- kill-session ----------------------------------------------------------------------------------------------------


async def kill_session(served: Served, call: Call) -> Response:
    """End the named sessions."""
    place = await place_of(served, call)
    request = decode_body(call.presented.body, KillSessionRequest)
    target, ids = place.target(request), session_ids(request.session_ids)
    report = await spelt(target, served.kill_sessions(call.actor, target, ids))
    answer = KilledResponse(session_ids=ended(report), success=report.succeeded)
    return json_response(answer, headers=outcomes(report))


# --- real-time-session -----------------------------------------------------------------------------------------------


async def real_time_session(served: Served, call: Call) -> Response:
    """List the sessions that have a client address."""
    place = await place_of(served, call)
    request = decode_body(call.presented.body, RealTimeSessionRequest)
    target, asked = place.target(request), request.query_info or SessionQuery()
    wanted = ActivityFilter(
        database=asked.database_name or None,
        client_address=asked.client_ip or None,
        user=asked.user_name or None,
    )
    activities = await spelt(target, served.list_sessions(call.actor, target, wanted))
    rows = [session_row(activity, target.component_id) for activity in activities]
    return json_response(RealTimeSessionResponse(sessions=rows))
