"""Open transactions of one component: list them, end the sessions that are in them, say what ends by itself."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vacate.api.gaussdb_v3.errors import (
    OF_A_COMPONENT,
    OF_A_SWEEP,
    OF_AN_INSTANCE,
    OF_SERVERS,
    LimitError,
    OffsetError,
    QueryError,
)
from vacate.api.gaussdb_v3.examples import ACTIVITY, ON_COORDINATOR
from vacate.api.gaussdb_v3.fields import ComponentNamed, Limit, Moment, Offset, Seconds, SessionIds, Truth
from vacate.api.gaussdb_v3.reports import OUTCOMES_HEADER
from vacate.api.gaussdb_v3.session_rows import port, seconds, truth, waits_for_lock
from vacate.api.gaussdb_v3.sessions import KilledResponse
from vacate.api.operation import Example, Operation
from vacate.domain.sessions.activity import Activity

_FAMILY = "Transactions"
_INSTANCE = "/v3/{project_id}/instances/{instance_id}"

# --- transactions/list -----------------------------------------------------------------------------------------------


class TransactionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which transactions to list: all that is given must hold, and of a list's names one must fit."""

    exec_time: Annotated[
        str,
        Meta(
            pattern="^[0-9]{1,12}$",
            description="Open for at least so long.",
            examples=["60"],
            extra_json_schema={"x-unit": "s"},
        ),
    ] = "0"
    xlog_quantity: Annotated[
        str,
        Meta(
            pattern="^[0-9]{1,18}$",
            description="At least so much write-ahead log; PostgreSQL does not tell, so above 0 nothing is listed.",
            examples=["0"],
            extra_json_schema={"x-unit": "bytes"},
        ),
    ] = "0"
    datnames: Annotated[tuple[str, ...], Meta(description="Databases.", examples=[["shop"]])] = ()
    usenames: Annotated[tuple[str, ...], Meta(description="Users.", examples=[["app"]])] = ()
    client_addrs: Annotated[tuple[str, ...], Meta(description="Client addresses.", examples=[["192.0.2.7"]])] = ()


class ListTransactionsRequest(ComponentNamed, frozen=True, kw_only=True):
    """Which transactions of which component to list."""

    limit: Limit = 10
    offset: Offset = 0
    transaction_query_info: Annotated[
        TransactionQuery | None, Meta(description="Which transactions to list; left out, all of them.", examples=[{}])
    ] = None


_Id = Annotated[int, Meta(extra_json_schema={"format": "int64"})]


class Transaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One session with an open transaction. The fields stand in the contract's order."""

    sessionid: Annotated[_Id, Meta(description="The session's id.", examples=[4711])]
    pid: Annotated[_Id, Meta(description="The id of the server's process that serves the session.", examples=[4711])]
    query_id: Annotated[
        _Id,
        Meta(
            description="Names the statement whatever its constants, with all of its 64 bits; 0 when there is none.",
            examples=[6184027394518273645],
        ),
    ]
    datname: Annotated[str, Meta(description="The session's database.", examples=["shop"])]
    client_addr: Annotated[
        str, Meta(description="The client's address; empty for a local socket.", examples=["192.0.2.7"])
    ]
    client_port: Annotated[int, Meta(description="The client's port; -1 when not told.", examples=[51234])]
    usename: Annotated[str, Meta(description="The session's user.", examples=["app"])]
    query: Annotated[
        str,
        Meta(
            description="The statement, or the last one; empty for callers whose role may not read statements.",
            examples=["UPDATE orders SET total = 12.5 WHERE id = 7"],
        ),
    ]
    backend_start: Annotated[
        Moment, Meta(description="When the session began.", examples=["2026-01-02 10:00:00.000000+00:00"])
    ]
    xact_start: Annotated[
        Moment, Meta(description="When the transaction began.", examples=["2026-01-02 11:59:15.000000+00:00"])
    ]
    application_name: Annotated[str, Meta(description="What the client calls itself.", examples=["web"])]
    state: Annotated[str, Meta(description="The session's state, in the server's words.", examples=["active"])]
    state_change: Annotated[
        Moment, Meta(description="Since when it has been in this state.", examples=["2026-01-02 11:59:30.000000+00:00"])
    ]
    query_start: Annotated[
        Moment,
        Meta(description="When the statement, or the last one, began.", examples=["2026-01-02 11:59:30.000000+00:00"]),
    ]
    waiting: Annotated[Truth, Meta(description="Whether the session waits for a lock.", examples=["true"])]
    unique_sql_id: Annotated[_Id, Meta(description="The same as `query_id`.", examples=[6184027394518273645])]
    top_xid: Annotated[
        str, Meta(description="The transaction's id; empty as long as it has written nothing.", examples=["12345"])
    ]
    current_xid: Annotated[str, Meta(description="The same as `top_xid`.", examples=["12345"])]
    exec_time: Annotated[Seconds, Meta(description="How long the transaction has been open.", examples=["45"])]
    xlog_quantity: Annotated[int, Meta(description="Not told by PostgreSQL, so 0.", examples=[0])]


class ListTransactionsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the transactions."""

    total: Annotated[int, Meta(description="How many there are, on this page and on the others.", examples=[1])]
    rows: Annotated[list[Transaction], Meta(description="The transactions of this page, the longest open first.")]


def transaction_row(activity: Activity) -> Transaction:
    """A session with an open transaction as the contract writes it."""
    statement = activity.statement_id or 0
    transaction = activity.transaction_id or ""
    return Transaction(
        sessionid=activity.session_id,
        pid=activity.pid,
        query_id=statement,
        datname=activity.database or "",
        client_addr=activity.client_address or "",
        client_port=port(activity),
        usename=activity.user or "",
        query=activity.query or "",
        backend_start=_moment(activity.backend_start),
        xact_start=_moment(activity.transaction_start),
        application_name=activity.application or "",
        state=activity.state or "",
        state_change=_moment(activity.state_change),
        query_start=_moment(activity.statement_start),
        waiting=truth(waits_for_lock(activity)),
        unique_sql_id=statement,
        top_xid=transaction,
        current_xid=transaction,
        exec_time=seconds(activity.in_transaction_for),
        xlog_quantity=0,
    )


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ", timespec="microseconds")


LIST_TRANSACTIONS = Operation(
    id="list_transaction",
    family=_FAMILY,
    title="List the open transactions of a component",
    description="Lists the sessions of one component that are in a transaction and whose state is not `idle`.",
    method="POST",
    read_only=True,
    path=f"{_INSTANCE}/transactions/list",
    request=ListTransactionsRequest,
    response=ListTransactionsResponse,
    errors=(*OF_A_COMPONENT, LimitError, OffsetError),
    examples=(
        Example(
            title="Transactions that have been open for half a minute",
            request={**ON_COORDINATOR, "limit": 10, "offset": 0, "transaction_query_info": {"exec_time": "30"}},
            response=msgspec.to_builtins(ListTransactionsResponse(total=1, rows=[transaction_row(ACTIVITY)])),
        ),
    ),
)

# --- transactions/kill -----------------------------------------------------------------------------------------------


class KillTransactionsRequest(ComponentNamed, frozen=True, kw_only=True):
    """Which sessions of which component to end, if they are in a transaction."""

    session_ids: SessionIds


KILL_TRANSACTIONS = Operation(
    id="stop_transaction",
    family=_FAMILY,
    title="End transactions by the ids of their sessions",
    description=(
        "Ends the named sessions of one component that are in a transaction, which the server rolls back. A session "
        "whose transaction has ended by its turn is left alone. "
        f"The header `{OUTCOMES_HEADER}` counts what became of the sessions."
    ),
    method="POST",
    path=f"{_INSTANCE}/transactions/kill",
    request=KillTransactionsRequest,
    response=KilledResponse,
    headers=(OUTCOMES_HEADER,),
    errors=OF_A_SWEEP,
    examples=(
        Example(
            title="One transaction of a coordinator",
            request={**ON_COORDINATOR, "session_ids": [4711]},
            response={"session_ids": ["4711"], "success": True},
        ),
    ),
)

# --- transactions/get-auto-kill-config -------------------------------------------------------------------------------

Kind = Annotated[
    Literal["exec_time", "xlog_quantity"],
    Meta(description="Transactions that are open for long, or that write much.", examples=["exec_time"]),
]


class AutoKillQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose configuration."""

    type: Kind


class AutoKillConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What ends transactions by itself: in Vacate nothing does."""

    type: Kind
    usernames: Annotated[list[str], Meta(description="The users it is for; always none.", examples=[[]])]
    threshold: Annotated[int, Meta(description="From where on it ends a transaction; always 0.", examples=[0])]
    auto_stop: Annotated[bool, Meta(description="Whether it is on; always `false`.", examples=[False])]
    database_names: Annotated[
        list[str], Meta(description="The databases of the instance, without `postgres`.", examples=[["shop"]])
    ]
    database_names_select: Annotated[
        list[str], Meta(description="The databases it is for; always none.", examples=[[]])
    ]


AUTO_KILL_CONFIG = Operation(
    id="show_auto_kill_transaction_config",
    family=_FAMILY,
    title="Show what ends transactions by itself",
    description="Vacate ends no transaction by itself, so this is always off; the databases are the instance's own.",
    method="GET",
    path=f"{_INSTANCE}/transactions/get-auto-kill-config",
    query=AutoKillQuery,
    response=AutoKillConfig,
    errors=(*OF_AN_INSTANCE, QueryError, *OF_SERVERS),
    examples=(
        Example(
            title="Long transactions",
            query=(("type", "exec_time"),),
            response={
                "type": "exec_time",
                "usernames": [],
                "threshold": 0,
                "auto_stop": False,
                "database_names": ["shop"],
                "database_names_select": [],
            },
        ),
    ),
)
