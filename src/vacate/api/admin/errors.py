"""The error table of our own door: the vendor's code where there is one for what is meant, else `VACATE.…`."""

from vacate.api.bodies import BodyTooLargeError, BodyTooSlowError
from vacate.api.errors import ErrorRow, ErrorTable
from vacate.api.gaussdb_v3 import errors as compatible
from vacate.api.gaussdb_v3.errors import ProjectIdFormatError
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError


class BodyMissingError(VacateError):
    """The call needs a body and got none."""

    def __init__(self) -> None:
        super().__init__("send a JSON object")


class BodyInvalidError(VacateError):
    """The body is no JSON object of the call's shape; the message names the place."""


class QueryInvalidError(VacateError):
    """The query string is not of the call's shape; the message names the parameter."""


# What means the same at the compatible door is answered as it is there.
_AS_THERE: tuple[type[VacateError], ...] = (
    BodyTooLargeError,
    BodyTooSlowError,
    domain.AuthenticationError,
    domain.CredentialsMissingError,
    domain.SignatureInvalidError,
    domain.SignatureExpiredError,
    domain.AccessKeyUnknownError,
    domain.AccessKeyExpiredError,
    domain.AccessKeyLockedError,
    domain.SecurityTokenInvalidError,
    domain.RequestRepeatedError,
    domain.ThrottledError,
    domain.TokenInvalidError,
    domain.TokenExpiredError,
    domain.ProjectMismatchError,
    domain.PermissionDeniedError,
    ProjectIdFormatError,
    domain.InstanceUnknownError,
    domain.NodeUnknownError,
    domain.ComponentUnknownError,
    domain.ComponentUnreachableError,
    domain.ComponentBusyError,
    domain.MissingRightsError,
    domain.WrongServerError,
    domain.UnsupportedServerError,
    domain.AuditUnavailableError,
    domain.StoreUnavailableError,
    VacateError,
)

ERRORS: ErrorTable = {
    **{error: compatible.ERRORS[error] for error in _AS_THERE},
    BodyMissingError: compatible.ERRORS[compatible.BodyEmptyError],
    BodyInvalidError: compatible.ERRORS[compatible.ParameterError],
    QueryInvalidError: compatible.ERRORS[compatible.QueryError],
    domain.CriteriaError: ErrorRow(
        status=400, code="VACATE.4001", message="The criteria cannot be used:", chinese="筛选条件无效："
    ),
    domain.PlanUnknownError: ErrorRow(
        status=404, code="VACATE.4041", message="The plan does not exist.", chinese="计划不存在。"
    ),
    domain.SessionUnknownError: ErrorRow(
        status=404, code="VACATE.4042", message="The session does not exist.", chinese="会话不存在。"
    ),
    domain.PlanDiffersError: ErrorRow(
        status=409,
        code="VACATE.4091",
        message="The plan is not the one that was read.",
        chinese="计划与所读内容不一致。",
    ),
    domain.PlanSpentError: ErrorRow(
        status=409, code="VACATE.4092", message="The plan has been applied before.", chinese="计划已执行过。"
    ),
    domain.PlanNotRunningError: ErrorRow(
        status=409, code="VACATE.4093", message="The plan is not being applied.", chinese="计划未在执行。"
    ),
    domain.PlanExpiredError: ErrorRow(
        status=410, code="VACATE.4101", message="The plan has expired.", chinese="计划已过期。"
    ),
}

# --- what a call may be refused for, besides what every call may be ---------------------------------------------------

OF_EVERY_CALL: tuple[type[VacateError], ...] = (
    ProjectIdFormatError,
    domain.ProjectMismatchError,
    domain.PermissionDeniedError,
    QueryInvalidError,
)
OF_A_BODY: tuple[type[VacateError], ...] = (BodyMissingError, BodyInvalidError)
OF_A_PLACE: tuple[type[VacateError], ...] = (
    domain.InstanceUnknownError,
    domain.NodeUnknownError,
    domain.ComponentUnknownError,
)
OF_A_SERVER: tuple[type[VacateError], ...] = (
    domain.ComponentUnreachableError,
    domain.ComponentBusyError,
    domain.MissingRightsError,
    domain.WrongServerError,
    domain.UnsupportedServerError,
)
