"""Log lines: one JSON object a line, whatever is in it."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vacate.telemetry.logs import log, start_logging


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)


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
    logging.getLogger("uvicorn.error").warning("cannot %s", "bind")
    (line,) = lines(capsys)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "uvicorn.error", "cannot bind")


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
