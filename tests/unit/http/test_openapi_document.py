"""The OpenAPI document, made of a small door of the tests' own: what an operation says is what a reader finds."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta
from openapi_spec_validator import OpenAPIV31SpecValidator

from vacate.api.bodies import BodyTooLargeError
from vacate.api.errors import ErrorRow
from vacate.api.operation import Example, Operation
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.reference.document import document
from vacate.http.reference.door import DescribedDoor

Text = Annotated[str, Meta(description="Some text.")]


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the path templates."""

    shelf: Annotated[str, Meta(description="The shelf: 4 digits.", pattern="^[0-9]{4}$", examples=["0042"])]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many at most.")] = 100
    colour: Annotated[str | None, Meta(description="Of one colour only.")] = None
    tags: Annotated[tuple[str, ...], Meta(description="With every one of these.")] = ()


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book.

    It has a title.
    """

    title: Annotated[Text, Meta(min_length=1)]
    pages: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="How many pages it has.")] = None


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """Several books."""

    books: Annotated[tuple[Book, ...], Meta(description="The books.")]


PUT = Operation(
    id="put_book",
    family="Books",
    title="Put a book on a shelf",
    description="The book stays there.",
    method="POST",
    path="/shelves/{shelf}/books",
    request=Book,
    response=Book,
    status=201,
    request_headers=("X-Project-Id",),
    headers=("X-Vacate-Outcomes",),
    errors=(domain.NodeUnknownError, domain.TokenExpiredError),
    examples=(Example(title="A thin book", request=Book(title="a", pages=3), response={"title": "a", "pages": 3}),),
)
LIST = Operation(
    id="list_books",
    family="Books",
    title="List a shelf",
    description="All that stands there.",
    method="GET",
    path="/shelves/{shelf}/books",
    query=Query,
    response=Books,
    examples=(
        Example(
            title="Red ones (two)",
            query=(("limit", "2"), ("tags", "a"), ("tags", "b")),
            response=Books(books=()),
        ),
    ),
)
LOOK = Operation(
    id="look",
    family="Shelves",
    title="Is there a shelf?",
    description="Answers without a body.",
    method="HEAD",
    path="/shelves/{shelf}",
    response=None,
    status=204,
    authenticated=False,
)
TABLE = {
    BodyTooLargeError: ErrorRow(status=413, code="T.0413", message="Too large.", chinese="过大。"),
    domain.CredentialsMissingError: ErrorRow(status=401, code="T.0401", message="No name.", chinese="无名。"),
    domain.TokenExpiredError: ErrorRow(status=401, code="T.0402", message="Too late:", chinese="过期："),
    domain.NodeUnknownError: ErrorRow(status=400, code="T.0400", message="No node.", chinese="无节点。"),
    domain.StoreUnavailableError: ErrorRow(status=429, code="T.0429", message="Busy.", chinese="忙。", told=False),
    VacateError: ErrorRow(status=500, code="T.0500", message="Broken.", chinese="故障。"),
}
DOOR = DescribedDoor(
    title="Library",
    operations=(PUT, LIST, LOOK),
    table=TABLE,
    path=Path,
    headers=("X-IAM-Trace-Id",),
    proved=(BodyTooLargeError, domain.CredentialsMissingError, domain.StoreUnavailableError),
    anybody=(BodyTooLargeError,),
)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return document([DOOR], "1.2.3")


def call(whole: dict[str, Any], operation: Operation) -> dict[str, Any]:
    return whole["paths"][operation.path][operation.method.lower()]


def parameters(described: dict[str, Any]) -> dict[str, Any]:
    return {parameter["name"]: parameter for parameter in described["parameters"] if "name" in parameter}


def answer(whole: dict[str, Any], described: dict[str, Any], status: str) -> dict[str, Any]:
    """One answer of a call; those that calls have in common are told in one place."""
    found = described["responses"][status]
    if "$ref" in found:
        return whole["components"]["responses"][found["$ref"].removeprefix("#/components/responses/")]
    return found


def messages(whole: dict[str, Any], described: dict[str, Any], status: str) -> dict[str, str]:
    """What the examples of one status say, by name."""
    examples = answer(whole, described, status)["content"]["application/json"]["examples"]
    named = {name: example["$ref"].removeprefix("#/components/examples/") for name, example in examples.items()}
    return {name: whole["components"]["examples"][key]["value"]["error_msg"] for name, key in named.items()}


def test_it_is_openapi(whole: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(whole).validate()
    assert whole["openapi"] == "3.1.0"
    assert whole["info"]["version"] == "1.2.3"
    assert whole["servers"][0]["url"] == "/"


def test_families_come_in_the_order_of_their_operations(whole: dict[str, Any]) -> None:
    assert [tag["name"] for tag in whole["tags"]] == ["Books", "Shelves", "Monitoring"]


def test_only_a_call_whose_sender_is_proved_asks_for_credentials(whole: dict[str, Any]) -> None:
    assert call(whole, PUT)["security"] == [{"token": []}, {"signature": []}]
    assert call(whole, LOOK)["security"] == []
    assert set(whole["components"]["securitySchemes"]) == {"token", "signature"}


def test_a_parameter_of_the_path_is_told_with_its_form(whole: dict[str, Any]) -> None:
    shelf = parameters(call(whole, LOOK))["shelf"]
    assert shelf["in"] == "path"
    assert shelf["required"] is True
    assert shelf["schema"]["pattern"] == "^[0-9]{4}$"
    assert shelf["example"] == "0042"


def test_a_query_is_told_field_by_field_and_has_no_null(whole: dict[str, Any]) -> None:
    found = parameters(call(whole, LIST))
    assert found["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 100}
    assert found["limit"]["required"] is False
    assert found["colour"]["schema"] == {"type": "string"}
    assert found["limit"]["examples"]["Red-ones-two"]["value"] == 2
    assert found["tags"]["examples"]["Red-ones-two"]["value"] == ["a", "b"]
    assert not {"Query", "Path"} & set(whole["components"]["schemas"])


def test_every_call_may_ask_for_a_language(whole: dict[str, Any]) -> None:
    for operation in DOOR.operations:
        assert {"$ref": "#/components/parameters/Language"} in call(whole, operation)["parameters"]
    assert whole["components"]["parameters"]["Language"]["schema"]["enum"] == ["en-us", "zh-cn"]


def test_body_and_answer_refer_to_one_shape_with_its_words(whole: dict[str, Any]) -> None:
    described = call(whole, PUT)
    body = described["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Book"}
    assert body["content"]["application/json"]["examples"]["A-thin-book"]["value"] == {"title": "a", "pages": 3}
    assert described["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Book"
    }
    assert whole["components"]["schemas"]["Book"]["description"] == "A book.\n\nIt has a title."


def test_every_refusal_is_there_with_code_and_message_in_both_languages(whole: dict[str, Any]) -> None:
    responses = call(whole, PUT)["responses"]
    assert set(responses) == {"201", "400", "401", "404", "413", "429", "500"}
    content = answer(whole, call(whole, PUT), "401")["content"]["application/json"]
    assert content["schema"]["properties"]["error_code"]["enum"] == ["T.0401", "T.0402"]
    assert messages(whole, call(whole, PUT), "401") == {
        "CredentialsMissingError.en-us": "No name. x-auth-token not found",
        "CredentialsMissingError.zh-cn": "无名。 x-auth-token not found",
        "TokenExpiredError.en-us": "Too late: token expires, expires_at: 2026-01-02T03:04:05.000000Z",
        "TokenExpiredError.zh-cn": "过期： token expires, expires_at: 2026-01-02T03:04:05.000000Z",
    }


def test_words_that_the_caller_is_not_told_are_not_in_the_examples(whole: dict[str, Any]) -> None:
    assert messages(whole, call(whole, PUT), "429")["StoreUnavailableError.en-us"] == "Busy."


def test_an_open_call_is_not_refused_for_its_sender(whole: dict[str, Any]) -> None:
    assert set(call(whole, LOOK)["responses"]) == {"204", "400", "404", "413", "500"}


def test_an_answer_to_head_has_no_body(whole: dict[str, Any]) -> None:
    described = call(whole, LOOK)
    assert all("content" not in answer(whole, described, status) for status in described["responses"])


def test_headers_are_told_where_they_are_sent(whole: dict[str, Any]) -> None:
    for path in whole["paths"].values():
        for described in path.values():
            for status in described["responses"]:
                assert "X-Request-Id" in answer(whole, described, status)["headers"]
    assert parameters(call(whole, PUT))["X-Project-Id"]["in"] == "header"
    headers = {status: answer(whole, call(whole, PUT), status)["headers"] for status in call(whole, PUT)["responses"]}
    assert "X-Vacate-Outcomes" in headers["201"]
    assert all("X-IAM-Trace-Id" in names for names in headers.values())
    assert "Retry-After" in headers["429"]
    assert "Retry-After" not in headers["400"]
    assert "Content-Language" in headers["400"]
    assert set(whole["components"]["headers"]) >= {name for names in headers.values() for name in names}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"path": "/shelves/{cellar}"}, id="parameter_of_the_path"),
        pytest.param({"headers": ("X-Unheard-Of",)}, id="header_of_the_answer"),
        pytest.param({"request_headers": ("X-Unheard-Of",)}, id="header_of_the_request"),
    ],
)
def test_what_nobody_has_described_is_a_mistake_that_shows(changed: dict[str, Any]) -> None:
    with pytest.raises(LookupError):
        document([replace(DOOR, operations=(replace(PUT, **changed),))], "1")


def test_a_field_of_a_query_without_words_is_a_mistake_that_shows() -> None:
    class Mute(msgspec.Struct):
        """It says nothing of its fields."""

        limit: int = 0

    with pytest.raises(LookupError, match=r"Mute\.limit"):
        document([replace(DOOR, operations=(replace(LIST, query=Mute),))], "1")
