"""One row of `real-time-session`: what the contract has room for, and what PostgreSQL tells of it.

A field whose value the server does not know is there and empty; docs/reference/gaussdb-v3.md has the whole list.
"""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vacate.api.gaussdb_v3.fields import ComponentIdText, EpochSeconds, Number, Seconds, SessionIdText, Truth
from vacate.domain.sessions.activity import WAITS_FOR_LOCK, Activity

_DAY = 24 * 60 * 60
Untold = Annotated[str, Meta(description="Not told by PostgreSQL, so empty.", examples=[""])]


class RealTimeSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One session with what it does. The fields stand in the contract's order.

    There may be thousands, and text and numbers can form no circle, so the garbage collector need not look at them.
    """

    session_id: SessionIdText
    pid: Annotated[
        Number, Meta(description="The id of the server's process that serves the session.", examples=["4711"])
    ]
    unique_sql_id: Annotated[
        str,
        Meta(
            description="Names the statement whatever its constants; `0` when the server computes no such id.",
            examples=["6184027394518273645"],
            extra_json_schema={"pattern": "^-?[0-9]+$"},
        ),
    ]
    database_name: Annotated[str, Meta(description="The session's database.", examples=["shop"])]
    client_ip: Annotated[str, Meta(description="The client's address; never empty.", examples=["192.0.2.7"])]
    user_name: Annotated[str, Meta(description="The session's user.", examples=["app"])]
    wait: Annotated[Truth, Meta(description="Whether the session waits for a lock.", examples=["true"])]
    block_session: Annotated[
        str,
        Meta(
            description="The sessions that hold the awaited lock up: their ids, with commas; empty when nobody does.",
            examples=["4712"],
        ),
    ]
    wait_event: Annotated[str, Meta(description="The event that is waited for.", examples=["transactionid"])]
    state: Annotated[str, Meta(description="The session's state, in the server's words.", examples=["active"])]
    query_runtime: Annotated[
        Seconds, Meta(description="How long the statement has been running; `0` when none runs.", examples=["30"])
    ]
    query: Annotated[
        str,
        Meta(
            description="The statement, or the last one; empty for callers whose role may not read statements.",
            examples=["UPDATE orders SET total = 12.5 WHERE id = 7"],
        ),
    ]
    back_end_start: Annotated[
        EpochSeconds | UnsetType, Meta(description="When the session began.", examples=[1767348000])
    ] = UNSET
    transaction_start: Annotated[
        EpochSeconds | UnsetType,
        Meta(description="When the transaction began; left out when there is none.", examples=[1767355155]),
    ] = UNSET
    query_start: Annotated[
        EpochSeconds | UnsetType,
        Meta(
            description="When the statement, or the last one, began; left out before the first.", examples=[1767355170]
        ),
    ] = UNSET
    application_name: Annotated[str, Meta(description="What the client calls itself.", examples=["web"])]
    exec_time: Annotated[Seconds, Meta(description="How long the session has been open.", examples=["7200"])]
    trans_num: Untold
    rollback_num: Untold
    sql_num: Untold
    client_port: Annotated[str, Meta(description="The client's port; `-1` when not told.", examples=["51234"])]
    query_id: Annotated[str, Meta(description="The same as `unique_sql_id`.", examples=["6184027394518273645"])]
    transaction_time_cost: Annotated[
        Seconds, Meta(description="How long the transaction has been open; `0` when there is none.", examples=["45"])
    ]
    trace_id: Untold
    global_session_id: Untold
    top_transaction_id: Annotated[
        str, Meta(description="The transaction's id; empty as long as it has written nothing.", examples=["12345"])
    ]
    current_transaction_id: Annotated[str, Meta(description="The same as `top_transaction_id`.", examples=["12345"])]
    xlog_quantity_pretty: Untold
    wait_status: Annotated[str, Meta(description="The kind of event that is waited for.", examples=["Lock"])]
    lwt_id: Untold
    thread_name: Untold
    lock_mode: Annotated[str, Meta(description="The mode of the awaited lock.", examples=["ShareLock"])]
    parent_session_id: Untold
    smp_id: Untold
    lock_tag: Annotated[str, Meta(description="What the awaited lock is on.", examples=["transactionid 12344"])]
    component_name: ComponentIdText


def session_row(activity: Activity, component: str) -> RealTimeSession:
    """A session of a component as the contract writes it."""
    statement = str(activity.statement_id or 0)
    transaction = activity.transaction_id or ""
    return RealTimeSession(
        session_id=str(activity.session_id),
        pid=str(activity.pid),
        unique_sql_id=statement,
        database_name=activity.database or "",
        client_ip=activity.client_address or "",
        user_name=activity.user or "",
        wait=truth(waits_for_lock(activity)),
        block_session=",".join(map(str, activity.blocked_by)) if activity.blocked_by else "",
        wait_event=activity.wait_event or "",
        state=activity.state or "",
        query_runtime=seconds(activity.running_for),
        query=activity.query or "",
        back_end_start=_epoch(activity.backend_start),
        transaction_start=_epoch(activity.transaction_start),
        query_start=_epoch(activity.statement_start),
        application_name=activity.application or "",
        exec_time=seconds(activity.open_for),
        trans_num="",
        rollback_num="",
        sql_num="",
        client_port=str(port(activity)),
        query_id=statement,
        transaction_time_cost=seconds(activity.in_transaction_for),
        trace_id="",
        global_session_id="",
        top_transaction_id=transaction,
        current_transaction_id=transaction,
        xlog_quantity_pretty="",
        wait_status=activity.wait_event_type or "",
        lwt_id="",
        thread_name="",
        lock_mode=activity.lock_mode or "",
        parent_session_id="",
        smp_id="",
        lock_tag=activity.lock_tag or "",
        component_name=component,
    )


def truth(value: bool) -> Truth:  # noqa: FBT001 - the value itself, not a switch
    """A boolean as the contract writes it in rows."""
    return "true" if value else "false"


def waits_for_lock(activity: Activity) -> bool:
    """Whether a session waits for a lock, and not for anything else."""
    return activity.wait_event_type == WAITS_FOR_LOCK


def seconds(duration: timedelta | None) -> str:
    """Whole seconds; none is `0`."""
    return "0" if duration is None else str(duration.days * _DAY + duration.seconds)


def port(activity: Activity) -> int:
    """The client's port; a session over a local socket has none, which the server's own views write as -1."""
    return -1 if activity.client_port is None else activity.client_port


def _epoch(moment: datetime | None) -> int | UnsetType:
    return UNSET if moment is None else int(moment.timestamp())
