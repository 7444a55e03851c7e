"""Sums over the sessions of an instance: every client session of every component, but the one that asks."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vacate.api.gaussdb_v3.errors import OF_A_PAGE, OF_AN_INSTANCE, OF_SERVERS
from vacate.api.gaussdb_v3.examples import COORDINATOR
from vacate.api.gaussdb_v3.fields import ComponentIdText, Number, Paging
from vacate.api.operation import Example, Operation

_FAMILY = "Statistics"
_INSTANCE = "/v3/{project_id}/instances/{instance_id}"
Total = Annotated[int, Meta(description="How many entries there are, on this page and on the others.", examples=[1])]

# --- session-overview ------------------------------------------------------------------------------------------------


class SessionOverview(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of an instance in four numbers."""

    active_num: Annotated[Number, Meta(description="Sessions whose state is `active`.", examples=["12"])]
    total_num: Annotated[Number, Meta(description="All client sessions.", examples=["36"])]
    slow_sql_num: Annotated[
        Number,
        Meta(description="Sessions whose statement has been running for longer than `slow_statement`.", examples=["1"]),
    ]
    lock_num: Annotated[Number, Meta(description="Sessions that wait for a lock.", examples=["0"])]


SESSION_OVERVIEW = Operation(
    id="show_session_overview",
    family=_FAMILY,
    title="Count the sessions of an instance",
    description="Counts the client sessions of all components: all, the active ones, the slow ones, the waiting ones.",
    method="GET",
    path=f"{_INSTANCE}/session-overview",
    response=SessionOverview,
    errors=(*OF_AN_INSTANCE, *OF_SERVERS),
    examples=(
        Example(
            title="An instance at work",
            response={"active_num": "12", "total_num": "36", "slow_sql_num": "1", "lock_num": "0"},
        ),
    ),
)

# --- session-statistics ----------------------------------------------------------------------------------------------


class SessionStatisticsQuery(Paging, frozen=True, kw_only=True):
    """By what to count, and in which order."""

    dimension: Annotated[
        Literal["usename", "client_addr", "datname"],
        Meta(description="What sessions are counted by: user, client address or database.", examples=["usename"]),
    ]
    order_field: Annotated[
        Literal["active_num", "total_num"] | UnsetType,
        Meta(description="What entries are ordered by; left out, the name.", examples=["total_num"]),
    ] = UNSET
    order: Annotated[
        Literal["ASC", "DESC"],
        Meta(description="From the smallest or from the largest; equals always come by name.", examples=["DESC"]),
    ] = "ASC"


class DimensionShare(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of one user, client address or database."""

    name: Annotated[
        str, Meta(description="The user, address or database; empty where the server tells none.", examples=["app"])
    ]
    active_num: Annotated[Number, Meta(description="Its sessions whose state is `active`.", examples=["3"])]
    total_num: Annotated[Number, Meta(description="All of its sessions.", examples=["11"])]


class SessionStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the counts."""

    total: Total
    statistics_list: Annotated[list[DimensionShare], Meta(description="The entries of this page.")]


SESSION_STATISTICS = Operation(
    id="list_session_statistics",
    family=_FAMILY,
    title="Count sessions by user, client address or database",
    description="Counts the client sessions of all components, and the active ones, for each name there is.",
    method="GET",
    path=f"{_INSTANCE}/session-statistics",
    query=SessionStatisticsQuery,
    response=SessionStatistics,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE, *OF_SERVERS),
    examples=(
        Example(
            title="The user with the most sessions first",
            query=(("dimension", "usename"), ("order_field", "total_num"), ("order", "DESC")),
            response={"total": 1, "statistics_list": [{"name": "app", "active_num": "3", "total_num": "11"}]},
        ),
    ),
)

# --- top-sql ---------------------------------------------------------------------------------------------------------


class TopSql(msgspec.Struct, frozen=True, kw_only=True):
    """A statement, and how many sessions of a component run it now."""

    node_name: ComponentIdText
    unique_sql_id: Annotated[
        str,
        Meta(
            description="Names the statement whatever its constants; `0` when the server computes no such id.",
            examples=["6184027394518273645"],
        ),
    ]
    query: Annotated[
        str,
        Meta(
            description="The statement as one of the sessions runs it; empty for callers who may not read statements.",
            examples=["SELECT total FROM orders WHERE id = 7"],
        ),
    ]
    count: Annotated[int, Meta(description="The sessions that run it now.", examples=[3])]


class TopSqlStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the statements."""

    total: Total
    top_sql_info: Annotated[list[TopSql], Meta(description="The entries of this page, most sessions first.")]


TOP_SQL = Operation(
    id="list_session_top_sql_statistics",
    family=_FAMILY,
    title="Count sessions by statement",
    description="Counts, for each component, the sessions that run the same statement at this moment.",
    method="GET",
    path=f"{_INSTANCE}/session/statistic/top-sql",
    query=Paging,
    response=TopSqlStatistics,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE, *OF_SERVERS),
    examples=(
        Example(
            title="One statement in three sessions",
            query=(("offset", "0"), ("limit", "10")),
            response={
                "total": 1,
                "top_sql_info": [
                    {
                        "node_name": COORDINATOR,
                        "unique_sql_id": "6184027394518273645",
                        "query": "SELECT total FROM orders WHERE id = 7",
                        "count": 3,
                    }
                ],
            },
        ),
    ),
)

# --- wait-event ------------------------------------------------------------------------------------------------------


class WaitEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and how many busy sessions of a component wait for it now."""

    node_name: ComponentIdText
    event_name: Annotated[str, Meta(description="The event, in the server's words.", examples=["transactionid"])]
    count: Annotated[Number, Meta(description="The sessions that wait for it now.", examples=["2"])]


class WaitEventStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the events."""

    total: Total
    wait_event_info: Annotated[list[WaitEvent], Meta(description="The entries of this page, most sessions first.")]


WAIT_EVENT = Operation(
    id="list_session_wait_event_statistics",
    family=_FAMILY,
    title="Count sessions by what they wait for",
    description="Counts, for each component, the busy sessions that wait for the same event at this moment.",
    method="GET",
    path=f"{_INSTANCE}/session/statistic/wait-event",
    query=Paging,
    response=WaitEventStatistics,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE, *OF_SERVERS),
    examples=(
        Example(
            title="Two sessions wait for another's transaction",
            query=(("offset", "0"), ("limit", "10")),
            response={
                "total": 1,
                "wait_event_info": [{"node_name": COORDINATOR, "event_name": "transactionid", "count": "2"}],
            },
        ),
    ),
)
