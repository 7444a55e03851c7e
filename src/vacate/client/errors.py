"""What a call of the client may raise: the service cannot be reached, or it refused the call."""

from datetime import timedelta

from vacate.client.advice import ADVICE, NO_CODE
from vacate.domain.errors import VacateError


class ClientError(VacateError):
    """The root of everything that a call raises."""


class UnreachableError(ClientError):
    """No connection to the service came about; the call has had no effect."""


class NoAnswerError(ClientError):
    """The request was sent, and no whole answer came: the call may have had its effect.

    Whether a call that ends sessions did is in the audit: `search_audit`.
    """


class UnreadableAnswerError(ClientError):
    """An answer came that is none of the service's, or of a version that this client does not understand."""


class RefusedError(ClientError):
    """The service refused the call, or failed.

    Attributes:
        status: The HTTP status.
        code: The service's code, as docs/reference/errors.md lists it; empty when something else answered.
        message: What the service says.
        request_id: Names the call in the service's log and audit; empty when something else answered.
        advice: What to do next.
        retry_after: How long the service asks to wait; None when it does not say.
    """

    def __init__(
        self, *, status: int, code: str, message: str, request_id: str, retry_after: timedelta | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.advice = ADVICE.get(code, NO_CODE)
        self.retry_after = retry_after
        named = ", ".join(filter(None, (f"status {status}", code, request_id and f"request id {request_id}")))
        super().__init__(f"{message} ({named}). {self.advice}")


class InvalidRequestError(RefusedError):
    """The request is wrong, and will be as wrong the next time (status 400, 408, 413)."""


class NotAuthenticatedError(RefusedError):
    """The service does not know who calls (status 401)."""


class NotPermittedError(RefusedError):
    """The caller is known and may not do this (status 403)."""


class NotFoundError(RefusedError):
    """There is no such call, instance, plan, session or token (status 404)."""


class ConflictError(RefusedError):
    """The request is right, and cannot be served now or no more (status 409)."""


class ExpiredError(RefusedError):
    """The plan's time is over (status 410)."""


class TooManyRequestsError(RefusedError):
    """The caller asks too often (status 429); `retry_after` says how long to wait."""


class ServiceFailedError(RefusedError):
    """The service failed (status 500 and above)."""


class UnavailableError(ServiceFailedError):
    """The service, or what stands before it, cannot serve at the moment (status 502, 503, 504)."""


_BY_STATUS: dict[int, type[RefusedError]] = {
    400: InvalidRequestError,
    401: NotAuthenticatedError,
    403: NotPermittedError,
    404: NotFoundError,
    408: InvalidRequestError,
    409: ConflictError,
    410: ExpiredError,
    413: InvalidRequestError,
    429: TooManyRequestsError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
_FIRST_FAILURE = 500


def refusal_of(status: int) -> type[RefusedError]:
    """The class of error for a status."""
    return _BY_STATUS.get(status, ServiceFailedError if status >= _FIRST_FAILURE else RefusedError)
