"""The error table of the sign-in door."""

from vacate.api.bodies import BodyTooLargeError, BodyTooSlowError
from vacate.api.errors import ErrorRow, ErrorTable
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError


class SignInRequestError(VacateError):
    """The body is no sign-in of the documented shape; the message names the place."""


class QueryInvalidError(VacateError):
    """A parameter of the query is not of the documented form; the message names it."""


class ProjectCreationError(VacateError):
    """Projects are made in the configuration, never by a call."""

    def __init__(self) -> None:
        super().__init__(
            "projects are not made by calls. A client that asks for one has found no project, or several, of the name "
            "it looks for: give it the project's id, or have an administrator name a project in vacate.toml after "
            "the region and give the user a role in it"
        )


class SubjectUnknownError(VacateError):
    """The token that was asked about stands for nothing: it never did, was revoked, or is over."""

    def __init__(self) -> None:
        super().__init__("x-subject-token is no token that works")


def _unauthorized(code: str) -> ErrorRow:
    return ErrorRow(status=401, code=code, message="Unauthorized.", chinese="认证失败。")


def _unsigned() -> ErrorRow:
    """Signatures are answered everywhere as the vendor's gateway does, which stands before every service there."""
    return ErrorRow(
        status=401, code="APIGW.0301", message="Incorrect IAM authentication information:", chinese="IAM认证信息错误："
    )


ERRORS: ErrorTable = {
    SignInRequestError: ErrorRow(
        status=400, code="IAM.0011", message="The request body is invalid:", chinese="请求体无效："
    ),
    QueryInvalidError: ErrorRow(
        status=400, code="IAM.0007", message="The request parameter is invalid:", chinese="请求参数无效："
    ),
    ProjectCreationError: ErrorRow(status=403, code="IAM.0003", message="Forbidden.", chinese="禁止访问。"),
    SubjectUnknownError: ErrorRow(
        status=404, code="IAM.0004", message="Could not find the requested resource:", chinese="找不到请求的资源："
    ),
    BodyTooLargeError: ErrorRow(
        status=413, code="IAM.0011", message="Request entity too large.", chinese="请求体过大。"
    ),
    BodyTooSlowError: ErrorRow(status=408, code="IAM.0011", message="Request timeout.", chinese="请求超时。"),
    domain.SignatureInvalidError: _unsigned(),
    domain.SignatureExpiredError: _unsigned(),
    domain.AccessKeyUnknownError: _unsigned(),
    domain.AccessKeyExpiredError: _unsigned(),
    domain.AccessKeyLockedError: _unsigned(),
    domain.SecurityTokenInvalidError: _unsigned(),
    domain.RequestRepeatedError: _unsigned(),
    domain.ThrottledError: ErrorRow(
        status=429, code="APIGW.0308", message="The throttling threshold has been reached.", chinese="已达到流控阈值。"
    ),
    domain.UserLockedError: _unauthorized("IAM.0062"),
    domain.PasswordInvalidError: _unauthorized("IAM.0062"),
    domain.AuthenticationError: _unauthorized("IAM.0001"),
    domain.TokenInvalidError: _unauthorized("IAM.0067"),
    domain.TokenExpiredError: _unauthorized("IAM.0066"),
    domain.ProjectMismatchError: ErrorRow(status=403, code="IAM.0002", message="Forbidden.", chinese="禁止访问。"),
    domain.PermissionDeniedError: ErrorRow(status=403, code="IAM.0003", message="Forbidden.", chinese="禁止访问。"),
    domain.StoreUnavailableError: ErrorRow(
        status=500, code="IAM.0006", message="Internal error.", chinese="系统内部错误。", told=False
    ),
    domain.VacateError: ErrorRow(status=500, code="IAM.0006", message="Internal error.", chinese="系统内部错误。"),
}
