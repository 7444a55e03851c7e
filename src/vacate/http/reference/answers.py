"""The answers of a call in the OpenAPI document: the one it is made for, and every refusal, by status."""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from vacate.api.errors import REQUEST_ID_HEADER
from vacate.api.language import Language
from vacate.api.operation import Operation
from vacate.http.answers import error_message
from vacate.http.reference.door import DescribedDoor
from vacate.http.reference.parameters import HEADERS
from vacate.http.reference.refusals import Refusal

_SAMPLE_ID = "b1ec39e0a7bd4c0f8b0a7a8b2c1f6f2e"


def example_key(title: str) -> str:
    """A title as the key of a map of examples."""
    return "-".join("".join(char if char.isalnum() else " " for char in title).split()) or "example"


def successes(door: DescribedDoor, operation: Operation, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answers that the call is made for, by status."""
    statuses = [status for status in (operation.status, operation.under_way) if status is not None]
    return {str(status): _success(door, operation, schema, HTTPStatus(status)) for status in statuses}


def _success(
    door: DescribedDoor, operation: Operation, schema: Mapping[str, Any] | None, status: HTTPStatus
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": status.phrase,
        "headers": _headers(*door.headers, *operation.headers),
    }
    if schema is not None and operation.method != "HEAD":
        examples = {
            example_key(example.title): {"summary": example.title, "value": plain(example.response)}
            for example in operation.examples
        }
        answer["content"] = {"application/json": {"schema": schema, "examples": examples}}
    return answer


class SharedAnswers:
    """The answers that many calls have in common: each is told once, and referred to by name."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self._error = error
        self.components: dict[str, dict[str, Any]] = {}

    def refused(self, door: DescribedDoor, operation: Operation) -> dict[str, Any]:
        """The refusals of a call by status. The schema of each status admits only the codes that it may come with."""
        by_status: dict[int, list[Refusal]] = defaultdict(list)
        for refusal in door.refusals(operation):
            by_status[refusal.row.status].append(refusal)
        return {
            str(status): self._reference(
                f"{_key(door)}.{status}", _of_status(door, operation, by_status[status], self._error)
            )
            for status in sorted(by_status)
        }

    def _reference(self, stem: str, answer: dict[str, Any]) -> dict[str, str]:
        numbered = (f"{stem}.{number}" for number in itertools.count(1))
        name = next(name for name in numbered if self.components.setdefault(name, answer) == answer)
        return {"$ref": f"#/components/responses/{name}"}


def refusal_examples(door: DescribedDoor) -> dict[str, Any]:
    """Every refusal of a door, once in each language, to be referred to."""
    every = dict.fromkeys(refusal for operation in door.operations for refusal in door.refusals(operation))
    return {
        f"{_key(door)}.{refusal.name}.{language}": {
            "summary": f"{refusal.row.code}, {language}: {refusal.occasion}",
            "value": {
                "error_code": refusal.row.code,
                "error_msg": error_message(refusal.row, refusal.detail, language),
                "request_id": _SAMPLE_ID,
            },
        }
        for refusal in every
        for language in Language
    }


def _key(door: DescribedDoor) -> str:
    return door.title.replace(" ", "")


def _of_status(
    door: DescribedDoor, operation: Operation, refusals: list[Refusal], schema: Mapping[str, Any]
) -> dict[str, Any]:
    status = refusals[0].row.status
    extra = ("Content-Language", "Retry-After") if status == HTTPStatus.TOO_MANY_REQUESTS else ("Content-Language",)
    told = dict.fromkeys(f"- `{refusal.row.code}` {refusal.occasion}" for refusal in refusals)
    answer: dict[str, Any] = {
        "description": "\n".join([f"{HTTPStatus(status).phrase}.", "", *told]),
        "headers": _headers(*door.headers, *extra),
    }
    if operation.method != "HEAD":
        codes = sorted({refusal.row.code for refusal in refusals})
        answer["content"] = {
            "application/json": {
                "schema": {**schema, "properties": {"error_code": {"enum": codes}}},
                "examples": {
                    f"{refusal.name}.{language}": {
                        "$ref": f"#/components/examples/{_key(door)}.{refusal.name}.{language}"
                    }
                    for refusal in refusals
                    for language in Language
                },
            }
        }
    return answer


def _headers(*names: str) -> dict[str, Any]:
    if unknown := set(names) - set(HEADERS):
        raise LookupError(f"nobody has described the headers {sorted(unknown)}")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (REQUEST_ID_HEADER, *names)}


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can say
    """An example as it goes over the wire."""
    return msgspec.json.decode(msgspec.json.encode(value))
