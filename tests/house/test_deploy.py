"""The alerts and the board that come with Vacate ask for what there is, and say what to do."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, pairwise
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.house.checkout import ROOT
from tests.house.promql import Exposed, PointlessQueryError, parsed, parts
from tests.support.told_metrics import told_metrics
from vacate.domain import errors
from vacate.domain.criteria import WAITING_STATES, Criterion
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps import FAILURES, Outcome, Signal, Verb
from vacate.telemetry.metrics import PlanStep

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARD = ROOT / "deploy" / "grafana" / "vacate.json"
PAGE = ROOT / "docs" / "howto" / "watch-with-prometheus-and-grafana.md"

SEVERITIES = {"critical", "warning"}
COMPARISONS = {"==", "!=", ">", ">=", "<", "<="}
# Prometheus asks every fifteen seconds to every minute, and a rate needs several answers.
SHORTEST_RANGE, LONGEST_RANGE = timedelta(minutes=5), timedelta(days=1)
# What Grafana puts in place of its own words.
GRAFANAS = {"$__rate_interval": "5m", "$__range": "6h"}
VALUES: Mapping[str, frozenset[str]] = {
    "outcome": frozenset({*Outcome, "delivered", "failed", "given_up"}),
    "verb": frozenset(Verb),
    "by": frozenset([*Criterion, *GuardName, *Signal, "link", "sweep"]),
    "state": frozenset([*WAITING_STATES, "active", "fastpath function call", "disabled", "starting", "unknown"]),
    "stage": frozenset(PlanStep),
    "status": frozenset(map(str, range(100, 600))),
    "route": frozenset({"/readyz", "/healthz", "/metrics", "/v3/auth/tokens", "unmatched"}),
    "kind": frozenset(name for name in vars(errors) if name.endswith("Error")),
}


def exposed() -> Exposed:
    """What a service shows to which everything has happened once."""
    metrics: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(told_metrics().exposition().decode()):
        for sample in family.samples:
            metrics[sample.name] = metrics.get(sample.name, frozenset()) | frozenset(sample.labels)
    return Exposed(metrics=metrics, values=VALUES)


EXPOSED = exposed()


# --- the queries -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query, and the texts beside it that name its labels."""

    where: str
    query: str
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.where

    @property
    def plain(self) -> str:
        """As Prometheus gets it."""
        text = self.query
        for word, put in GRAFANAS.items():
            text = text.replace(word, put)
        return text


def rules() -> tuple[dict[str, Any], ...]:
    content: dict[str, Any] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return tuple(rule for group in content["groups"] for rule in group["rules"])


def board() -> dict[str, Any]:
    return json.loads(BOARD.read_text(encoding="utf-8"))


def panels() -> tuple[dict[str, Any], ...]:
    return tuple(panel for panel in board()["panels"] if panel["type"] != "row")


def asked_by_alerts() -> Iterator[Asked]:
    for rule in rules():
        yield Asked(where=rule["alert"], query=rule["expr"], texts=tuple(rule["annotations"].values()))


def asked_by_the_board() -> Iterator[Asked]:
    for panel in panels():
        for target in panel["targets"]:
            where = f"{panel['title']} {target['refId']}"
            yield Asked(where=where, query=target["expr"], texts=(target.get("legendFormat", ""),))
    for note in board()["annotations"]["list"]:
        yield Asked(where=note["name"], query=note["expr"], texts=(note["textFormat"],))


ASKED = (*asked_by_alerts(), *asked_by_the_board())
RULES = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])


def labels_named(text: str) -> set[str]:
    """The labels that a template puts into a text, as Prometheus and as Grafana write it."""
    found = re.findall(r"\$labels\.(\w+)|\{\{\s*(?!end\b)(\w+)\s*\}\}", text)
    return {prometheus or grafana for prometheus, grafana in found}


def check(asked: Asked) -> None:
    """That the query can find something, over ranges that have something in them, and that its texts can be filled."""
    labels = EXPOSED.check(asked.plain) or frozenset()
    named = {label for text in asked.texts for label in labels_named(text)}
    if named - labels:
        raise PointlessQueryError(f"the text names {sorted(named - labels)}, the result has {sorted(labels)}")
    for part in parts(parsed(asked.plain)):
        if isinstance(part, promql.MatrixSelector) and not SHORTEST_RANGE <= part.range <= LONGEST_RANGE:
            raise PointlessQueryError(f"{part.range} is no range to look at: {part.prettify()}")


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_query_asks_for_what_there_is(asked: Asked) -> None:
    check(asked)


@pytest.mark.parametrize(
    ("query", "text", "problem"),
    [
        pytest.param("vacate_slots_used >", "", "invalid promql query", id="no_query"),
        pytest.param("vacate_slots", "", "no metric 'vacate_slots'", id="no_such_metric"),
        pytest.param("vacate_plans", "", "no metric 'vacate_plans'", id="a_family_that_is_no_sample"),
        pytest.param('vacate_sessions{application="web"}', "", "no label 'application'", id="no_such_label"),
        pytest.param('vacate_sessions{state="Idle"}', "", "no state is 'Idle'", id="no_such_value"),
        pytest.param('vacate_session_outcomes_total{outcome=~"refused|lost"}', "", "'lost'", id="one_of_the_values"),
        pytest.param("sum by (node_id) (vacate_sessions)", "", "no label ['node_id']", id="no_such_label_to_sum_by"),
        pytest.param("sum without (pid) (vacate_sessions)", "", "no label ['pid']", id="no_such_label_to_leave_out"),
        pytest.param("vacate_sessions / vacate_slots_max", "", "never match", id="two_that_do_not_match"),
        pytest.param(
            "vacate_component_up and on (verb) vacate_slots_max", "", "no label ['verb']", id="matched_on_no_label"
        ),
        pytest.param(
            "histogram_quantile(0.5, sum(rate(vacate_sweep_duration_seconds_bucket[5m])))",
            "",
            "['le']",
            id="no_buckets",
        ),
        pytest.param("rate(vacate_plans_total[30s])", "", "no range to look at", id="too_short_a_range"),
        pytest.param("sum(vacate_audit_waiting) > 0", "{{ $labels.verb }}", "the text names", id="a_text_of_no_label"),
        pytest.param("max by (state) (vacate_sessions)", "{{user}}", "the text names", id="a_legend_of_no_label"),
    ],
)
def test_a_query_that_can_find_nothing_is_noticed(query: str, text: str, problem: str) -> None:
    with pytest.raises(PointlessQueryError, match=re.escape(problem)):
        check(Asked(where="here", query=query, texts=(text,)))


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("vacate_slots_used / (vacate_slots_max - vacate_slots_reserved)", {"instance_id", "component_id"}),
        ("sum(vacate_sessions)", set[str]()),
        ("topk(3, sum by (user) (vacate_sessions))", {"user"}),
        ("sum without (user, database) (vacate_sessions)", {"instance_id", "component_id", "state"}),
        (
            "vacate_sessions / on (instance_id, component_id) group_left () vacate_slots_max",
            {"instance_id", "component_id", "state", "database", "user"},
        ),
        ("time() - vacate_census_last_success_timestamp_seconds > 5", {"instance_id", "component_id"}),
        ("absent(vacate_build_info)", set[str]()),
        (
            "vacate_longest_in_state_seconds and ignoring (state) vacate_component_up",
            {"instance_id", "component_id", "state"},
        ),
    ],
)
def test_labels_are_followed_to_the_result(query: str, labels: set[str]) -> None:
    assert EXPOSED.check(query) == labels


def test_every_metric_about_sessions_slots_sweeps_plans_and_the_audit_is_on_the_board() -> None:
    shown = {
        part.name
        for asked in asked_by_the_board()
        for part in parts(parsed(asked.plain))
        if isinstance(part, promql.VectorSelector)
    }
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
def test_an_alert_is_a_rule_as_prometheus_reads_it(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description"}
    assert promql.parse_duration(rule.get("for", "1m")) <= timedelta(days=1)


@RULES
def test_an_alert_fires_on_a_condition_and_not_on_every_sample(rule: dict[str, Any]) -> None:
    expr = parsed(rule["expr"])
    conditional = isinstance(expr, promql.BinaryExpr) and str(expr.op) in {*COMPARISONS, "and", "unless"}
    assert conditional or (isinstance(expr, promql.Call) and expr.func.name == "absent")


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


@RULES
def test_a_share_of_the_slots_is_a_share(rule: dict[str, Any]) -> None:
    for part in parts(parsed(rule["expr"])):
        if isinstance(part, promql.BinaryExpr) and str(part.op) in COMPARISONS and "vacate_slots" in part.prettify():
            assert isinstance(part.rhs, promql.NumberLiteral)
            assert 0.5 <= part.rhs.val < 1


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
    assert promql.parse_duration(almost_gone["for"]) < promql.parse_duration(nearly_full["for"])
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
    used = {name for asked in asked_by_the_board() for name in re.findall(r"\$(\w+)", asked.query)}
    assert used - {word.removeprefix("$") for word in GRAFANAS} <= offered


def test_what_can_be_chosen_above_is_a_label_that_there_is() -> None:
    choices = [variable for variable in board()["templating"]["list"] if variable["type"] == "query"]
    assert [choice["name"] for choice in choices] == ["instance_id", "component_id"]
    for choice in choices:
        asked = re.fullmatch(r"label_values\((?P<metric>.+), (?P<label>\w+)\)", choice["query"]["query"])
        assert asked
        assert asked["label"] in (EXPOSED.check(asked["metric"]) or ())
