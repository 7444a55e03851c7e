"""The error table of the compatible door. Codes and short messages are the vendor's documented ones."""

from vacate.api.bodies import BodyTooLargeError, BodyTooSlowError
from vacate.api.errors import ErrorRow, ErrorTable
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError


class BodyEmptyError(VacateError):
    """The call needs a body and got none."""

    def __init__(self) -> None:
        super().__init__("send a JSON object with node_id and component_id")


class ParameterError(VacateError):
    """The body is no JSON object of the call's shape; the message names the place."""


class QueryError(VacateError):
    """The query string is not of the call's shape; the message names the parameter."""


class LimitError(VacateError):
    """`limit` is no whole number, or out of its range."""


class OffsetError(VacateError):
    """`offset` is no whole number, or out of its range."""


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
    return ErrorRow(
        status=401, code=code, message="Incorrect IAM authentication information:", chinese="IAM认证信息错误："
    )


_FORBIDDEN = "DB instance ID or user ID may be null, or the operation is not authorized."
_FORBIDDEN_CHINESE = "实例ID或用户ID可能为空，或操作未授权。"
_NOT_ALLOWED = "Operation not allowed by the DB instance type or status."
_NOT_ALLOWED_CHINESE = "实例类型或状态不允许执行该操作。"

ERRORS: ErrorTable = {
    BodyTooLargeError: ErrorRow(
        status=413, code="APIGW.0201", message="Request entity too large.", chinese="请求体过大。"
    ),
    BodyTooSlowError: ErrorRow(status=408, code="APIGW.0201", message="Request timeout.", chinese="请求超时。"),
    domain.AuthenticationError: _unauthenticated(),
    domain.CredentialsMissingError: _unauthenticated(),
    domain.SignatureInvalidError: _unauthenticated(),
    domain.SignatureExpiredError: _unauthenticated(),
    domain.AccessKeyUnknownError: _unauthenticated(),
    domain.AccessKeyExpiredError: _unauthenticated(),
    domain.RequestRepeatedError: _unauthenticated(),
    domain.AccessKeyLockedError: _unauthenticated(),
    domain.SecurityTokenInvalidError: _unauthenticated(),
    domain.ThrottledError: ErrorRow(
        status=429, code="APIGW.0308", message="The throttling threshold has been reached.", chinese="已达到流控阈值。"
    ),
    domain.TokenInvalidError: _unauthenticated(),
    domain.TokenExpiredError: ErrorRow(
        status=401, code="APIGW.0307", message="The token must be updated.", chinese="Token需要更新。"
    ),
    domain.PasswordInvalidError: _unauthenticated(),
    domain.UserLockedError: _unauthenticated(),
    domain.ProjectMismatchError: ErrorRow(
        status=403, code="DBS.200010", message=_FORBIDDEN, chinese=_FORBIDDEN_CHINESE
    ),
    domain.PermissionDeniedError: ErrorRow(
        status=403,
        code="DBS.280015",
        message="Resource not found or permission denied.",
        chinese="资源不存在或没有操作权限。",
    ),
    ProjectIdFormatError: ErrorRow(
        status=400, code="DBS.280408", message="Invalid project ID.", chinese="项目ID无效。"
    ),
    IdFormatError: ErrorRow(
        status=400,
        code="DBS.280404",
        message="Invalid DB instance ID or node ID format.",
        chinese="实例ID或节点ID格式错误。",
    ),
    ComponentIdFormatError: ErrorRow(
        status=400, code="DBS.280667", message="Invalid shard component ID.", chinese="分片组件ID无效。"
    ),
    BodyEmptyError: ErrorRow(
        status=400,
        code="DBS.280006",
        message="The request is null. Enter a request parameter.",
        chinese="请求为空，请输入请求参数。",
    ),
    ParameterError: ErrorRow(status=400, code="DBS.280001", message="Parameter error.", chinese="参数错误。"),
    QueryError: ErrorRow(status=400, code="DBS.280001", message="Parameter error.", chinese="参数错误。"),
    LimitError: ErrorRow(status=400, code="DBS.280439", message="Invalid query limit.", chinese="查询记录数无效。"),
    OffsetError: ErrorRow(status=400, code="DBS.280440", message="Invalid offset.", chinese="偏移量无效。"),
    domain.InstanceUnknownError: ErrorRow(
        status=404, code="DBS.200045", message="The DB instance does not exist.", chinese="实例不存在。"
    ),
    domain.NodeUnknownError: ErrorRow(
        status=400, code="DBS.280407", message="Invalid node ID.", chinese="节点ID无效。"
    ),
    domain.ComponentUnknownError: ErrorRow(
        status=400,
        code="DBS.280676",
        message="The component ID does not belong to the current node ID.",
        chinese="组件ID不属于当前节点ID。",
    ),
    domain.ComponentUnreachableError: ErrorRow(
        status=409,
        code="DBS.280011",
        message="The operation cannot be performed because the DB instance is abnormal or has been deleted.",
        chinese="实例异常或已被删除，无法执行该操作。",
    ),
    domain.ComponentBusyError: ErrorRow(
        status=409,
        code="DBS.200019",
        message="Another operation is being performed on the DB instance.",
        chinese="实例正在执行其他操作。",
    ),
    domain.KillsFrozenError: ErrorRow(
        status=409, code="DBS.280406", message=_NOT_ALLOWED, chinese=_NOT_ALLOWED_CHINESE
    ),
    domain.MissingRightsError: ErrorRow(
        status=409, code="DBS.280406", message=_NOT_ALLOWED, chinese=_NOT_ALLOWED_CHINESE
    ),
    domain.WrongServerError: ErrorRow(
        status=409, code="DBS.280406", message=_NOT_ALLOWED, chinese=_NOT_ALLOWED_CHINESE
    ),
    domain.UnsupportedServerError: ErrorRow(
        status=409, code="DBS.280406", message=_NOT_ALLOWED, chinese=_NOT_ALLOWED_CHINESE
    ),
    domain.AuditUnavailableError: ErrorRow(
        status=500, code="DBS.200005", message="Failed to process the request.", chinese="请求处理失败。"
    ),
    domain.StoreUnavailableError: ErrorRow(
        status=500, code="DBS.200005", message="Failed to process the request.", chinese="请求处理失败。", told=False
    ),
    domain.VacateError: ErrorRow(status=500, code="DBS.108000", message="Server failure.", chinese="服务器故障。"),
}

# --- what a call may be refused for, besides what every call may be ---------------------------------------------------

OF_EVERY_CALL: tuple[type[VacateError], ...] = (
    BodyTooLargeError,
    BodyTooSlowError,
    domain.CredentialsMissingError,
    domain.SignatureInvalidError,
    domain.SignatureExpiredError,
    domain.AccessKeyUnknownError,
    domain.TokenInvalidError,
    domain.TokenExpiredError,
    ProjectIdFormatError,
    domain.ProjectMismatchError,
    domain.StoreUnavailableError,
    domain.VacateError,
)
OF_AN_INSTANCE: tuple[type[VacateError], ...] = (
    IdFormatError,
    domain.PermissionDeniedError,
    domain.InstanceUnknownError,
)
OF_SERVERS: tuple[type[VacateError], ...] = (
    domain.ComponentUnreachableError,
    domain.ComponentBusyError,
    domain.MissingRightsError,
    domain.WrongServerError,
    domain.UnsupportedServerError,
)
OF_A_COMPONENT: tuple[type[VacateError], ...] = (
    *OF_AN_INSTANCE,
    BodyEmptyError,
    ParameterError,
    domain.NodeUnknownError,
    ComponentIdFormatError,
    domain.ComponentUnknownError,
    *OF_SERVERS,
)
OF_A_SWEEP: tuple[type[VacateError], ...] = (
    *OF_A_COMPONENT,
    domain.KillsFrozenError,
    domain.AuditUnavailableError,
)
OF_A_PAGE: tuple[type[VacateError], ...] = (QueryError, LimitError, OffsetError)
