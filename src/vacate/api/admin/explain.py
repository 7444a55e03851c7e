"""Why a session would be ended, or left alone."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from vacate.api.admin import fields
from vacate.api.admin.errors import OF_A_BODY, OF_A_PLACE, OF_A_SERVER
from vacate.api.admin.examples import EXPLAINED
from vacate.api.admin.fields import Moment, Number, Seconds
from vacate.api.admin.plans import Criteria
from vacate.api.gaussdb_v3.examples import CN_NODE, COORDINATOR, INSTANCE
from vacate.api.operation import Example, Operation
from vacate.domain import errors as domain
from vacate.domain.judging.explanation import Answer, Explanation, RuleKind
from vacate.domain.sessions.session import Session
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which session: `session_id` or `pid`, one of them."""

    instance_id: fields.InstanceId
    node_id: fields.NodeId
    component_id: fields.ComponentId
    session_id: Annotated[Number | None, Meta(description="The server's own id of the session.")] = None
    pid: Annotated[
        Number | None, Meta(description="The server's process that serves the session.", examples=[4711])
    ] = None
    criteria: Criteria = UNSET

    def target(self, project_id: ProjectId) -> Target:
        """The component."""
        return Target(
            project_id=project_id,
            instance_id=InstanceId(self.instance_id),
            node_id=NodeId(self.node_id),
            component_id=ComponentId(self.component_id),
        )


class ExplainedSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session, as the look saw it. What it runs is not told here."""

    session_id: Annotated[int, Meta(description="The server's own id of the session.", examples=[4711])]
    pid: Annotated[int, Meta(description="The server's process that serves it.", examples=[4711])]
    backend_start: Annotated[Moment | None, Meta(description="When it began, in UTC.")]
    state: Annotated[str | None, Meta(description="Its state, in the server's words.", examples=["idle"])]
    in_state_seconds: Annotated[Seconds | None, Meta(description="For how long it has been in it.", examples=[720.5])]
    user: Annotated[str | None, Meta(description="Its user.", examples=["app"])]
    database: Annotated[str | None, Meta(description="Its database.", examples=["shop"])]
    application: Annotated[str | None, Meta(description="What its client calls itself.", examples=["web"])]
    client_address: Annotated[str | None, Meta(description="Its client's address.", examples=["192.0.2.7"])]


class ExplainedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, and what it says of the session."""

    rule: Annotated[str, Meta(description="The name of the criterion, guard or limit.", examples=["too_fresh"])]
    kind: Annotated[RuleKind, Meta(description="What kind of rule it is.")]
    about: Annotated[str, Meta(description="Tells rules of one name apart, such as two lists; else empty.")]
    answer: Annotated[
        Answer,
        Meta(
            description=(
                "`passes`; `objects`; `off`: the guard is switched off for the instance; `not_asked`: nothing is "
                "written for it, or another rule has answered already."
            )
        ),
    ]
    reason: Annotated[str, Meta(description="Why, in words.")]


class ExplainedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep would do with the session now, and every rule that was asked."""

    session: Annotated[ExplainedSession, Meta(description="The session.")]
    ends: Annotated[bool, Meta(description="Whether a sweep would end it now.")]
    outcome: Annotated[str, Meta(description="What would become of it, in words.")]
    trail: Annotated[list[ExplainedStep], Meta(description="Every rule, in the order in which they are asked.")]


def explained_answer(explained: Explanation) -> ExplainedAnswer:
    """An explanation as our own door writes it."""
    return ExplainedAnswer(
        session=_session(explained.session),
        ends=explained.verdict.victim is not None,
        outcome=explained.outcome,
        trail=[
            ExplainedStep(
                rule=step.rule.value, kind=step.kind, about=step.about, answer=step.answer, reason=step.reason
            )
            for step in explained.trail
        ],
    )


def _session(session: Session) -> ExplainedSession:
    return ExplainedSession(
        session_id=session.session_id,
        pid=session.pid,
        backend_start=session.backend_start,
        state=session.state,
        in_state_seconds=None if session.in_state_for is None else session.in_state_for.total_seconds(),
        user=session.user,
        database=session.database,
        application=session.application,
        client_address=session.client_address,
    )


EXPLAIN = Operation(
    id="explain_session",
    family="Explanations",
    title="Explain what a sweep would do with a session",
    description=(
        "Looks at the component and says what every criterion, guard and limit has to say of one of its sessions. "
        "Nobody is ended."
    ),
    method="POST",
    read_only=True,
    path="/admin/v1/{project_id}/explain",
    request=ExplainRequest,
    response=ExplainedAnswer,
    errors=(*OF_A_BODY, *OF_A_PLACE, *OF_A_SERVER, domain.SessionUnknownError, domain.CriteriaError),
    examples=(
        Example(
            title="A session of a coordinator",
            request={"instance_id": INSTANCE, "node_id": CN_NODE, "component_id": COORDINATOR, "pid": 4711},
            response=explained_answer(EXPLAINED),
        ),
    ),
)
