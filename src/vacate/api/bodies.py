"""How large a request's body may be, and how long it may take."""

from vacate.domain.errors import VacateError

BODY_LIMIT = 1024 * 1024
BODY_SECONDS = 30.0


class BodyTooLargeError(VacateError):
    """The body is over the limit; it was not read."""

    def __init__(self) -> None:
        super().__init__(f"a body may have at most {BODY_LIMIT} bytes")


class BodyTooSlowError(VacateError):
    """The body did not arrive in time, or not in whole."""

    def __init__(self) -> None:
        super().__init__(f"the body did not arrive within {BODY_SECONDS:g} s")
