"""Log lines: one JSON object a line, or one line of words, whatever is in it."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.hostile import NAMES, acting
from vacate.domain.texts import without_halves
from vacate.telemetry.logs import LogFormat, log, start_logging


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)
    logging.getLogger("vacate").setLevel(logging.NOTSET)


def lines(written: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = written.readouterr()
    assert not out
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_is_a_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    before = datetime.now(tz=UTC)
    log("sweep ended", {"component_id": "cn_5001", "terminated": 3})
    (line,) = lines(capsys)
    at = datetime.fromisoformat(str(line.pop("at")))
    assert before - timedelta(seconds=1) <= at <= datetime.now(tz=UTC)
    assert line == {
        "level": "info",
        "logger": "vacate",
        "message": "sweep ended",
        "component_id": "cn_5001",
        "terminated": 3,
    }


def test_other_loggers_lines_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    logging.getLogger("some.library").warning("cannot %s", "bind")
    (line,) = lines(capsys)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "some.library", "cannot bind")


def test_an_error_brings_its_trace_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        log("request failed", {"request_id": "r1"}, level=logging.ERROR, error=error)
    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert "ZeroDivisionError" in str(line["exception"])


def test_a_line_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("warning")
    log("quiet", {})
    log("loud", {}, level=logging.WARNING)
    assert [line["message"] for line in lines(capsys)] == ["loud"]


def test_times_and_durations_are_written_as_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    log("m", {"at_server": datetime(2026, 1, 2, tzinfo=UTC), "for": timedelta(seconds=1), "nothing": None})
    (line,) = lines(capsys)
    assert line["at_server"] == "2026-01-02T00:00:00Z"
    assert line["for"] == "PT1S"
    assert line["nothing"] is None


def test_starting_again_does_not_write_lines_twice(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    start_logging()
    log("once", {})
    assert len(lines(capsys)) == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.text(), value=st.text())
def test_no_text_makes_a_second_line_or_breaks_the_first(
    capsys: pytest.CaptureFixture[str], message: str, value: str
) -> None:
    start_logging()
    log(message, {"value": value})
    written = capsys.readouterr().err
    assert written.endswith("\n")
    assert written.count("\n") == 1
    line = json.loads(written)
    assert (line["message"], line["value"]) == (message, value)


# --- for people ------------------------------------------------------------------------------------------------------

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?P<level>[A-Z]+) +(?P<rest>.*)\n")
FIELD = re.compile(r'(?P<name>\w+)=(?:(?P<bare>[^\s"]+)|"(?P<quoted>(?:[^"\\]|\\.)*)")(?: |$)')
# What moves the cursor, begins an escape sequence, ends a line in some reader's eyes, or turns the text around.
STEERING = "\0\a\b\t\n\v\f\r\x1b\x7f\x85\x9b\u200f\u2028\u2029\u202e\u2066\ufeff\U000e0001"


def said(written: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """The level of each line, and what follows it."""
    out, err = written.readouterr()
    assert not out
    found = [STAMP.fullmatch(line) for line in err.splitlines(keepends=True)]
    assert None not in found, err
    return [(match["level"], match["rest"]) for match in found if match is not None]


def test_a_line_for_people_is_its_message_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(form=LogFormat.CONSOLE)
    log("sweep ended", {"component_id": "cn_5001", "terminated": 3, "tls": False, "seconds": 1.5, "absent": None})
    assert said(capsys) == [("INFO", "sweep ended component_id=cn_5001 terminated=3 tls=false seconds=1.5")]


def test_times_and_durations_are_the_same_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(form=LogFormat.CONSOLE)
    log("m", {"at_server": datetime(2026, 1, 2, tzinfo=UTC), "for": timedelta(seconds=1)})
    assert said(capsys) == [("INFO", "m at_server=2026-01-02T00:00:00Z for=PT1S")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("", '""', id="nothing"),
        pytest.param("two words", '"two words"', id="a_space"),
        pytest.param("a=b", '"a=b"', id="what_looks_like_a_field"),
        pytest.param('say "hi"', r'"say \"hi\""', id="quotes"),
        pytest.param("back\\slash", r'"back\\slash"', id="a_backslash"),
        pytest.param("line\nend\ttab", r'"line\nend\ttab"', id="a_line_end"),
        pytest.param("\x1b[31mred", r'"\u001b[31mred"', id="a_colour"),
        pytest.param("数据", "数据", id="another_script"),
        pytest.param({"user": "a\nb", "n": [1]}, r'{"user":"a\nb","n":[1]}', id="parts"),
        pytest.param("[1]", '"[1]"', id="what_looks_like_parts"),
    ],
)
def test_a_value_for_people_says_what_it_is(capsys: pytest.CaptureFixture[str], value: object, shown: str) -> None:
    start_logging(form=LogFormat.CONSOLE)
    log("m", {"value": value})
    assert said(capsys) == [("INFO", f"m value={shown}")]


def test_an_error_brings_its_trace_in_the_same_line_for_people_too(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(form=LogFormat.CONSOLE)
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        log("request failed", {}, level=logging.ERROR, error=error)
    ((level, line),) = said(capsys)
    assert level == "ERROR"
    assert line.startswith(r'request failed exception="Traceback (most recent call last):\n')
    assert "ZeroDivisionError" in line


def test_other_loggers_lines_say_whose_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("warning", LogFormat.CONSOLE)
    logging.getLogger("some.library").info("quiet")
    logging.getLogger("some.library").warning("cannot %s", "bind\n2026-01-01T00:00:00.000Z INFO  all is well")
    assert said(capsys) == [
        ("WARNING", r"some.library: cannot bind\n2026-01-01T00:00:00.000Z INFO  all is well"),
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(st.characters(codec="utf-8") | st.sampled_from(STEERING)),
    value=st.text(st.characters(codec="utf-8") | st.sampled_from(STEERING + '"\\= ')),
)
def test_no_text_makes_a_second_line_a_second_field_or_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], message: str, value: str
) -> None:
    start_logging(form=LogFormat.CONSOLE)
    log(message, {})
    log("m", {"value": value, "last": 1})
    spoken, told, nothing = capsys.readouterr().err.split("\n")
    assert not nothing
    assert not acting(spoken)
    assert not acting(told)
    assert "\t" not in spoken + told
    fields = [match.groupdict() for match in FIELD.finditer(told, told.index(" m value=") + 3)]
    assert [field["name"] for field in fields] == ["value", "last"]
    shown = fields[0]["bare"] if fields[0]["bare"] is not None else json.loads(f'"{fields[0]["quoted"]}"')
    assert shown == value


@pytest.mark.parametrize(
    ("level", "heard"),
    [("debug", ["debug", "info", "warning"]), ("info", ["warning"]), ("warning", ["warning"]), ("error", [])],
)
def test_libraries_only_warn_unless_everything_is_wanted(
    capsys: pytest.CaptureFixture[str], level: str, heard: list[str]
) -> None:
    start_logging(level)
    for spoken in ("debug", "info", "warning"):
        logging.getLogger("alembic.runtime.migration").log(logging.getLevelNamesMapping()[spoken.upper()], "step")
    assert [line["level"] for line in lines(capsys)] == heard


def test_what_vacate_says_is_heard_from_the_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("info")
    for level in (logging.DEBUG, logging.INFO, logging.ERROR):
        log("said", {}, level=level)
    assert [line["level"] for line in lines(capsys)] == ["info", "error"]


# --- hostile names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
def test_hostile_names_are_one_line_each_that_any_locale_can_write(
    monkeypatch: pytest.MonkeyPatch, form: LogFormat, encoding: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(written, encoding=encoding, errors="strict"))
    start_logging(form=form)
    for name in NAMES.values():
        log(f"m {name}", {"name": name, "parts": {"names": [name]}, name: 1}, error=ValueError(name))
    sys.stderr.flush()
    lines = written.getvalue().decode(encoding).splitlines()
    assert len(lines) == len(NAMES)
    for line, name in zip(lines, NAMES.values(), strict=True):
        assert not acting(line)
        if form is LogFormat.JSON:
            assert json.loads(line)["name"] == without_halves(name)
