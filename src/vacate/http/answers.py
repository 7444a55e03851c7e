"""How a door answers: JSON bodies, and error tables from class to status, code and message."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from vacate.domain.errors import VacateError

REQUEST_ID_HEADER = "X-Request-Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What a caller gets for one class of error. `message` is the documented short text; the error adds its own.

    `told` is off where the error speaks of Vacate's own insides: those words go to the log, and not to the caller.
    """

    status: int
    code: str
    message: str
    told: bool = True


ErrorTable = Mapping[type[VacateError], ErrorRow]


def row_for(table: ErrorTable, error: VacateError) -> ErrorRow:
    """The row of the error's class or of its nearest ancestor."""
    for cls in type(error).__mro__:
        if issubclass(cls, VacateError) and cls in table:
            return table[cls]
    raise LookupError(f"no row for {type(error).__name__}")


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; always with a length, never chunked."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def error_response(
    row: ErrorRow, detail: str, *, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The envelope that every client understands: `error_code` and `error_msg`, and the request's id."""
    message = row.message if detail in row.message else _joined(row.message, detail)
    return json_response(
        {"error_code": row.code, "error_msg": message, "request_id": request_id},
        status=row.status,
        headers=headers,
    )


def _joined(message: str, detail: str) -> str:
    """The documented text and our own, which begins a sentence unless it goes on or begins with a field's name."""
    first = detail.partition(" ")[0]
    if message.endswith(":") or not first.isalpha():
        return f"{message} {detail}"
    return f"{message} {detail[:1].upper()}{detail[1:]}"
