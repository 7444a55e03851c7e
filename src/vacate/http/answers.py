"""How a door answers: JSON bodies, and error tables from class to status, code and message."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from vacate.domain.errors import VacateError
from vacate.domain.texts import for_json
from vacate.http.language import Language

REQUEST_ID_HEADER = "X-Request-Id"

_TAGS = {Language.ENGLISH: "en-US", Language.CHINESE: "zh-CN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What a caller gets for one class of error. `message` is the documented short text; the error adds its own.

    `chinese` is that text for callers who ask for it; what the error adds stays English. `told` is off where the error
    speaks of Vacate's own insides: those words go to the log, and not to the caller.
    """

    status: int
    code: str
    message: str
    chinese: str = ""
    told: bool = True

    def text(self, language: Language) -> str:
        """The documented short text."""
        return self.chinese if language is Language.CHINESE and self.chinese else self.message


ErrorTable = Mapping[type[VacateError], ErrorRow]


def row_for(table: ErrorTable, error: VacateError) -> ErrorRow:
    """The row of the error's class or of its nearest ancestor."""
    return row_of(table, type(error))


def row_of(table: ErrorTable, error: type[VacateError]) -> ErrorRow:
    """The row of a class or of its nearest ancestor."""
    for cls in error.__mro__:
        if issubclass(cls, VacateError) and cls in table:
            return table[cls]
    raise LookupError(f"no row for {error.__name__}")


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; always with a length, never chunked."""
    return Response(
        for_json(msgspec.json.encode(content).decode()),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def error_response(
    row: ErrorRow,
    detail: str,
    *,
    request_id: str,
    language: Language = Language.ENGLISH,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The envelope that every client understands: `error_code` and `error_msg`, and the request's id."""
    return json_response(
        {"error_code": row.code, "error_msg": error_message(row, detail, language), "request_id": request_id},
        status=row.status,
        headers={"Content-Language": _TAGS[language], **(headers or {})},
    )


def error_message(row: ErrorRow, detail: str, language: Language) -> str:
    """The documented text and our own, which begins a sentence unless it goes on or begins with a field's name."""
    message = row.text(language)
    if detail in row.message:
        return message
    first = detail.partition(" ")[0]
    if row.message.endswith(":") or not first.isalpha():
        return f"{message} {detail}"
    return f"{message} {detail[:1].upper()}{detail[1:]}"
