"""A real Prometheus watches the running service, and its alerts are about what happens there."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.places import BROKEN_INSTANCE, INSTANCE, call
from tests.contract.raw import JSON, KILL_BODY, Signed, ask
from tests.support.prometheus import Prometheus, program, running_prometheus
from tests.support.service import HOST, RunningService, eventually

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
BURST = 150


@pytest.fixture(scope="module")
def prometheus(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Generator[Prometheus]:
    """One that watches the service; what has to last for minutes before it alerts need not last here."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    content: dict[str, Any] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    for group in content["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    rules = folder / "alerts.yml"
    rules.write_text(json.dumps(content), encoding="utf-8")
    with running_prometheus(folder, rules=rules, target=f"{HOST}:{service.port}") as running:
        eventually(lambda: running.ask("vacate_build_info"), within_s=60)
        yield running


def test_a_component_that_is_down_is_told(prometheus: Prometheus) -> None:
    eventually(lambda: "VacateComponentDown" in prometheus.firing(), within_s=60)
    down = [alert["labels"] for alert in prometheus.alerts() if alert["labels"]["alertname"] == "VacateComponentDown"]
    assert BROKEN_INSTANCE in {labels["instance_id"] for labels in down}
    assert INSTANCE not in {labels["instance_id"] for labels in down}
    eventually(lambda: "VacateAbsent" not in prometheus.firing(), within_s=60)


def test_what_an_alert_reads_an_increase_of_is_there_before_it_happens(prometheus: Prometheus) -> None:
    for query in (
        f'vacate_sweeps_total{{instance_id="{INSTANCE}",succeeded="false"}}',
        f'vacate_session_outcomes_total{{instance_id="{INSTANCE}",outcome="not_reached"}}',
        'vacate_http_requests_total{route="/v3/auth/tokens",status="500"}',
        'vacate_authentication_failures_total{kind="TokenExpiredError"}',
        'vacate_plans_total{stage="interrupted"}',
        "vacate_audit_anchor_failures_total",
    ):
        assert prometheus.ask(query), query


def test_a_burst_between_two_scrapes_is_seen_whole(prometheus: Prometheus, service: RunningService) -> None:
    kind = "SecurityTokenInvalidError"
    eventually(lambda: prometheus.ask(f'vacate_authentication_failures_total{{kind="{kind}"}}'), within_s=60)
    headers = {**JSON, "X-Auth-Token": "nobody's"}
    for _ in range(BURST):
        assert ask(service, "POST", call(), headers=headers, body=KILL_BODY).status == 401
    eventually(lambda: "VacateManyAuthenticationFailures" in prometheus.firing(), within_s=60)


def test_a_sweep_that_succeeds_is_counted_and_alerts_nobody(prometheus: Prometheus, signed: Signed) -> None:
    assert signed.send().json == {"success": True}
    query = f'vacate_sweeps_total{{instance_id="{INSTANCE}",verb="kill_idle",succeeded="true"}} > 0'
    eventually(lambda: prometheus.ask(query), within_s=60)
    failing = [alert for alert in prometheus.alerts() if alert["labels"]["alertname"] == "VacateSweepsFailing"]
    assert INSTANCE not in {alert["labels"]["instance_id"] for alert in failing}
