"""The alerts fire when they should and at no other time, as Prometheus's own tool judges."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.house.checkout import ROOT
from tests.support.prometheus import program
from tests.support.told_metrics import told_metrics

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
PLACE = {"instance_id": "shop", "component_id": "cn_5001"}
SWEEP = {**PLACE, "verb": "kill_idle"}
AT = 'instance_id="shop",component_id="cn_5001"'
OF = f'{AT},verb="kill_idle"'

Series = Mapping[str, str]
"""Samples a minute apart, as Prometheus writes them: `0x3` is a 0 and the same three times more, `_` is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What an alert does after so many minutes of these samples."""

    name: str
    alert: str
    series: Series
    minute: int
    fires_with: tuple[Mapping[str, str], ...] = ()
    """The labels of each that fires, without its own and its severity."""

    def __str__(self) -> str:
        return self.name


def slots(used: int, reserved: int = 0) -> Series:
    return {
        f"vacate_slots_used{{{AT}}}": f"{used}x60",
        f"vacate_slots_max{{{AT}}}": "100x60",
        f"vacate_slots_reserved{{{AT}}}": f"{reserved}x60",
    }


def sweeps(*, failed: str, succeeded: str) -> Series:
    return {
        f'vacate_sweeps_total{{{OF},succeeded="false"}}': failed,
        f'vacate_sweeps_total{{{OF},succeeded="true"}}': succeeded,
    }


def answered(route: str, status: int, samples: str) -> Series:
    return {f'vacate_http_requests_total{{route="{route}",method="POST",status="{status}"}}': samples}


def refused(samples: str) -> Series:
    return {f'vacate_session_outcomes_total{{{OF},outcome="refused"}}': samples}


def census(up: int) -> Series:
    """The last one was taken at the beginning of time."""
    return {
        f"vacate_census_last_success_timestamp_seconds{{{AT}}}": "0x60",
        f"vacate_component_up{{{AT}}}": f"{up}x60",
    }


def waiting(state: str, seconds: int) -> Series:
    return {f'vacate_longest_in_state_seconds{{{AT},state="{state}"}}': f"{seconds}x60"}


IN_TRANSACTION = "idle in transaction"
UNSIGNED = 'vacate_authentication_failures_total{kind="SignatureInvalidError"}'
GIVEN_UP = 'vacate_webhook_deliveries_total{endpoint="orders",outcome="given_up"}'
DOWN = f"vacate_component_up{{{AT}}}"
FIRING = (
    Case(name="slots", alert="VacateSlotsAlmostGone", series=slots(96), minute=3, fires_with=(PLACE,)),
    Case(name="reserved", alert="VacateSlotsAlmostGone", series=slots(93, 3), minute=3, fires_with=(PLACE,)),
    Case(name="early", alert="VacateSlotsNearlyFull", series=slots(81), minute=16, fires_with=(PLACE,)),
    Case(name="down", alert="VacateComponentDown", series={DOWN: "0x9"}, minute=6, fires_with=(PLACE,)),
    Case(name="uncounted", alert="VacateComponentNotCounted", series=census(1), minute=15, fires_with=(PLACE,)),
    Case(
        name="transaction",
        alert="VacateIdleInTransactionForLong",
        series=waiting(IN_TRANSACTION, 3601),
        minute=6,
        fires_with=({**PLACE, "state": IN_TRANSACTION},),
    ),
    Case(
        name="first sweep",
        alert="VacateSweepsFailing",
        series=sweeps(failed="0x2 1x40", succeeded="0x43"),
        minute=10,
        fires_with=(SWEEP,),
    ),
    Case(
        name="no success any more",
        alert="VacateSweepsFailing",
        series=sweeps(failed="0x9 0+1x60", succeeded="0+1x9 9x60"),
        minute=50,
        fires_with=(SWEEP,),
    ),
    Case(
        name="refused at once",
        alert="VacateSessionsNotEnded",
        series=refused("0x2 12x9"),
        minute=4,
        fires_with=({**PLACE, "outcome": "refused"},),
    ),
    Case(
        name="frozen",
        alert="VacateKillsFrozenForLong",
        series={'vacate_kills_frozen{instance_id="shop"}': "1x300"},
        minute=241,
        fires_with=({"instance_id": "shop"},),
    ),
    Case(
        name="interrupted",
        alert="VacatePlanInterrupted",
        series={'vacate_plans_total{stage="interrupted"}': "0x2 1x9"},
        minute=4,
        fires_with=({"stage": "interrupted"},),
    ),
    Case(name="nobody", alert="VacateAbsent", series={}, minute=6, fires_with=({},)),
    Case(name="audit", alert="VacateAuditWaiting", series={"vacate_audit_waiting": "1x9"}, minute=3, fires_with=({},)),
    Case(
        name="anchor",
        alert="VacateAuditAnchorFailing",
        series={"vacate_audit_anchor_failures_total": "0+1x40"},
        minute=20,
        fires_with=({},),
    ),
    Case(
        name="unreadable",
        alert="VacateAuditUnreadable",
        series={"vacate_audit_unreadable_events_total": "0x2 1x9"},
        minute=4,
        fires_with=({},),
    ),
    Case(
        name="disputed",
        alert="VacateAuditDisputed",
        series={"vacate_audit_disputed": "1x3"},
        minute=1,
        fires_with=({},),
    ),
    Case(
        name="unforeseen",
        alert="VacateUnforeseenErrors",
        series={'vacate_unforeseen_errors_total{instance_id="i",component_id="dn_6001"}': "0x2 1x20"},
        minute=5,
        fires_with=({"instance_id": "i", "component_id": "dn_6001"},),
    ),
    Case(
        name="one error",
        alert="VacateAnswersErrors",
        series=answered("/v3/auth/tokens", 500, "0x2 1x20"),
        minute=10,
        fires_with=({"route": "/v3/auth/tokens", "status": "500"},),
    ),
    Case(
        name="a burst",
        alert="VacateManyAuthenticationFailures",
        series={UNSIGNED: "0x2 150x20"},
        minute=9,
        fires_with=({"kind": "SignatureInvalidError"},),
    ),
    Case(
        name="given up",
        alert="VacateWebhookGivenUp",
        series={GIVEN_UP: "0x2 1x9"},
        minute=5,
        fires_with=({"endpoint": "orders"},),
    ),
)
CALM = (
    Case(name="room", alert="VacateSlotsAlmostGone", series=slots(95), minute=30),
    Case(name="a short crowd", alert="VacateSlotsNearlyFull", series=slots(100), minute=14),
    Case(name="a restart", alert="VacateComponentDown", series={DOWN: "0x3 1 0x3 1 0x3"}, minute=11),
    Case(name="down anyway", alert="VacateComponentNotCounted", series=census(0), minute=30),
    Case(name="idle", alert="VacateIdleInTransactionForLong", series=waiting("idle", 90_000), minute=30),
    Case(
        name="a success before a restart",
        alert="VacateSweepsFailing",
        series=sweeps(failed="0x3 _ _ 0x2 1x20", succeeded="0 1x2 _ _ 0x30"),
        minute=18,
    ),
    Case(
        name="a success between",
        alert="VacateSweepsFailing",
        series=sweeps(failed="0+1x60", succeeded="0x20 1x60"),
        minute=45,
    ),
    Case(name="no sweep", alert="VacateSweepsFailing", series=sweeps(failed="7x60", succeeded="0x60"), minute=50),
    Case(name="a few", alert="VacateSessionsNotEnded", series=refused("0x2 5x30"), minute=10),
    Case(
        name="a freeze",
        alert="VacateKillsFrozenForLong",
        series={'vacate_kills_frozen{instance_id=""}': "1x200"},
        minute=199,
    ),
    Case(
        name="long ago",
        alert="VacatePlanInterrupted",
        series={'vacate_plans_total{stage="interrupted"}': "1x90"},
        minute=80,
    ),
    Case(name="present", alert="VacateAbsent", series={'vacate_build_info{version="1"}': "1x30"}, minute=20),
    Case(
        name="long ago",
        alert="VacateAuditUnreadable",
        series={"vacate_audit_unreadable_events_total": "1x60"},
        minute=50,
    ),
    Case(name="acknowledged", alert="VacateAuditDisputed", series={"vacate_audit_disputed": "1 0x5"}, minute=3),
    Case(name="written", alert="VacateAuditWaiting", series={"vacate_audit_waiting": "1 0 1 0 1 0"}, minute=5),
    Case(
        name="once",
        alert="VacateAuditAnchorFailing",
        series={"vacate_audit_anchor_failures_total": "0x2 1x40"},
        minute=20,
    ),
    Case(
        name="long past",
        alert="VacateUnforeseenErrors",
        series={'vacate_unforeseen_errors_total{instance_id="",component_id=""}': "0x2 1x40"},
        minute=30,
    ),
    Case(name="not ready", alert="VacateAnswersErrors", series=answered("/readyz", 503, "0+1x30"), minute=20),
    Case(name="refusals", alert="VacateAnswersErrors", series=answered("/v3/auth/tokens", 401, "0+1x30"), minute=20),
    Case(name="a wrong key", alert="VacateManyAuthenticationFailures", series={UNSIGNED: "0+5x40"}, minute=30),
    Case(
        name="tried again",
        alert="VacateWebhookGivenUp",
        series={GIVEN_UP.replace("given_up", "failed"): "0+1x40"},
        minute=30,
    ),
)


def rules() -> dict[str, Any]:
    return yaml.safe_load(ALERTS.read_text(encoding="utf-8"))


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in rules()["groups"] for rule in group["rules"]}


def promtool(*arguments: str | Path, stdin: str | None = None) -> str:
    """What the tool says; the test fails with it when it finds something wrong."""
    done = subprocess.run(
        [program("promtool"), *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def judge(folder: Path, case: Case) -> None:
    """Have the tool judge a case by the rules without their texts, which another test has filled in."""
    content = rules()
    for group in content["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    severity = alerts()[case.alert]["labels"]["severity"]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{case.minute}m",
                "alertname": case.alert,
                "exp_alerts": [{"exp_labels": {**labels, "severity": severity}} for labels in case.fires_with],
            }
        ],
    }
    # Prometheus reads YAML, and so JSON.
    (folder / "rules.yml").write_text(json.dumps(content), encoding="utf-8")
    file = folder / "test.yml"
    file.write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [test]}), encoding="utf-8")
    promtool("test", "rules", file)


def test_prometheus_reads_the_rules() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", ALERTS)


def test_prometheus_has_nothing_to_say_against_the_metrics() -> None:
    assert promtool("check", "metrics", stdin=told_metrics().exposition().decode()) == ""


@pytest.mark.parametrize("case", FIRING, ids=str)
def test_an_alert_fires(tmp_path: Path, case: Case) -> None:
    judge(tmp_path, case)


@pytest.mark.parametrize("case", CALM, ids=str)
def test_an_alert_stays_silent(tmp_path: Path, case: Case) -> None:
    judge(tmp_path, case)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    assert {case.alert for case in FIRING} == {case.alert for case in CALM} == alerts().keys()
    assert all(case.fires_with for case in FIRING)
    assert not any(case.fires_with for case in CALM)


def test_a_case_that_expects_what_does_not_happen_fails(tmp_path: Path) -> None:
    wrong = Case(name="", alert="VacateSlotsAlmostGone", series=slots(95), minute=9, fires_with=(PLACE,))
    with pytest.raises(AssertionError, match="FAILED"):
        judge(tmp_path, wrong)


@pytest.mark.parametrize("case", [*FIRING, *CALM], ids=str)
def test_the_samples_of_a_case_are_those_of_a_service(case: Case) -> None:
    exposed = {
        (sample.name, frozenset(sample.labels))
        for family in text_string_to_metric_families(told_metrics().exposition().decode())
        for sample in family.samples
    }
    for series in case.series:
        name, _, labels = series.partition("{")
        assert (name, frozenset(re.findall(r'(\w+)="', labels))) in exposed
