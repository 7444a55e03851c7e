"""The alerts and the board that come with Vacate are whole, and say what to do; test_alerts.py judges the former."""

import json
import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.house.checkout import ROOT
from tests.support.told_metrics import told_metrics
from vacate.domain.sweeps.report import FAILURES

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARD = ROOT / "deploy" / "grafana" / "vacate.json"
PAGE = ROOT / "docs" / "howto" / "watch-with-prometheus-and-grafana.md"

SEVERITIES = {"critical", "warning"}
# What Grafana puts in place of its own words.
GRAFANAS = {"__rate_interval", "__range"}


def rules() -> tuple[dict[str, Any], ...]:
    content: dict[str, Any] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return tuple(rule for group in content["groups"] for rule in group["rules"])


def board() -> dict[str, Any]:
    return json.loads(BOARD.read_text(encoding="utf-8"))


def panels() -> tuple[dict[str, Any], ...]:
    return tuple(panel for panel in board()["panels"] if panel["type"] != "row")


def queries_of_the_board() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    yield from (note["expr"] for note in board()["annotations"]["list"])


def samples() -> Iterator[Sample]:
    """What a service shows to which everything has happened once."""
    for family in text_string_to_metric_families(told_metrics().exposition().decode()):
        yield from family.samples


RULES = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])


def test_every_metric_about_sessions_slots_sweeps_plans_and_the_audit_is_on_the_board() -> None:
    shown = {name for query in queries_of_the_board() for name in re.findall(r"\bvacate_\w+", query)}
    # These are there so that somebody can count them, or look them up.
    left_out = {"vacate_build_info"}
    families = {
        family.name
        for family in text_string_to_metric_families(told_metrics().exposition().decode())
        if not family.name.endswith("_created")
    }
    missing = {
        name
        for name in families - left_out
        if not shown & {name, f"{name}_total", f"{name}_count", f"{name}_bucket", f"{name}_sum"}
    }
    assert not missing


# --- the alerts ------------------------------------------------------------------------------------------------------


def test_every_alert_has_a_name_of_its_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"Vacate([A-Z][a-z]+)+", name) for name in names)


@RULES
def test_an_alert_has_a_severity_and_both_texts_and_nothing_else(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description"}


@RULES
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert len(summary) <= 120, "a summary is a line on a telephone"
    assert "\n" not in summary
    assert not summary.endswith(".")
    assert description.endswith(".")
    assert len(description.split()) >= 20, "a description says what it means, and what to do"


@RULES
def test_a_page_that_an_alert_names_exists(rule: dict[str, Any]) -> None:
    for page in re.findall(r"docs/\S+?\.md", rule["annotations"]["description"]):
        assert (ROOT / page).is_file(), page


def test_the_alert_for_victims_that_live_on_names_every_outcome_that_is_a_failure() -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == "VacateSessionsNotEnded"]
    named = re.search(r'outcome=~"(?P<named>[^"]+)"', rule["expr"])
    assert named
    assert set(named["named"].split("|")) == FAILURES


def test_the_louder_of_two_alerts_about_slots_comes_later_and_waits_for_less() -> None:
    by_name = {rule["alert"]: rule for rule in rules()}
    almost_gone, nearly_full = by_name["VacateSlotsAlmostGone"], by_name["VacateSlotsNearlyFull"]
    share = re.compile(r"> (?P<share>0\.\d+)$")
    loud, early = (share.search(rule["expr"]) for rule in (almost_gone, nearly_full))
    assert loud
    assert early
    assert float(loud["share"]) > float(early["share"])
    minutes = [int(rule["for"].removesuffix("m")) for rule in (almost_gone, nearly_full)]
    assert minutes[0] < minutes[1]
    assert (almost_gone["labels"]["severity"], nearly_full["labels"]["severity"]) == ("critical", "warning")


def test_the_page_has_every_alert_with_its_severity() -> None:
    documented = re.findall(r"^\| `(Vacate\w+)` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(documented) == {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    assert len(documented) == len(rules())


def test_yaml_in_the_page_is_yaml() -> None:
    found = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 2
    assert all(isinstance(yaml.safe_load(block), dict) for block in found)


# --- the board -------------------------------------------------------------------------------------------------------


def test_every_panel_has_a_number_a_title_and_words_of_its_own() -> None:
    everything = board()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_panels_lie_side_by_side_and_on_nobody_else() -> None:
    places = [panel["gridPos"] for panel in board()["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    for above, following in pairwise(places):
        assert (following["y"], following["x"]) > (above["y"], above["x"]), "panels are in the order of reading"


def test_every_panel_asks_the_source_that_is_chosen_above() -> None:
    variables = {variable["name"]: variable for variable in board()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    sources = [source["datasource"] for panel in panels() for source in (panel, *panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_every_variable_of_a_query_can_be_chosen_above() -> None:
    offered = {variable["name"] for variable in board()["templating"]["list"]}
    used = {name for query in queries_of_the_board() for name in re.findall(r"\$(\w+)", query)}
    assert used - GRAFANAS <= offered


def test_what_can_be_chosen_above_is_a_label_that_there_is() -> None:
    choices = [variable for variable in board()["templating"]["list"] if variable["type"] == "query"]
    assert [choice["name"] for choice in choices] == ["instance_id", "component_id"]
    for choice in choices:
        asked = re.fullmatch(r"label_values\((?P<metric>.+), (?P<label>\w+)\)", choice["query"]["query"])
        assert asked
        name = asked["metric"].partition("{")[0]
        assert any(asked["label"] in sample.labels for sample in samples() if sample.name == name), name
