"""Open transactions of one component: list them, end the sessions that are in them, say what ends by itself."""

from datetime import timedelta

from starlette.responses import Response

from vacate.api.gaussdb_v3.fields import page
from vacate.api.gaussdb_v3.reports import ended, outcomes
from vacate.api.gaussdb_v3.sessions import KilledResponse
from vacate.api.gaussdb_v3.transactions import (
    AutoKillConfig,
    AutoKillQuery,
    KillTransactionsRequest,
    ListTransactionsRequest,
    ListTransactionsResponse,
    TransactionQuery,
    transaction_row,
)
from vacate.domain.sessions.activity import TransactionFilter
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_body, decode_query, place_of, session_ids, spelt
from vacate.http.gaussdb_v3.served import Served

# --- transactions/list -----------------------------------------------------------------------------------------------


async def list_transactions(served: Served, call: Call) -> Response:
    """List the open transactions."""
    place = await place_of(served, call)
    request = decode_body(call.presented.body, ListTransactionsRequest)
    target, asked = place.target(request), request.transaction_query_info or TransactionQuery()
    wanted = TransactionFilter(
        open_at_least=timedelta(seconds=int(asked.exec_time)),
        log_volume_at_least=int(asked.xlog_quantity),
        databases=asked.datnames,
        users=asked.usenames,
        client_addresses=asked.client_addrs,
    )
    found = await spelt(target, served.list_transactions(call.actor, target, wanted))
    rows = [transaction_row(activity) for activity in page(found, offset=request.offset, limit=request.limit)]
    return json_response(ListTransactionsResponse(total=len(found), rows=rows))


# --- transactions/kill -----------------------------------------------------------------------------------------------


async def kill_transactions(served: Served, call: Call) -> Response:
    """End the named sessions that are in a transaction."""
    place = await place_of(served, call)
    request = decode_body(call.presented.body, KillTransactionsRequest)
    target, ids = place.target(request), session_ids(request.session_ids)
    report = await spelt(target, served.kill_transactions(call.actor, target, ids))
    answer = KilledResponse(session_ids=ended(report), success=report.succeeded)
    return json_response(answer, headers=outcomes(report))


# --- transactions/get-auto-kill-config -------------------------------------------------------------------------------


# The one database that the vendor's automatic kill never touches, so it is not offered either.
_NEVER = "postgres"


async def auto_kill_config(served: Served, call: Call) -> Response:
    """Say that nothing ends by itself."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, AutoKillQuery)
    names = await served.list_databases(call.actor, place.project_id, place.instance_id)
    return json_response(
        AutoKillConfig(
            type=asked.type,
            usernames=[],
            threshold=0,
            auto_stop=False,
            database_names=[name for name in names if name != _NEVER],
            database_names_select=[],
        )
    )
