"""The reference lists every code that the doors answer with. `python -m tests.house.test_error_reference` writes it."""

import re
from collections.abc import Iterator

from tests.house.checkout import ROOT
from vacate.cli.serving import NOT_UNDERSTOOD
from vacate.domain.errors import PasswordInvalidError, VacateError
from vacate.http.answers import ErrorRow, ErrorTable
from vacate.http.app import NO_SUCH_API
from vacate.http.envelope import UNFORESEEN
from vacate.http.gaussdb_v3.errors import ERRORS as SESSION_CALLS
from vacate.http.iam_v3.errors import ERRORS as SIGN_IN

PAGE = ROOT / "docs" / "reference" / "errors.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
HEAD = "| Status | Code | Message | When |\n|---|---|---|---|\n"
# What the root of all errors says of itself is of no use to a caller.
ANYTHING_ELSE = "Anything else that went wrong."
# Nobody gives a password where sessions are ended; its row there is for the sake of completeness only.
ONLY_AT_SIGN_IN = {PasswordInvalidError}


def when(error: type[VacateError]) -> str:
    """The first sentences of an error's own description."""
    if error is VacateError:
        return ANYTHING_ELSE
    first, _, _ = (error.__doc__ or "").partition("\n\n")
    return " ".join(first.split())


def line(row: ErrorRow, occasion: str) -> str:
    """One line of a table. A bar would end the cell."""
    cells = (str(row.status), f"`{row.code}`", row.message, occasion)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def rows(table: ErrorTable) -> Iterator[tuple[ErrorRow, str]]:
    """The rows of a door, by status and code; rows that differ in their occasion only stay side by side."""
    out_of_place = ONLY_AT_SIGN_IN if table is SESSION_CALLS else set[type[VacateError]]()
    named = ((row, when(error)) for error, row in table.items() if error not in out_of_place)
    yield from sorted(named, key=lambda entry: (entry[0].status, entry[0].code, entry[1]))


def section(title: str, table: ErrorTable) -> str:
    return f"## {title}\n\n{HEAD}{''.join(line(row, occasion) for row, occasion in rows(table))}\n"


def tables() -> str:
    """Everything between the marks of the page."""
    everywhere = (
        line(NOT_UNDERSTOOD, "What came is no request, or its head is too large.")
        + line(NO_SUCH_API, "No such path, or not with this method.")
        + line(UNFORESEEN, "Something unforeseen happened; the log has the details.")
    )
    return (
        "\n"
        + section("Session calls", SESSION_CALLS)
        + section("Signing in", SIGN_IN)
        + f"## Everywhere\n\n{HEAD}{everywhere}\n"
    )


def rewritten(text: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{PAGE} has lost the mark {BEGIN}"
    assert end, f"{PAGE} has lost the mark {END}"
    return before + begin + tables() + end + after


def test_the_reference_lists_what_the_doors_answer() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == rewritten(text), "Run: python -m tests.house.test_error_reference"


def test_every_error_in_the_reference_says_when_it_occurs() -> None:
    silent = [error.__name__ for table in (SESSION_CALLS, SIGN_IN) for error in table if not when(error)]
    assert not silent


def test_every_code_that_the_page_explains_is_one_that_is_answered() -> None:
    answered = {row.code for table in (SESSION_CALLS, SIGN_IN) for row in table.values()}
    answered |= {row.code for row in (NOT_UNDERSTOOD, NO_SUCH_API, UNFORESEEN)}
    explained = set(re.findall(r"\b(?:DBS|APIGW|IAM)\.\d+\b", PAGE.read_text(encoding="utf-8")))
    assert explained == answered


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
