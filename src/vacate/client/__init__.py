"""The client of Vacate: typed calls to a running service, for programs that wait and for those that await.

This is the one module to import. `Client` and `AsyncClient` have the same calls; docs/reference/client.md lists them.
Each call is written once, as a generator of requests that does no I/O (`exchange`, `calling`, and a module a feature);
`http` sends them.
"""

from vacate.api.admin.audit import AuditEntry, AuditSession
from vacate.api.admin.components import CheckedComponent
from vacate.api.admin.explain import ExplainedAnswer, ExplainedSession, ExplainedStep
from vacate.api.admin.freezes import FreezeRow, TurnedAnswer
from vacate.api.admin.plan_rows import (
    PlanAnswer,
    PlanApplication,
    PlanComponent,
    PlanProgress,
    PlanScope,
    PlanSlots,
    PlanSummary,
    PlanVictim,
    PlanWarning,
)
from vacate.api.gaussdb_v3.instance_rows import InstanceRow
from vacate.api.gaussdb_v3.session_rows import RealTimeSession
from vacate.api.gaussdb_v3.statistics import DimensionShare, SessionOverview, TopSql, WaitEvent
from vacate.api.gaussdb_v3.topology import NodeRow
from vacate.api.gaussdb_v3.transactions import Transaction
from vacate.api.iam_v3.discovery import CallerIdentityResponse, ProjectRow
from vacate.client.calling import Located, SignedIn, Target
from vacate.client.credentials import AccessKey, Credentials, Password, Token
from vacate.client.errors import (
    ClientError,
    ConflictError,
    ExpiredError,
    InvalidRequestError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    ServiceFailedError,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
    UnreadableAnswerError,
)
from vacate.client.http import AsyncClient, Client
from vacate.client.retrying import NEVER_AGAIN, Retries
from vacate.client.sessions import Ended
from vacate.domain.audit.event import AuditAction
from vacate.domain.plans.plan import LineStage, PlanStage
from vacate.domain.sweeps.report import Outcome

__all__ = [
    "NEVER_AGAIN",
    "AccessKey",
    "AsyncClient",
    "AuditAction",
    "AuditEntry",
    "AuditSession",
    "CallerIdentityResponse",
    "CheckedComponent",
    "Client",
    "ClientError",
    "ConflictError",
    "Credentials",
    "DimensionShare",
    "Ended",
    "ExpiredError",
    "ExplainedAnswer",
    "ExplainedSession",
    "ExplainedStep",
    "FreezeRow",
    "InstanceRow",
    "InvalidRequestError",
    "LineStage",
    "Located",
    "NoAnswerError",
    "NodeRow",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotPermittedError",
    "Outcome",
    "Password",
    "PlanAnswer",
    "PlanApplication",
    "PlanComponent",
    "PlanProgress",
    "PlanScope",
    "PlanSlots",
    "PlanStage",
    "PlanSummary",
    "PlanVictim",
    "PlanWarning",
    "ProjectRow",
    "RealTimeSession",
    "RefusedError",
    "Retries",
    "ServiceFailedError",
    "SessionOverview",
    "SignedIn",
    "Target",
    "Token",
    "TooManyRequestsError",
    "TopSql",
    "Transaction",
    "TurnedAnswer",
    "UnavailableError",
    "UnreachableError",
    "UnreadableAnswerError",
    "WaitEvent",
]
