"""The error table of the compatible door. Codes and short messages are the vendor's documented ones."""

from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.answers import ErrorRow, ErrorTable
from vacate.http.gate import BodyTooLargeError, BodyTooSlowError


class BodyEmptyError(VacateError):
    """The call needs a body and got none."""

    def __init__(self) -> None:
        super().__init__("send a JSON object with node_id and component_id")


class ParameterError(VacateError):
    """The body is no JSON object of the call's shape; the message names the place."""


class ProjectIdFormatError(VacateError):
    """The project id in the path is no 32 letters and digits."""

    def __init__(self) -> None:
        super().__init__("a project ID has 32 letters and digits")


class IdFormatError(VacateError):
    """An instance or node id is no 36 letters and digits."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} has 36 letters and digits")


class ComponentIdFormatError(VacateError):
    """The component id is not that of a coordinator or a data node."""

    def __init__(self) -> None:
        super().__init__("a component ID is that of a CN or a DN, such as cn_5001 or dn_6001")


def _unauthenticated(code: str = "APIGW.0301") -> ErrorRow:
    return ErrorRow(status=401, code=code, message="Incorrect IAM authentication information:")


_FORBIDDEN = "DB instance ID or user ID may be null, or the operation is not authorized."
_NOT_ALLOWED = "Operation not allowed by the DB instance type or status."

ERRORS: ErrorTable = {
    BodyTooLargeError: ErrorRow(status=413, code="APIGW.0201", message="Request entity too large."),
    BodyTooSlowError: ErrorRow(status=408, code="APIGW.0201", message="Request timeout."),
    domain.AuthenticationError: _unauthenticated(),
    domain.CredentialsMissingError: _unauthenticated(),
    domain.SignatureInvalidError: _unauthenticated(),
    domain.SignatureExpiredError: _unauthenticated(),
    domain.AccessKeyUnknownError: _unauthenticated(),
    domain.TokenInvalidError: _unauthenticated(),
    domain.TokenExpiredError: ErrorRow(status=401, code="APIGW.0307", message="The token must be updated."),
    domain.PasswordInvalidError: _unauthenticated(),
    domain.ProjectMismatchError: ErrorRow(status=403, code="DBS.200010", message=_FORBIDDEN),
    domain.PermissionDeniedError: ErrorRow(
        status=403, code="DBS.280015", message="Resource not found or permission denied."
    ),
    ProjectIdFormatError: ErrorRow(status=400, code="DBS.280408", message="Invalid project ID."),
    IdFormatError: ErrorRow(status=400, code="DBS.280404", message="Invalid DB instance ID or node ID format."),
    ComponentIdFormatError: ErrorRow(status=400, code="DBS.280667", message="Invalid shard component ID."),
    BodyEmptyError: ErrorRow(status=400, code="DBS.280006", message="The request is null. Enter a request parameter."),
    ParameterError: ErrorRow(status=400, code="DBS.280001", message="Parameter error."),
    domain.InstanceUnknownError: ErrorRow(status=404, code="DBS.200045", message="The DB instance does not exist."),
    domain.NodeUnknownError: ErrorRow(status=400, code="DBS.280407", message="Invalid node ID."),
    domain.ComponentUnknownError: ErrorRow(
        status=400, code="DBS.280676", message="The component ID does not belong to the current node ID."
    ),
    domain.ComponentUnreachableError: ErrorRow(
        status=409,
        code="DBS.280011",
        message="The operation cannot be performed because the DB instance is abnormal or has been deleted.",
    ),
    domain.ComponentBusyError: ErrorRow(
        status=409, code="DBS.200019", message="Another operation is being performed on the DB instance."
    ),
    domain.MissingRightsError: ErrorRow(status=409, code="DBS.280406", message=_NOT_ALLOWED),
    domain.WrongServerError: ErrorRow(status=409, code="DBS.280406", message=_NOT_ALLOWED),
    domain.UnsupportedServerError: ErrorRow(status=409, code="DBS.280406", message=_NOT_ALLOWED),
    domain.AuditUnavailableError: ErrorRow(status=500, code="DBS.200005", message="Failed to process the request."),
    domain.StoreUnavailableError: ErrorRow(
        status=500, code="DBS.200005", message="Failed to process the request.", told=False
    ),
    domain.VacateError: ErrorRow(status=500, code="DBS.108000", message="Server failure."),
}
