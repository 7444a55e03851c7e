"""What a call may be refused with: rows of its door's error table, each with an occasion and a sample of words."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from vacate.api.errors import ErrorRow, ErrorTable, row_of
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.app import NO_SUCH_API
from vacate.http.envelope import NOT_UNDERSTOOD, UNFORESEEN

# What the root of all errors says of itself is of no use to a caller.
_ANYTHING_ELSE = "Anything else that went wrong."

# Errors that cannot be made without facts get them from here, so that a reader sees a whole message.
_SAMPLES: dict[type[VacateError], VacateError] = {
    type(sample): sample
    for sample in (
        domain.AccessKeyUnknownError("AKEXAMPLE0123456789A"),
        domain.SignatureExpiredError(signed_at="20260102T030405Z", now="20260102T032106Z"),
        domain.AccessKeyExpiredError(expires_at="2026-01-02T03:04:05.000000Z"),
        domain.SecurityTokenInvalidError("it belongs to another one"),
        domain.RequestRepeatedError(first_seen="2026-01-02T03:04:05.000000Z"),
        domain.ThrottledError(timedelta(seconds=1)),
        domain.TokenExpiredError(expires_at="2026-01-02T03:04:05.000000Z"),
        domain.PermissionDeniedError(role="viewer", permission="kill"),
        domain.ComponentUnreachableError("nobody listens at its address"),
        domain.WrongServerError("its system identifier is another one"),
        domain.AuditUnavailableError("the disk is full"),
        domain.PlanSpentError(by="olga", at="2026-01-02T12:01:00+00:00"),
        domain.PlanNotRunningError(stage="applied"),
        domain.PlanExpiredError(expired_at="2026-01-02T12:10:00+00:00"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One way in which a call is refused. `name` is the error's class; `detail` is a sample of what is added."""

    name: str
    row: ErrorRow
    occasion: str
    detail: str = ""


# What has nothing to do with any door.
EVERYWHERE = (
    Refusal(name="NotUnderstood", row=NOT_UNDERSTOOD, occasion="What came is no request, or its head is too large."),
    Refusal(name="NoSuchApi", row=NO_SUCH_API, occasion="No such path, or not with this method."),
    Refusal(name="Unforeseen", row=UNFORESEEN, occasion="Something unforeseen happened; the log has the details."),
)


def occasion(error: type[VacateError]) -> str:
    """When it is raised: the first paragraph of its own description."""
    if error is VacateError:
        return _ANYTHING_ELSE
    first, _, _ = (error.__doc__ or "").partition("\n\n")
    return " ".join(first.split())


def refusals(table: ErrorTable, errors: Iterable[type[VacateError]]) -> tuple[Refusal, ...]:
    """Each error once, by status and code."""
    found = (
        Refusal(name=error.__name__, row=row, occasion=occasion(error), detail=_detail(error) if row.told else "")
        for error in dict.fromkeys(errors)
        for row in (row_of(table, error),)
    )
    return tuple(sorted(found, key=lambda refusal: (refusal.row.status, refusal.row.code, refusal.name)))


def _detail(error: type[VacateError]) -> str:
    """What such an error says, as far as it can be made without facts."""
    if error in _SAMPLES:
        return str(_SAMPLES[error])
    if error.__init__ is Exception.__init__:
        return ""
    _, *facts = inspect.signature(error.__init__).parameters.values()
    return "" if any(fact.default is fact.empty for fact in facts) else str(error())
