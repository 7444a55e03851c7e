"""The reference lists every code and every status. `python -m tests.house.test_error_reference` writes it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.house.checkout import ROOT
from vacate.api.errors import ErrorRow
from vacate.api.operation import Operation
from vacate.http.app import NO_SUCH_API
from vacate.http.envelope import NOT_UNDERSTOOD, UNFORESEEN
from vacate.http.reference import monitoring
from vacate.http.reference.catalogue import DOORS
from vacate.http.reference.door import DescribedDoor
from vacate.http.reference.refusals import EVERYWHERE, refusals

ERRORS = ROOT / "docs" / "reference" / "errors.md"
STATUSES = ROOT / "docs" / "reference" / "status-codes.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"

# What a client makes of a status, whatever the code beside it.
TO_A_CLIENT = {
    200: "Done. A call that ends sessions says in its body whether all of them are gone.",
    201: "Made; the body shows it, or `X-Subject-Token` carries a token.",
    202: "A plan is being applied, and goes on when nobody waits; look at it again.",
    204: "Done; there is no body.",
    400: "The request is wrong: it will be as wrong the next time. The message names the place.",
    401: "The sender is not proved. Sign in anew, or correct the signature, then send the call again.",
    403: "The sender is known and may not do this. Another credential or a higher role is needed.",
    404: "There is no such path, method, instance, token, plan or session.",
    408: "The body came too slowly or not in whole. Send the call again.",
    409: "The request is right, and cannot be served now or no more. The message says what is in the way.",
    410: "The plan's time is over; make a new one.",
    413: "The body is too large. Nothing of it was read.",
    429: "Too much at once. Wait for the seconds of `Retry-After`.",
    500: "Vacate failed; its log has the request id. What was to be ended may be asked for again.",
    503: "Only `/readyz` answers this: nothing can be swept.",
}


# --- who answers what ------------------------------------------------------------------------------------------------


def callers(door: DescribedDoor, operations: Iterable[Operation]) -> str:
    """The calls of a door in words: all of them, all of one kind, or by name."""
    named = {operation.id for operation in operations}
    if named == {operation.id for operation in door.operations}:
        return "every call"
    if named == {operation.id for operation in door.operations if operation.authenticated}:
        return "every call with credentials"
    if named == {operation.id for operation in door.operations if "{instance_id}" in operation.path}:
        return "every call about an instance"
    return ", ".join(f"`{operation.id}`" for operation in door.operations if operation.id in named)


def line(*cells: str) -> str:
    """One line of a table. A bar would end the cell."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def texts(row: ErrorRow) -> tuple[str, str, str]:
    return f"`{row.code}`", row.message, row.chinese


def door_rows(door: DescribedDoor) -> Iterator[str]:
    """The refusals of a door, by status and code."""
    raised: dict[str, list[Operation]] = defaultdict(list)
    for operation in door.operations:
        for error in door.errors(operation):
            raised[error.__name__].append(operation)
    every = (error for operation in door.operations for error in door.errors(operation))
    for refusal in refusals(door.table, every):
        who = callers(door, raised[refusal.name])
        yield line(str(refusal.row.status), *texts(refusal.row), refusal.occasion, who)


def error_tables() -> str:
    """Everything between the marks of the page of errors."""
    head = line("Status", "Code", "English", "Chinese", "When", "Calls") + "|---|---|---|---|---|---|\n"
    sections = [f"## {door.title}\n\n{head}{''.join(door_rows(door))}\n" for door in DOORS]
    everywhere = "".join(
        line(str(refusal.row.status), *texts(refusal.row), refusal.occasion, "everything") for refusal in EVERYWHERE
    )
    return "\n" + "".join(sections) + f"## Everywhere\n\n{head}{everywhere}\n"


# --- statuses --------------------------------------------------------------------------------------------------------


def successes() -> dict[int, list[str]]:
    """The calls that end well with each status, where such an end is what they are for."""
    found: dict[int, list[str]] = defaultdict(list)
    for door in DOORS:
        for operation in door.operations:
            for status in (operation.status, operation.under_way):
                if status is not None and status < HTTPStatus.BAD_REQUEST:
                    found[status].append(f"`{operation.id}`")
    for path, methods in monitoring.paths(defaultdict(dict)).items():
        for status in methods["get"]["responses"]:
            found[int(status)].append(f"`{path}`")
    return found


def codes() -> dict[int, set[str]]:
    """The codes that come with each status."""
    found: dict[int, set[str]] = defaultdict(set)
    for door in DOORS:
        for operation in door.operations:
            for refusal in door.refusals(operation):
                found[refusal.row.status].add(f"`{refusal.row.code}`")
    return found


def status_tables() -> str:
    """Everything between the marks of the page of statuses."""
    well, badly = successes(), codes()
    text = "\n" + line("Status", "Means", "Calls or codes") + "|---|---|---|\n"
    for status in sorted({*well, *badly}):
        told = [*well[status], *sorted(badly[status])]
        text += line(str(status), TO_A_CLIENT[status], ", ".join(told))
    return text + "\n"


PAGES = {ERRORS: error_tables, STATUSES: status_tables}


def rewritten(page: Path) -> str:
    """The page as it should be: what is written by hand, and between the marks what the code says."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{page} has lost the mark {BEGIN}"
    assert end, f"{page} has lost the mark {END}"
    return before + begin + PAGES[page]() + end + after


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_reference_says_what_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == rewritten(page), "Run: python -m tests.house.test_error_reference"


def test_every_error_in_the_reference_says_when_it_occurs() -> None:
    every = [refusal for door in DOORS for operation in door.operations for refusal in door.refusals(operation)]
    assert every
    assert not [refusal.name for refusal in every if not refusal.occasion]


def test_every_code_that_the_pages_explain_is_one_that_is_answered() -> None:
    answered = {code.strip("`") for of_status in codes().values() for code in of_status}
    answered |= {row.code for row in (NOT_UNDERSTOOD, NO_SUCH_API, UNFORESEEN)}
    for page in PAGES:
        explained = set(re.findall(r"\b(?:DBS|APIGW|IAM|VACATE)\.\d+\b", page.read_text(encoding="utf-8")))
        assert explained == answered, page


def test_no_status_is_explained_that_is_never_answered() -> None:
    assert set(TO_A_CLIENT) == {*successes(), *codes()}


if __name__ == "__main__":
    for changed in PAGES:
        changed.write_text(rewritten(changed), encoding="utf-8")
