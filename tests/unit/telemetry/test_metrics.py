"""Metrics: the names and labels that dashboards rely on, and never a label without an end."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.fakes import World
from tests.support.hostile import NAMES, acting
from tests.support.place import COMPONENT
from tests.support.sessions import LOOK_AT, idle_session
from tests.support.set_clock import SetClock
from tests.support.told_metrics import GOOD_FOR, MIXED, SECRET, SLOTS, census, freeze, report, told_metrics
from vacate.domain.errors import AuthenticationError, ComponentUnreachableError
from vacate.domain.sessions.census import count
from vacate.domain.sweeps.report import FAILURES, Outcome, Signal, Verb
from vacate.domain.texts import for_label
from vacate.domain.topology.components import ComponentId
from vacate.domain.topology.health import ComponentHealth
from vacate.telemetry.metrics import Metrics, PlanStep

WHERE = {"instance_id": COMPONENT.instance_id, "component_id": COMPONENT.id}
COUNTED = (
    "vacate_sessions",
    "vacate_longest_in_state_seconds",
    "vacate_slots_max",
    "vacate_slots_reserved",
    "vacate_slots_used",
)
SWEPT = WHERE | {"verb": "kill_idle"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


def families(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}


def value(metrics: Metrics, sample: str, **labels: str) -> float | None:
    """The one sample of that name with exactly those labels."""
    for family in families(metrics).values():
        for found in family.samples:
            if found.name == sample and found.labels == labels:
                return found.value
    return None


# --- names and labels ------------------------------------------------------------------------------------------------

LABELS = {
    "vacate_build_info": {"version"},
    "vacate_session_outcomes": {"instance_id", "component_id", "verb", "outcome"},
    "vacate_sessions_spared": {"instance_id", "component_id", "verb", "by"},
    "vacate_sweeps": {"instance_id", "component_id", "verb", "succeeded"},
    "vacate_sweep_duration_seconds": {"instance_id", "component_id", "verb"},
    "vacate_sweep_last_success_timestamp_seconds": {"instance_id", "component_id", "verb"},
    "vacate_http_requests": {"route", "method", "status"},
    "vacate_http_request_duration_seconds": {"route"},
    "vacate_authentication_failures": {"kind"},
    "vacate_audit_delayed": set[str](),
    "vacate_audit_waiting": set[str](),
    "vacate_audit_head_id": set[str](),
    "vacate_audit_anchor_failures": set[str](),
    "vacate_audit_unreadable_events": set[str](),
    "vacate_audit_disputed": set[str](),
    "vacate_unforeseen_errors": {"instance_id", "component_id"},
    "vacate_component_up": {"instance_id", "component_id"},
    "vacate_sessions": {"instance_id", "component_id", "state", "database", "user"},
    "vacate_longest_in_state_seconds": {"instance_id", "component_id", "state"},
    "vacate_slots_max": {"instance_id", "component_id"},
    "vacate_slots_reserved": {"instance_id", "component_id"},
    "vacate_slots_used": {"instance_id", "component_id"},
    "vacate_census_last_success_timestamp_seconds": {"instance_id", "component_id"},
    "vacate_kills_frozen": {"instance_id"},
    "vacate_webhook_deliveries": {"endpoint", "outcome"},
    "vacate_webhook_deliveries_open": {"endpoint", "stage"},
    "vacate_plans": {"stage"},
    "vacate_plans_applying": set[str](),
}
# Whoever logs in can make up as many of these as they like, except where a census keeps them few.
ENDLESS = {"pid", "session_id", "query", "statement", "client_address", "request_id", "path", "application", "user"}


def test_the_metrics_are_these_and_have_these_labels() -> None:
    found = {
        name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for name, family in families(told_metrics()).items()
        if family.type != "unknown" and not name.endswith("_created")
    }
    assert found == LABELS


def test_every_metric_begins_with_our_own_prefix_and_says_what_it_is() -> None:
    for name, family in families(told_metrics()).items():
        assert name.startswith("vacate_")
        assert family.documentation


def test_no_sample_shows_a_session_or_a_statement() -> None:
    # Of each line without its value: among the digits of a time any number may be found.
    text = "\n".join(line.rpartition(" ")[0] for line in told_metrics().exposition().decode().splitlines())
    session = MIXED.sessions[0].session
    for hidden in (str(session.pid), SECRET, "Minka", session.client_address, "51234", "request-1"):
        assert str(hidden) not in text


def test_no_label_is_called_like_something_without_an_end() -> None:
    labels = {
        (name, label)
        for name, family in families(told_metrics()).items()
        for sample in family.samples
        for label in sample.labels
    }
    assert {(name, label) for name, label in labels if label in ENDLESS} == {("vacate_sessions", "user")}


def test_a_thousand_sessions_make_no_more_samples_than_one() -> None:
    few, many = Metrics("1"), Metrics("1")
    few.swept(report((Outcome.TERMINATED, Signal.SIGNALLED)))
    many.swept(report(*[(Outcome.TERMINATED, Signal.SIGNALLED)] * 1000))
    assert len(few.exposition().splitlines()) == len(many.exposition().splitlines())


def test_the_running_version_is_shown(metrics: Metrics) -> None:
    assert value(metrics, "vacate_build_info", version="1.2.3") == 1


def test_the_content_type_is_that_of_the_text_format(metrics: Metrics) -> None:
    assert metrics.content_type.startswith("text/plain; version=0.0.4")


def test_two_services_do_not_count_for_each_other(metrics: Metrics) -> None:
    Metrics("1.2.3").swept(MIXED)
    assert value(metrics, "vacate_session_outcomes_total", **SWEPT, outcome="terminated") is None


# --- what is counted -------------------------------------------------------------------------------------------------


def test_sessions_are_counted_by_outcome(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.swept(MIXED)
    counted = {
        outcome: value(metrics, "vacate_session_outcomes_total", **SWEPT, outcome=outcome.value) for outcome in Outcome
    }
    assert {outcome: count for outcome, count in counted.items() if count is not None} == {
        Outcome.TERMINATED: 4,
        Outcome.SPARED: 6,
        Outcome.UNCONFIRMED: 2,
    }


def test_spared_sessions_are_counted_by_their_first_objection_and_nobody_else_is(metrics: Metrics) -> None:
    metrics.swept(MIXED)
    assert value(metrics, "vacate_sessions_spared_total", **SWEPT, by="not_idle") == 2
    assert value(metrics, "vacate_sessions_spared_total", **SWEPT, by="listener") == 1
    assert value(metrics, "vacate_sessions_spared_total", **SWEPT, by="signalled") is None
    assert value(metrics, "vacate_sessions_spared_total", **SWEPT, by="link") is None


def test_a_sweeps_duration_is_measured_from_its_begin_to_its_end(metrics: Metrics) -> None:
    metrics.swept(MIXED)
    assert value(metrics, "vacate_sweep_duration_seconds_count", **SWEPT) == 1
    assert value(metrics, "vacate_sweep_duration_seconds_sum", **SWEPT) == 1.5
    assert value(metrics, "vacate_sweep_duration_seconds_bucket", **SWEPT, le="1.0") == 0
    assert value(metrics, "vacate_sweep_duration_seconds_bucket", **SWEPT, le="2.5") == 1


def test_only_a_sweep_without_a_failure_is_a_success(metrics: Metrics) -> None:
    metrics.swept(MIXED)
    assert value(metrics, "vacate_sweep_last_success_timestamp_seconds", **SWEPT) is None
    metrics.swept(report((Outcome.TERMINATED, Signal.SIGNALLED)))
    ended = (LOOK_AT + timedelta(seconds=1.5)).timestamp()
    assert value(metrics, "vacate_sweep_last_success_timestamp_seconds", **SWEPT) == ended


def test_requests_are_counted_by_route_method_and_status(metrics: Metrics) -> None:
    metrics.answered(route="/v3/{project_id}", method="POST", status=200, seconds=0.02)
    metrics.answered(route="/v3/{project_id}", method="POST", status=200, seconds=0.04)
    metrics.answered(route="/v3/{project_id}", method="POST", status=403, seconds=0.01)
    where = {"route": "/v3/{project_id}", "method": "POST"}
    assert value(metrics, "vacate_http_requests_total", **where, status="200") == 2
    assert value(metrics, "vacate_http_requests_total", **where, status="403") == 1
    assert value(metrics, "vacate_http_request_duration_seconds_count", route="/v3/{project_id}") == 3


def test_what_an_alert_reads_an_increase_of_begins_at_0(metrics: Metrics) -> None:
    metrics.expect_sweeps([COMPONENT])
    metrics.expect_requests([("/v3/auth/tokens", "POST")])
    metrics.deliveries_open("orders", waiting=0, given_up=0)
    for verb in Verb:
        where = WHERE | {"verb": verb.value}
        assert value(metrics, "vacate_sweeps_total", **where, succeeded="false") == 0
        assert value(metrics, "vacate_sweeps_total", **where, succeeded="true") == 0
        for outcome in FAILURES:
            assert value(metrics, "vacate_session_outcomes_total", **where, outcome=outcome) == 0
    route = {"route": "/v3/auth/tokens", "method": "POST", "status": "500"}
    assert value(metrics, "vacate_http_requests_total", **route) == 0
    for kind in AuthenticationError.__subclasses__():
        assert value(metrics, "vacate_authentication_failures_total", kind=kind.__name__) == 0
    assert value(metrics, "vacate_webhook_deliveries_total", endpoint="orders", outcome="given_up") == 0
    assert value(metrics, "vacate_plans_total", stage="interrupted") == 0
    assert value(metrics, "vacate_audit_anchor_failures_total") == 0


def test_sweeps_are_counted_by_whether_they_succeeded(metrics: Metrics) -> None:
    metrics.swept(MIXED)
    metrics.swept(MIXED)
    metrics.swept(report((Outcome.TERMINATED, Signal.SIGNALLED)))
    assert value(metrics, "vacate_sweeps_total", **SWEPT, succeeded="false") == 2
    assert value(metrics, "vacate_sweeps_total", **SWEPT, succeeded="true") == 1


def test_failed_authentications_are_counted_by_kind(metrics: Metrics) -> None:
    metrics.not_authenticated("TokenExpiredError")
    assert value(metrics, "vacate_authentication_failures_total", kind="TokenExpiredError") == 1


def test_delayed_audit_events_are_counted(metrics: Metrics) -> None:
    assert value(metrics, "vacate_audit_delayed_total") == 0
    metrics.audit_delayed()
    assert value(metrics, "vacate_audit_delayed_total") == 1


# --- what is asked at each scrape ------------------------------------------------------------------------------------


def test_each_scrape_asks_anew_which_components_are_ready(metrics: Metrics) -> None:
    second = replace(COMPONENT, id=ComponentId("dn_6001"))
    health = deque(
        [
            [ComponentHealth(component=COMPONENT, checked_at=None, problem="not checked yet")],
            [
                ComponentHealth(component=COMPONENT, checked_at=LOOK_AT, problem=None),
                ComponentHealth(component=second, checked_at=LOOK_AT, problem="no answer"),
            ],
        ]
    )
    metrics.watch_components(health.popleft)
    assert value(metrics, "vacate_component_up", **WHERE) == 0
    found = {sample.labels["component_id"]: sample.value for sample in families(metrics)["vacate_component_up"].samples}
    assert found == {"cn_5001": 1, "dn_6001": 0}


def test_each_scrape_asks_anew_how_many_audit_events_wait(metrics: Metrics) -> None:
    waiting = [2]
    metrics.watch_audit(lambda: waiting[0])
    assert value(metrics, "vacate_audit_waiting") == 2
    waiting[0] = 0
    assert value(metrics, "vacate_audit_waiting") == 0


def test_each_verb_is_counted_for_itself(metrics: Metrics) -> None:
    metrics.swept(MIXED)
    named = replace(report((Outcome.TERMINATED, Signal.SIGNALLED)), verb=Verb.KILL_NAMED)
    metrics.swept(named)
    assert value(metrics, "vacate_session_outcomes_total", **SWEPT, outcome="terminated") == 2
    by_name = WHERE | {"verb": "kill_named"}
    assert value(metrics, "vacate_session_outcomes_total", **by_name, outcome="terminated") == 1
    assert value(metrics, "vacate_sweep_duration_seconds_count", **by_name) == 1
    # Whoever waits for the next sweep for idle sessions is not told that one has succeeded.
    assert value(metrics, "vacate_sweep_last_success_timestamp_seconds", **SWEPT) is None


# --- sessions, slots and the freeze switch ---------------------------------------------------------------------------


def test_a_census_shows_sessions_the_longest_wait_and_slots(metrics: Metrics) -> None:
    metrics.counted([census()], good_for=GOOD_FOR)
    names = {"database": "shop", "user": "app"}
    assert value(metrics, "vacate_sessions", **WHERE, **names, state="idle") == 3
    assert value(metrics, "vacate_sessions", **WHERE, **names, state="idle in transaction") == 1
    assert value(metrics, "vacate_longest_in_state_seconds", **WHERE, state="idle") == 120
    assert value(metrics, "vacate_longest_in_state_seconds", **WHERE, state="idle in transaction") == 90
    assert value(metrics, "vacate_longest_in_state_seconds", **WHERE, state="idle in transaction (aborted)") == 0
    slots = [value(metrics, f"vacate_slots_{which}", **WHERE) for which in ("max", "reserved", "used")]
    assert slots == [SLOTS.maximum, SLOTS.reserved, SLOTS.used]
    assert value(metrics, "vacate_census_last_success_timestamp_seconds", **WHERE) == LOOK_AT.timestamp()


def test_a_component_that_could_not_be_read_has_no_sample_but_when_it_last_could(metrics: Metrics) -> None:
    second = replace(COMPONENT, id=ComponentId("dn_6001"))
    metrics.counted([census(), replace(census(), component=second)], good_for=GOOD_FOR)
    metrics.counted([replace(census(), component=second)], good_for=GOOD_FOR)
    found = families(metrics)
    for name in COUNTED:
        assert {sample.labels["component_id"] for sample in found[name].samples} == {"dn_6001"}, name
    assert value(metrics, "vacate_census_last_success_timestamp_seconds", **WHERE) == LOOK_AT.timestamp()


def test_a_census_that_is_not_repeated_is_shown_no_longer_than_it_is_good_for() -> None:
    clock = SetClock(LOOK_AT)
    metrics = Metrics("1.2.3", clock=clock)
    metrics.counted([census()], good_for=GOOD_FOR)
    clock.now = LOOK_AT + GOOD_FOR - timedelta(seconds=1)
    assert all(families(metrics)[name].samples for name in COUNTED)
    clock.now = LOOK_AT + GOOD_FOR
    assert not any(families(metrics)[name].samples for name in COUNTED)
    assert value(metrics, "vacate_census_last_success_timestamp_seconds", **WHERE) == LOOK_AT.timestamp()


def test_a_service_that_counted_nobody_yet_shows_no_sessions(metrics: Metrics) -> None:
    assert not any(families(metrics)[name].samples for name in COUNTED)


def test_names_with_quotes_line_ends_and_other_scripts_stay_whole(metrics: Metrics) -> None:
    name = 'sh"op\n\\{x} 数据\r'
    metrics.counted([count(COMPONENT, [idle_session(database=name)], SLOTS, at=LOOK_AT)], good_for=GOOD_FOR)
    assert value(metrics, "vacate_sessions", **WHERE, state="idle", database=for_label(name), user="app") == 1


def test_a_frozen_instance_and_the_switch_for_all_have_samples_of_their_own(metrics: Metrics) -> None:
    metrics.frozen([freeze(everything=False)], good_for=GOOD_FOR)
    assert value(metrics, "vacate_kills_frozen", instance_id=COMPONENT.instance_id) == 1
    assert value(metrics, "vacate_kills_frozen", instance_id="") == 0
    metrics.frozen([freeze(everything=True)], good_for=GOOD_FOR)
    assert value(metrics, "vacate_kills_frozen", instance_id="") == 1
    assert value(metrics, "vacate_kills_frozen", instance_id=COMPONENT.instance_id) is None


def test_a_switch_that_nobody_could_see_for_long_is_not_called_off() -> None:
    clock = SetClock(LOOK_AT)
    metrics = Metrics("1.2.3", clock=clock)
    assert not families(metrics)["vacate_kills_frozen"].samples
    metrics.frozen([], good_for=GOOD_FOR)
    assert value(metrics, "vacate_kills_frozen", instance_id="") == 0
    clock.now = LOOK_AT + GOOD_FOR
    assert not families(metrics)["vacate_kills_frozen"].samples


def test_plans_are_counted_by_what_happened_to_them_from_zero_on(metrics: Metrics) -> None:
    assert {step: value(metrics, "vacate_plans_total", stage=step) for step in PlanStep} == dict.fromkeys(PlanStep, 0)
    metrics.planned(PlanStep.REFUSED)
    metrics.applying(2)
    assert value(metrics, "vacate_plans_total", stage="refused") == 1
    assert value(metrics, "vacate_plans_applying") == 2


# --- a whole sweep ---------------------------------------------------------------------------------------------------


def test_every_report_that_a_sweep_can_give_is_counted(metrics: Metrics) -> None:
    world = World()
    pids = [world.server.open(query=SECRET) for _ in range(12)]
    world.server.wake(pids[0])
    world.server.freeze(pids[1])
    world.server.forbid(pids[2])
    world.link.breaks_after = 7
    world.link.unseen = deque([ComponentUnreachableError("no answer")])
    whole = world.sweep()
    metrics.swept(whole)
    for outcome, number in whole.counts.items():
        assert value(metrics, "vacate_session_outcomes_total", **SWEPT, outcome=outcome.value) == number


def test_hostile_names_never_fail_a_scrape_and_stay_apart(metrics: Metrics) -> None:
    sessions = [idle_session(database=name, user=name) for name in (*NAMES.values(), "\x1b", "\\x1b")]
    metrics.counted([count(COMPONENT, sessions, SLOTS, at=LOOK_AT)], good_for=GOOD_FOR)
    shown = metrics.exposition().decode()
    assert not acting(shown)
    samples = [line for line in shown.splitlines() if line.startswith("vacate_sessions{")]
    assert len(set(samples)) == len(samples)
