"""Sums over the sessions of an instance: every client session of every component, but the one that asks."""

from itertools import chain

from msgspec import UNSET
from starlette.responses import Response

from vacate.api.gaussdb_v3.fields import Paging, page
from vacate.api.gaussdb_v3.statistics import (
    DimensionShare,
    SessionOverview,
    SessionStatistics,
    SessionStatisticsQuery,
    TopSql,
    TopSqlStatistics,
    WaitEvent,
    WaitEventStatistics,
)
from vacate.domain.sessions.activity import Dimension, Share, overview, shares, statement_shares, wait_shares
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_query, place_of
from vacate.http.gaussdb_v3.served import Served

# --- session-overview ------------------------------------------------------------------------------------------------


async def session_overview(served: Served, call: Call) -> Response:
    """Count the sessions."""
    place = await place_of(served, call)
    surveyed = await served.survey(call.actor, place.project_id, place.instance_id)
    counted = overview(chain.from_iterable(found.activities for found in surveyed), served.slow_after)
    return json_response(
        SessionOverview(
            active_num=str(counted.active),
            total_num=str(counted.total),
            slow_sql_num=str(counted.slow),
            lock_num=str(counted.waiting_for_lock),
        )
    )


# --- session-statistics ----------------------------------------------------------------------------------------------

_DIMENSIONS = {
    "usename": Dimension.USER,
    "client_addr": Dimension.CLIENT_ADDRESS,
    "datname": Dimension.DATABASE,
}


async def session_statistics(served: Served, call: Call) -> Response:
    """Count the sessions by name."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, SessionStatisticsQuery)
    surveyed = await served.survey(call.actor, place.project_id, place.instance_id)
    activities = chain.from_iterable(found.activities for found in surveyed)
    counted = _ordered(shares(activities, _DIMENSIONS[asked.dimension]), asked)
    rows = [
        DimensionShare(name=share.name, active_num=str(share.active), total_num=str(share.total))
        for share in page(counted, offset=asked.offset, limit=asked.limit)
    ]
    return json_response(SessionStatistics(total=len(counted), statistics_list=rows))


def _ordered(found: tuple[Share, ...], asked: SessionStatisticsQuery) -> list[Share]:
    backwards = asked.order == "DESC"
    if asked.order_field is UNSET:
        return sorted(found, key=lambda share: share.name, reverse=backwards)
    by_name = sorted(found, key=lambda share: share.name)
    if asked.order_field == "active_num":
        return sorted(by_name, key=lambda share: share.active, reverse=backwards)
    return sorted(by_name, key=lambda share: share.total, reverse=backwards)


# --- top-sql ---------------------------------------------------------------------------------------------------------


async def top_sql(served: Served, call: Call) -> Response:
    """Count the sessions by statement."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, Paging)
    counted = statement_shares(await served.survey(call.actor, place.project_id, place.instance_id))
    rows = [
        TopSql(
            node_name=share.component.id,
            unique_sql_id=str(share.statement_id),
            query=share.query,
            count=share.sessions,
        )
        for share in page(counted, offset=asked.offset, limit=asked.limit)
    ]
    return json_response(TopSqlStatistics(total=len(counted), top_sql_info=rows))


# --- wait-event ------------------------------------------------------------------------------------------------------


async def wait_event(served: Served, call: Call) -> Response:
    """Count the sessions by what they wait for."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, Paging)
    counted = wait_shares(await served.survey(call.actor, place.project_id, place.instance_id))
    rows = [
        WaitEvent(node_name=share.component.id, event_name=share.event, count=str(share.sessions))
        for share in page(counted, offset=asked.offset, limit=asked.limit)
    ]
    return json_response(WaitEventStatistics(total=len(counted), wait_event_info=rows))
