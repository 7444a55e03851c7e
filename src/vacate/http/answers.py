"""How a door answers: JSON bodies, and refusals in the one envelope."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from vacate.api.errors import ErrorRow
from vacate.api.language import Language
from vacate.domain.texts import for_json

_TAGS = {Language.ENGLISH: "en-US", Language.CHINESE: "zh-CN"}


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
