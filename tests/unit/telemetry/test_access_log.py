"""The access log: a line and a count for every answer, by the route and never by the path."""

import logging

import pytest

from vacate.telemetry.access_log import TelemetryAccessLog
from vacate.telemetry.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


@pytest.fixture
def access_log(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> TelemetryAccessLog:
    caplog.set_level(logging.DEBUG, logger="vacate")
    return TelemetryAccessLog(metrics)


def answered(access_log: TelemetryAccessLog, *, path: str = "/v3/p1/instances/i1", proved: bool = True) -> None:
    access_log.answered(
        request_id="request-1",
        source_address="203.0.113.9",
        method="POST",
        path=path,
        route="/v3/{project_id}/instances/{instance_id}",
        status=403,
        seconds=0.0123456789,
        proved=proved,
    )


def test_an_answer_leaves_a_line(access_log: TelemetryAccessLog, caplog: pytest.LogCaptureFixture) -> None:
    answered(access_log)
    (record,) = caplog.records
    assert record.getMessage() == "request answered"
    assert vars(record)["fields"] == {
        "request_id": "request-1",
        "source_address": "203.0.113.9",
        "method": "POST",
        "path": "/v3/p1/instances/i1",
        "status": 403,
        "seconds": 0.012346,
    }


def test_an_answer_is_counted_by_its_route(access_log: TelemetryAccessLog, metrics: Metrics) -> None:
    for number in range(50):
        answered(access_log, path=f"/v3/p{number}/instances/i{number}")
    text = metrics.exposition().decode()
    labels = 'method="POST",route="/v3/{project_id}/instances/{instance_id}",status="403"'
    assert f"vacate_http_requests_total{{{labels}}} 50.0" in text
    assert "/v3/p7" not in text


def test_an_unforeseen_failure_is_an_error_with_its_trace(
    access_log: TelemetryAccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    access_log.failed(request_id="request-1", error=RuntimeError("boom"))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert vars(record)["fields"] == {"request_id": "request-1"}
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_sender_that_was_not_proved_is_counted_by_kind(access_log: TelemetryAccessLog, metrics: Metrics) -> None:
    access_log.not_authenticated("SignatureExpiredError")
    assert 'vacate_authentication_failures_total{kind="SignatureExpiredError"} 1.0' in metrics.exposition().decode()


def test_lines_about_requests_that_anybody_can_send_are_bounded_and_all_are_counted(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="vacate")
    access_log = TelemetryAccessLog(metrics, unproven_lines=2)
    for _ in range(500):
        answered(access_log, proved=False)
    written = [record.getMessage() for record in caplog.records]
    assert 20 <= written.count("request answered") < 100
    assert written.count("log lines about unproven requests were left out") == 1
    assert b'status="403"} 500.0' in metrics.exposition()
    caplog.clear()
    answered(access_log)
    assert [record.getMessage() for record in caplog.records] == ["request answered"]
