"""The rules and the board on a real Prometheus, which scrapes a service in trouble."""

import json
import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.place import COMPONENT
from tests.support.prometheus import Prometheus, program, running_prometheus
from tests.support.service import eventually
from tests.support.told_metrics import MIXED, census, freeze, report
from vacate.demo.servers import HOST
from vacate.domain.sessions.census import Census
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.report import Outcome, Signal
from vacate.domain.topology.health import ComponentHealth
from vacate.telemetry.metrics import Metrics, PlanStep

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARD = ROOT / "deploy" / "grafana" / "vacate.json"
ABSENT = "VacateAbsent"
CUT_OFF = replace(COMPONENT, id="dn_6001")
ROUTE = "/v3/auth/tokens"
# What Grafana puts in place of its own words and of the choices above the board.
PUT = {
    "$__rate_interval": "5m",
    "$__range": "6h",
    '"$instance_id"': '".*"',
    '"$component_id"': '".*"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A Prometheus and the service that it watches, or rather the service's metrics."""

    prometheus: Prometheus
    leave: Callable[[], None]


@contextmanager
def serving(metrics: Metrics) -> Generator[ThreadingHTTPServer]:
    """Metrics on a port of their own, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", metrics.content_type)
            self.end_headers()
            self.wfile.write(metrics.exposition())

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def full() -> Census:
    """One that is old by now, of a server with hardly a slot left where a session has held its locks for hours."""
    found = census()
    longest = {state: timedelta(hours=9) for state in found.longest}
    return replace(found, slots=Slots(maximum=100, reserved=3, used=97), longest=longest)


def at_the_beginning() -> Metrics:
    """What a service shows that has done nothing yet, and whose surroundings are in a bad state."""
    metrics = Metrics("1.2.3")
    metrics.expect_sweeps([COMPONENT, CUT_OFF])
    metrics.expect_requests([(ROUTE, "POST")])
    up = ComponentHealth(component=COMPONENT, checked_at=None, problem=None)
    metrics.watch_components(lambda: [up, replace(up, component=CUT_OFF, problem="it does not answer")])
    metrics.watch_audit(lambda: 3)
    metrics.counted([full()], good_for=timedelta(days=1))
    metrics.frozen([freeze(everything=True), freeze(everything=False)], good_for=timedelta(days=1))
    metrics.deliveries_open("orders", waiting=2, given_up=1)
    metrics.audited(1)
    return metrics


def all_at_once(metrics: Metrics) -> None:
    """Everything goes wrong between one scrape and the next."""
    metrics.swept(replace(MIXED, sessions=MIXED.sessions * 20))
    metrics.swept(report((Outcome.TERMINATED, Signal.SIGNALLED)))
    metrics.swept(replace(report((Outcome.UNCONFIRMED, "link")), component=CUT_OFF))
    metrics.planned(PlanStep.INTERRUPTED)
    metrics.anchor_failed()
    metrics.audit_delayed()
    metrics.event_unreadable()
    metrics.audit_disputed(1)
    metrics.unforeseen(CUT_OFF)
    metrics.answered(route=ROUTE, method="POST", status=500, seconds=0.02)
    for _ in range(150):
        metrics.not_authenticated("SignatureInvalidError")
    metrics.delivery_attempted("orders", "given_up")


def without_patience(folder: Path) -> Path:
    """The rules, with each alert firing as soon as its condition holds."""
    content: dict[str, Any] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    for group in content["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    file = folder / "alerts.yml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def names() -> set[str]:
    content: dict[str, Any] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return {rule["alert"] for group in content["groups"] for rule in group["rules"]}


def asked_by_the_board() -> dict[str, str]:
    content: dict[str, Any] = json.loads(BOARD.read_text(encoding="utf-8"))
    queries = {note["name"]: note["expr"] for note in content["annotations"]["list"]}
    for panel in content["panels"]:
        queries |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel.get("targets", ())}
    return queries


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Generator[Watched]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    metrics = at_the_beginning()
    with (
        serving(metrics) as service,
        running_prometheus(
            folder, rules=without_patience(folder), target=f"{HOST}:{service.server_address[1]}"
        ) as prometheus,
    ):
        eventually(lambda: prometheus.ask("vacate_sweeps_total"), within_s=60)
        all_at_once(metrics)

        def leave() -> None:
            service.shutdown()
            service.server_close()

        yield Watched(prometheus=prometheus, leave=leave)


def test_every_alert_fires_in_a_service_to_which_all_of_it_happens_at_once(watched: Watched) -> None:
    expected = names() - {ABSENT}
    eventually(lambda: watched.prometheus.firing().keys() >= expected, within_s=60)
    assert watched.prometheus.firing().keys() == expected


def test_the_texts_of_an_alert_are_filled_in(watched: Watched) -> None:
    eventually(lambda: len(watched.prometheus.firing()) >= len(names()) - 1, within_s=60)
    for alert in watched.prometheus.alerts():
        for text in alert["annotations"].values():
            assert not re.search(r"<no value>|\{\{|\}\}|%!|error expanding", text), text
            # A label that the result does not have is filled in as nothing.
            assert "  " not in text, text
            assert not re.search(r"\b(?:component|instance|route|webhook)\s*[.,:]", text), text


@pytest.mark.parametrize("name", asked_by_the_board())
def test_a_query_of_the_board_finds_something(watched: Watched, name: str) -> None:
    query = asked_by_the_board()[name]
    for word, put in PUT.items():
        query = query.replace(word, put)
    # A rate needs two samples of everything.
    assert eventually(lambda: watched.prometheus.ask(query), within_s=60)


def test_a_service_that_cannot_be_reached_is_told_too(watched: Watched) -> None:
    watched.leave()
    eventually(lambda: ABSENT in watched.prometheus.firing(), within_s=60)
