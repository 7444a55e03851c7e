"""Sessions of one component: list them, end the idle ones, end those that are named."""

from typing import Annotated

import msgspec
from msgspec import Meta

from vacate.api.gaussdb_v3.errors import OF_A_COMPONENT, OF_A_SWEEP
from vacate.api.gaussdb_v3.examples import ACTIVITY, COORDINATOR, ON_COORDINATOR
from vacate.api.gaussdb_v3.fields import ComponentNamed, ComponentNamedTwice, SessionIds, SessionIdText
from vacate.api.gaussdb_v3.reports import OUTCOMES_HEADER
from vacate.api.gaussdb_v3.session_rows import RealTimeSession, session_row
from vacate.api.operation import Example, Operation

_FAMILY = "Sessions"
_INSTANCE = "/v3/{project_id}/instances/{instance_id}"
Success = Annotated[
    bool,
    Meta(description="Whether nothing is left of what the call was to end.", examples=[True]),
]

# --- kill-free-session -----------------------------------------------------------------------------------------------


class KillFreeSessionRequest(ComponentNamedTwice, frozen=True, kw_only=True):
    """Which component to sweep."""


class KillFreeSessionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every idle session that was to end is gone."""

    success: Success


KILL_FREE_SESSION = Operation(
    id="stop_free_session",
    family=_FAMILY,
    title="End the idle sessions of a component",
    description=(
        "Ends the sessions of one component whose state is `idle`, except those that the instance's criteria and "
        "guards spare. Each is read a second time in the statement that ends it, so a session that has woken stays. "
        f"The header `{OUTCOMES_HEADER}` counts what became of the sessions."
    ),
    method="POST",
    path=f"{_INSTANCE}/kill-free-session",
    request=KillFreeSessionRequest,
    response=KillFreeSessionResponse,
    headers=(OUTCOMES_HEADER,),
    errors=OF_A_SWEEP,
    examples=(Example(title="The idle sessions of a coordinator", request=ON_COORDINATOR, response={"success": True}),),
)

# --- kill-session ----------------------------------------------------------------------------------------------------


class KillSessionRequest(ComponentNamedTwice, frozen=True, kw_only=True):
    """Which sessions of which component to end."""

    session_ids: SessionIds


class KilledResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the named sessions were ended, and whether all that were to end are gone."""

    session_ids: Annotated[
        list[SessionIdText],
        Meta(description="The sessions that were ended by this call and seen to be gone.", examples=[["4711"]]),
    ]
    success: Success


KILL_SESSION = Operation(
    id="stop_session",
    family=_FAMILY,
    title="End sessions by their ids",
    description=(
        "Ends the named sessions of one component, whatever they do; an open transaction is rolled back. "
        "The guards that protect Vacate, the server and the instance's protected users and applications hold all the "
        f"same. The header `{OUTCOMES_HEADER}` counts what became of the sessions."
    ),
    method="POST",
    path=f"{_INSTANCE}/kill-session",
    request=KillSessionRequest,
    response=KilledResponse,
    headers=(OUTCOMES_HEADER,),
    errors=OF_A_SWEEP,
    examples=(
        Example(
            title="Two sessions of a coordinator, of which one was gone already",
            request={**ON_COORDINATOR, "session_ids": ["4711", "4712"]},
            response={"session_ids": ["4711"], "success": True},
        ),
    ),
)

# --- real-time-session -----------------------------------------------------------------------------------------------


class SessionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions to list: all that is given must be equal. What is empty or `null` leaves the choice open."""

    database_name: Annotated[str | None, Meta(description="The session's database.", examples=["shop"])] = None
    client_ip: Annotated[str | None, Meta(description="The client's address.", examples=["192.0.2.7"])] = None
    user_name: Annotated[str | None, Meta(description="The session's user.", examples=["app"])] = None


class RealTimeSessionRequest(ComponentNamed, frozen=True, kw_only=True):
    """Which sessions of which component to list."""

    query_info: Annotated[
        SessionQuery | None, Meta(description="Which sessions to list; left out, all of them.", examples=[{}])
    ] = None


class RealTimeSessionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions."""

    sessions: Annotated[
        list[RealTimeSession], Meta(description="The sessions that have a client address, the oldest first.")
    ]


REAL_TIME_SESSION = Operation(
    id="list_real_time_sessions",
    family=_FAMILY,
    title="List the sessions of a component",
    description=(
        "Lists the sessions of one component that have a client address, with what each does at this moment. "
        "The number of rows is not capped."
    ),
    method="POST",
    read_only=True,
    path=f"{_INSTANCE}/real-time-session",
    request=RealTimeSessionRequest,
    response=RealTimeSessionResponse,
    errors=OF_A_COMPONENT,
    examples=(
        Example(
            title="The sessions of one user on a coordinator",
            request={**ON_COORDINATOR, "query_info": {"user_name": "app"}},
            response=msgspec.to_builtins(RealTimeSessionResponse(sessions=[session_row(ACTIVITY, COORDINATOR)])),
        ),
    ),
)
