"""How a refused call is answered: the envelope, and a table's row from error class to status, code and message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from vacate.api.language import Language
from vacate.domain.errors import VacateError

REQUEST_ID_HEADER = "X-Request-Id"


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call was refused."""

    error_code: Annotated[str, Meta(description="The documented code, for programs.", min_length=1)]
    error_msg: Annotated[
        str,
        Meta(
            description="The documented short text in the language asked for, then what was found, in English.",
            min_length=1,
        ),
    ]
    request_id: Annotated[str, Meta(description="The call's name, as in `X-Request-Id`.", pattern="^[0-9a-f]{32}$")]


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
