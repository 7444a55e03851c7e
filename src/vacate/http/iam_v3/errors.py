"""The error table of the sign-in door."""

from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.answers import ErrorRow, ErrorTable
from vacate.http.gate import BodyTooLargeError, BodyTooSlowError


class SignInRequestError(VacateError):
    """The body is no sign-in of the documented shape; the message names the place."""


class SubjectUnknownError(VacateError):
    """The token that was asked about stands for nothing: it never did, was revoked, or is over."""

    def __init__(self) -> None:
        super().__init__("x-subject-token is no token that works")


def _unauthorized(code: str) -> ErrorRow:
    return ErrorRow(status=401, code=code, message="Unauthorized.")


ERRORS: ErrorTable = {
    SignInRequestError: ErrorRow(status=400, code="IAM.0011", message="The request body is invalid:"),
    SubjectUnknownError: ErrorRow(status=404, code="IAM.0004", message="Could not find the requested resource:"),
    BodyTooLargeError: ErrorRow(status=413, code="IAM.0011", message="Request entity too large."),
    BodyTooSlowError: ErrorRow(status=408, code="IAM.0011", message="Request timeout."),
    domain.PasswordInvalidError: _unauthorized("IAM.0062"),
    domain.AuthenticationError: _unauthorized("IAM.0001"),
    domain.TokenInvalidError: _unauthorized("IAM.0067"),
    domain.TokenExpiredError: _unauthorized("IAM.0066"),
    domain.ProjectMismatchError: ErrorRow(status=403, code="IAM.0002", message="Forbidden."),
    domain.PermissionDeniedError: ErrorRow(status=403, code="IAM.0003", message="Forbidden."),
    domain.StoreUnavailableError: ErrorRow(status=500, code="IAM.0006", message="Internal error.", told=False),
    domain.VacateError: ErrorRow(status=500, code="IAM.0006", message="Internal error."),
}
