"""The header `X-Language` chooses the language of an error's documented text, at every door and before any."""

import re

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.unit.http.asgi import call
from vacate.api.errors import ErrorRow
from vacate.api.gaussdb_v3.errors import ERRORS as SESSION_CALLS
from vacate.api.iam_v3.errors import ERRORS as SIGN_IN
from vacate.api.language import Language, language_of
from vacate.http.answers import error_message
from vacate.http.app import NO_SUCH_API, build_app
from vacate.http.envelope import NOT_UNDERSTOOD, UNFORESEEN

TABLES = {"session_calls": SESSION_CALLS, "sign_in": SIGN_IN}
ROWS = {
    **{f"{door}-{error.__name__}": row for door, table in TABLES.items() for error, row in table.items()},
    "no_such_api": NO_SUCH_API,
    "not_understood": NOT_UNDERSTOOD,
    "unforeseen": UNFORESEEN,
}
HAN = re.compile(r"[\u4e00-\u9fff]")


class QuietLog:
    def answered(self, **facts: object) -> None:
        pass

    def failed(self, *, request_id: str, error: Exception) -> None:
        pass


async def fail(request: Request) -> Response:
    raise RuntimeError(request.method)


@pytest.fixture
def app() -> ASGIApp:
    return build_app([Route("/fail", fail, methods=["GET"])], QuietLog())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_has_a_text_in_both_languages(row: ErrorRow) -> None:
    english, chinese = row.text(Language.ENGLISH), row.text(Language.CHINESE)
    assert english.isascii()
    assert HAN.search(chinese), f"{row.code} {row.message} has no Chinese text"
    assert chinese[-1] == {".": "。", ":": "："}[english[-1]]


@pytest.mark.parametrize("door", TABLES)
def test_one_text_is_translated_in_one_way_only(door: str) -> None:
    pairs = {(row.message, row.chinese) for row in TABLES[door].values()}
    assert len(pairs) == len({english for english, _ in pairs})


@pytest.mark.parametrize(
    ("sent", "language"),
    [
        ([b"zh-cn"], Language.CHINESE),
        ([b"ZH-CN"], Language.CHINESE),
        ([b" zh-Cn "], Language.CHINESE),
        ([b"en-us"], Language.ENGLISH),
        ([b"EN-US"], Language.ENGLISH),
        ([b"zh"], Language.ENGLISH),
        ([b"de-de"], Language.ENGLISH),
        ([b"zh-cn, en-us"], Language.ENGLISH),
        ([b""], Language.ENGLISH),
        ([b"\xff\xfe"], Language.ENGLISH),
        ([b"zh-cn", b"en-us"], Language.ENGLISH),
        ([], Language.ENGLISH),
    ],
)
def test_whatever_is_not_chinese_is_english(sent: list[bytes], language: Language) -> None:
    assert language_of([(b"X-Language", value) for value in sent]) is language


def test_the_wish_of_a_browser_is_not_asked_for() -> None:
    assert language_of([(b"accept-language", b"zh-cn")]) is Language.ENGLISH


def test_what_was_found_stays_english_behind_the_chinese_text() -> None:
    row = ErrorRow(status=400, code="DBS.280001", message="Parameter error.", chinese="参数错误。")
    assert error_message(row, "the body is empty", Language.CHINESE) == "参数错误。 The body is empty"
    assert error_message(row, "", Language.CHINESE) == "参数错误。"
    # What the English text says already is not said again behind the Chinese one.
    assert error_message(row, "Parameter error.", Language.CHINESE) == "参数错误。"


@pytest.mark.parametrize(("target", "row"), [(b"/nowhere", NO_SUCH_API), (b"/fail", UNFORESEEN)])
@pytest.mark.parametrize(("sent", "tag"), [(b"zh-CN", "zh-CN"), (b"en-us", "en-US"), (b"fr", "en-US")])
async def test_errors_before_the_gate_and_behind_everything_keep_the_language(
    app: ASGIApp, target: bytes, row: ErrorRow, sent: bytes, tag: str
) -> None:
    answer = await call(app, "GET", target, headers=[(b"X-Language", sent)])
    assert answer.refusal == (row.status, row.code)
    assert answer.json["error_msg"] == (row.chinese if tag == "zh-CN" else row.message)
    assert answer.headers["content-language"] == tag


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_table_says_the_same_whatever_the_order_of_its_texts(row: ErrorRow) -> None:
    assert error_message(row, "x-auth-token not found", Language.ENGLISH).startswith(row.message)
    assert error_message(row, "x-auth-token not found", Language.CHINESE).startswith(row.chinese)
    assert error_message(row, "x-auth-token not found", Language.CHINESE).endswith(" x-auth-token not found")
