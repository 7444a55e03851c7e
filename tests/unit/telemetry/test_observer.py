"""The observer: one line for every ended session, one for the sweep, and no user's statement in any."""

import json
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.fakes import World, actor
from tests.support.place import COMPONENT, TARGET
from tests.support.told_metrics import GOOD_FOR, census, freeze
from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sessions.census import Uncounted
from vacate.domain.sweeps.report import Outcome, Report
from vacate.telemetry.logs import (
    _ConsoleLines,  # pyright: ignore[reportPrivateUsage] - lines are read as they are written.
    _JsonLines,  # pyright: ignore[reportPrivateUsage]
)
from vacate.telemetry.metrics import Metrics
from vacate.telemetry.observer import TelemetryObserver

SECRET = "UPDATE cats SET name = 'Minka the third'"  # noqa: S105 - what a user typed, and no log may show.


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


@pytest.fixture
def observer(metrics: Metrics) -> TelemetryObserver:
    return TelemetryObserver(metrics)


@pytest.fixture(autouse=True)
def everything_is_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="vacate")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    formatter = _JsonLines()
    return [json.loads(formatter.format(record)) for record in caplog.records if record.name == "vacate"]


def iso(at: datetime | None) -> str:
    assert at is not None
    return at.isoformat().replace("+00:00", "Z")


def a_world_of_outcomes() -> World:
    """One session for each way a sweep can end, and a broken link."""
    world = World()
    pids = [world.server.open(query=SECRET, application="web") for _ in range(13)]
    world.server.wake(pids[0])
    world.server.forbid(pids[1])
    world.server.freeze(pids[2])
    world.link.chunk = 5
    world.link.breaks_after = 6
    steps = deque([lambda: None, lambda: world.server.rest(pids[3]), lambda: world.server.end(pids[4])])
    world.link.meanwhile = lambda: steps.popleft()() if steps else None
    return world


def swept() -> Report:
    report = a_world_of_outcomes().sweep(actor(request_id="request-5"))
    assert set(report.counts) == set(Outcome)
    return report


def test_every_outcome_but_spared_and_woke_has_a_line(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    report = swept()
    observer.swept(report)
    *sessions, _ = lines(caplog)
    told = [(line["pid"], line["outcome"]) for line in sessions]
    expected = [
        (entry.session.pid, entry.outcome.value)
        for entry in report.sessions
        if entry.outcome not in {Outcome.SPARED, Outcome.WOKE}
    ]
    assert told == expected
    assert all(line["message"] == f"session {line['outcome']}" for line in sessions)


def test_a_sessions_line_says_who_it_was_where_and_why(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    report = swept()
    observer.swept(report)
    first = next(entry for entry in report.sessions if entry.outcome is Outcome.REFUSED)
    line = next(line for line in lines(caplog) if line.get("pid") == first.session.pid)
    for part in ("at", "level", "logger", "message"):
        del line[part]
    assert first.session.in_state_for is not None
    assert line == {
        "verb": "kill_idle",
        "request_id": "request-5",
        "instance_id": COMPONENT.instance_id,
        "node_id": COMPONENT.node_id,
        "component_id": COMPONENT.id,
        "session_id": first.session.session_id,
        "pid": first.session.pid,
        "backend_start": iso(first.session.backend_start),
        "user": "app",
        "database": "shop",
        "application": "web",
        "client_address": "192.0.2.7",
        "state": "idle",
        "in_state_seconds": first.session.in_state_for.total_seconds(),
        "outcome": "refused",
        "reason": first.reason,
    }


def test_the_last_line_of_a_sweep_counts_its_outcomes(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    report = swept()
    observer.swept(report)
    last = lines(caplog)[-1]
    assert last["message"] == "sweep ended"
    assert last["request_id"] == "request-5"
    assert {outcome: last[outcome.value] for outcome in Outcome} == dict(report.counts)


def test_the_lines_of_named_sessions_say_so_and_count_the_absent(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    observer.swept(world.kill_named(world.server.open(), 7, 8))
    session, last = lines(caplog)
    assert (session["message"], session["verb"]) == ("session terminated", "kill_named")
    assert (last["message"], last["verb"], last["terminated"], last["absent"]) == ("sweep ended", "kill_named", 1, 2)


def test_a_sweep_without_victims_is_one_line(observer: TelemetryObserver, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.server.wake(world.server.open())
    observer.swept(world.sweep())
    (line,) = lines(caplog)
    assert (line["message"], line["spared"]) == ("sweep ended", 1)


def test_a_sweep_is_counted(observer: TelemetryObserver, metrics: Metrics) -> None:
    observer.swept(swept())
    assert 'outcome="terminated"' in metrics.exposition().decode()


def test_no_statement_reaches_the_log(observer: TelemetryObserver, caplog: pytest.LogCaptureFixture) -> None:
    world = a_world_of_outcomes()
    world.audit.refuses = frozenset({AuditAction.KILL_IDLE_FINISHED})
    observer.swept(world.sweep())
    ((event, reason),) = world.observer.delayed
    observer.audit_delayed(event, reason)
    assert any(entry.session.query == SECRET for entry in event.sessions)
    text = json.dumps(lines(caplog)) + caplog.text + str([vars(record) for record in caplog.records])
    assert "Minka" not in text
    assert "cats" not in text


def test_a_delayed_event_goes_to_the_log_whole_but_for_the_statements(
    observer: TelemetryObserver, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    world = a_world_of_outcomes()
    world.audit.refuses = frozenset({AuditAction.KILL_IDLE_FINISHED})
    report = world.sweep(actor(request_id="request-6"))
    ((event, reason),) = world.observer.delayed
    observer.audit_delayed(event, reason)
    (line,) = lines(caplog)
    assert (line["level"], line["message"]) == ("error", "audit event delayed")
    assert line["reason"] == reason
    told: dict[str, Any] = line["event"]
    assert told["action"] == "session:kill_idle:finished"
    assert told["actor"]["request_id"] == "request-6"
    assert told["actor"]["user_name"] == "olga"
    assert told["target"]["component_id"] == COMPONENT.id
    assert [(each["session"]["pid"], each["outcome"], each["reason"]) for each in told["sessions"]] == [
        (entry.session.pid, entry.outcome.value, entry.reason) for entry in report.sessions
    ]
    assert told["sessions"][0]["session"]["backend_start"] == iso(report.sessions[0].session.backend_start)
    assert "query" not in told["sessions"][0]["session"]
    assert "vacate_audit_delayed_total 1.0" in metrics.exposition().decode()


def test_the_event_itself_keeps_its_statements(observer: TelemetryObserver) -> None:
    world = World()
    world.server.open(query=SECRET)
    world.audit.refuses = frozenset({AuditAction.KILL_IDLE_FINISHED})
    world.sweep()
    ((event, reason),) = world.observer.delayed
    observer.audit_delayed(event, reason)
    assert event.sessions[0].session.query == SECRET


def test_a_refused_event_without_sessions_can_be_delayed_too(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.audit.break_down()
    world.gateway.refuses_with = ComponentUnreachableError("no answer")
    with pytest.raises(ComponentUnreachableError):
        world.sweep()
    observer.audit_delayed(*world.observer.delayed[0])
    (line,) = lines(caplog)
    told: dict[str, Any] = line["event"]
    assert told["error"] == "ComponentUnreachableError: the component cannot be reached: no answer"


# --- plans -----------------------------------------------------------------------------------------------------------


def written(observer: TelemetryObserver, action: AuditAction, plan_id: str = "plan-1") -> None:
    event = AuditEvent(
        at=datetime(2026, 1, 2, tzinfo=UTC), action=action, actor=actor(), target=TARGET, plan_id=plan_id
    )
    observer.audited(event, Anchor(id=1, digest=bytes(32), source="the store"))


def sample(metrics: Metrics, line: str) -> float:
    """The value of one line of the exposition."""
    (found,) = [text for text in metrics.exposition().decode().splitlines() if text.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_a_plan_over_many_components_is_made_once(observer: TelemetryObserver, metrics: Metrics) -> None:
    # Two that are made side by side have their events written in turns.
    for plan_id in ("plan-1", "plan-2", "plan-1", "plan-2"):
        written(observer, AuditAction.PLAN_MADE, plan_id)
    assert sample(metrics, 'vacate_plans_total{stage="made"}') == 2


@pytest.mark.parametrize(
    ("action", "stage"),
    [
        (AuditAction.PLAN_APPLY_FINISHED, "applied"),
        (AuditAction.PLAN_APPLY_STOPPED, "stopped"),
        (AuditAction.PLAN_APPLY_INTERRUPTED, "interrupted"),
    ],
)
def test_a_plan_is_being_applied_from_its_first_event_to_its_last(
    observer: TelemetryObserver, metrics: Metrics, action: AuditAction, stage: str
) -> None:
    written(observer, AuditAction.PLAN_APPLY_STARTED)
    written(observer, AuditAction.PLAN_APPLY_STARTED, "plan-2")
    assert sample(metrics, "vacate_plans_applying") == 2
    written(observer, action)
    assert sample(metrics, "vacate_plans_applying") == 1
    assert sample(metrics, 'vacate_plans_total{stage="started"}') == 2
    assert sample(metrics, f'vacate_plans_total{{stage="{stage}"}}') == 1


def test_a_plan_that_is_refused_ends_nobody_elses_application(observer: TelemetryObserver, metrics: Metrics) -> None:
    written(observer, AuditAction.PLAN_APPLY_STARTED)
    written(observer, AuditAction.PLAN_APPLY_REFUSED)
    assert sample(metrics, 'vacate_plans_total{stage="refused"}') == 1
    assert sample(metrics, "vacate_plans_applying") == 1


def test_events_that_speak_of_no_plan_count_none(observer: TelemetryObserver, metrics: Metrics) -> None:
    written(observer, AuditAction.KILL_PLANNED_FINISHED)
    written(observer, AuditAction.FREEZE_ON)
    text = metrics.exposition().decode()
    assert {line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("vacate_plans_total")} == {"0.0"}


# --- a census --------------------------------------------------------------------------------------------------------


def test_a_census_is_shown(observer: TelemetryObserver, metrics: Metrics) -> None:
    observer.counted([census()], good_for=GOOD_FOR)
    assert "vacate_slots_used{" in metrics.exposition().decode()


def test_who_is_left_out_of_a_census_is_one_line_until_it_is_counted_again(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    left_out = Uncounted(component=COMPONENT, reason="the cable was cut")
    for found in (left_out, left_out, census(), census(), left_out):
        observer.counted([found], good_for=GOOD_FOR)
    told = [(line["level"], line["message"], line.get("reason")) for line in lines(caplog)]
    cut = ("warning", "component not counted", "the cable was cut")
    assert told == [cut, ("info", "component counted again", None), cut]
    assert {line["component_id"] for line in lines(caplog)} == {COMPONENT.id}


def test_what_is_frozen_is_shown(observer: TelemetryObserver, metrics: Metrics) -> None:
    observer.frozen([freeze(everything=True)], good_for=GOOD_FOR)
    assert sample(metrics, 'vacate_kills_frozen{instance_id=""}') == 1


# --- for people ------------------------------------------------------------------------------------------------------


def test_a_session_that_was_ended_is_one_line_for_people_too(
    observer: TelemetryObserver, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.server.open(query=SECRET, application="web\nroot")
    world.server.open(query=SECRET)
    observer.swept(world.sweep())
    written = [_ConsoleLines().format(record) for record in caplog.records if record.name == "vacate"]
    assert len(written) == 3
    assert not [line for line in written if "\n" in line or "Minka" in line]
    first = written[0].partition("INFO")[2].strip()
    assert first.startswith("session terminated verb=kill_idle request_id=request-1 ")
    for field in (
        f"component_id={COMPONENT.id}",
        "user=app",
        "database=shop",
        'application="web\\nroot"',
        "state=idle",
    ):
        assert f" {field} " in first
