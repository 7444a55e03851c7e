"""What a monitor sees: alive, ready, and the metrics."""

import asyncio
import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.administration import Administrator
from tests.contract.clients import Official
from tests.contract.conftest import Users
from tests.contract.database_sessions import sessions
from tests.contract.places import (
    BROKEN_INSTANCE,
    INSTANCE,
    NODES,
    OTHER_INSTANCE,
    STRICT_INSTANCE,
    UNKNOWN_INSTANCE,
    call,
)
from tests.contract.raw import Signed, ask
from tests.contract.test_errors import refused
from tests.support.service import COORDINATOR, DATA_NODE, Cluster, RunningService, eventually

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

KILL = "/v3/{project_id}/instances/{instance_id}/kill-free-session"


def metrics(service: RunningService) -> dict[str, Metric]:
    """Every family by its name, read as Prometheus reads it."""
    status, headers, body = service.fetch("/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert families
    return families


def value(service: RunningService, name: str, **labels: str) -> float:
    """One sample; 0 when it is not there yet."""
    found = [
        sample.value
        for family in metrics(service).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


async def test_sessions_and_slots_are_shown_of_every_component_that_can_be_read(
    service: RunningService, cluster: Cluster
) -> None:
    where = {"instance_id": INSTANCE, "component_id": "cn_5001"}
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 3):
        await asyncio.to_thread(
            eventually, lambda: value(service, "vacate_sessions", **where, state="idle", user="app") >= 3
        )
    ready = {component for component, problem in service.readiness().items() if problem is None}
    slots = metrics(service)["vacate_slots_used"].samples
    assert {(sample.labels["instance_id"], sample.labels["component_id"]) for sample in slots} == ready
    assert value(service, "vacate_slots_max", **where) > 0
    assert value(service, "vacate_kills_frozen", instance_id="") == 0


def test_a_living_service_says_so(service: RunningService) -> None:
    assert service.get("/healthz") == (200, {"status": "ok"})


def test_readiness_tells_of_every_component_and_a_viewer_is_told_what_to_do(
    service: RunningService, users: Users
) -> None:
    status, content = service.get("/readyz")
    assert (status, content["status"], content["store"]) == (200, "degraded", {"ready": True, "problem": None})
    problems = {(entry["instance_id"], entry["component_id"]): entry["problem"] for entry in content["components"]}
    ready = {place for place, problem in problems.items() if problem is None}
    assert ready == {
        (INSTANCE, COORDINATOR),
        (INSTANCE, DATA_NODE),
        (STRICT_INSTANCE, COORDINATOR),
        (OTHER_INSTANCE, COORDINATOR),
    }
    told = {problem for problem in problems.values() if problem}
    assert told == {"it cannot be swept; GET /admin/v1/{project_id}/components says why"}
    rows = Administrator(service=service, key=users.viewer).done("GET", "components")["components"]
    problems = {(row["instance_id"], row["component_id"]): row["problem"] for row in rows}
    assert "configured as standby" in problems[BROKEN_INSTANCE, "dn_6001"]
    assert 'GRANT pg_signal_backend TO "watcher"' in problems[BROKEN_INSTANCE, "dn_6002"]
    assert "the component cannot be reached" in problems[BROKEN_INSTANCE, "dn_6003"]
    for entry in content["components"]:
        assert set(entry) == {"instance_id", "node_id", "component_id", "engine", "ready", "problem", "checked_at"}
        assert entry["ready"] is (entry["problem"] is None)
        assert datetime.now(UTC) - datetime.fromisoformat(entry["checked_at"]) < timedelta(minutes=1)
    assert NODES[COORDINATOR] in {entry["node_id"] for entry in content["components"]}


def test_no_open_door_tells_a_password(cluster: Cluster, service: RunningService) -> None:
    told = b"".join(service.fetch(path)[2] for path in ("/healthz", "/readyz", "/metrics"))
    for secret in (cluster.password, "postgresql://"):
        assert secret.encode() not in told


@pytest.fixture
def stopped_data_node(cluster: Cluster, service: RunningService) -> Generator[None]:
    cluster.data_node.stop()
    try:
        yield
    finally:
        cluster.data_node.start()
        eventually(lambda: service.readiness()[INSTANCE, DATA_NODE] is None)


@pytest.mark.usefixtures("stopped_data_node")
def test_a_server_that_goes_down_is_noticed_without_a_call(service: RunningService) -> None:
    eventually(lambda: service.readiness()[INSTANCE, DATA_NODE] is not None)
    # The metrics may be a second old.
    eventually(lambda: value(service, "vacate_component_up", instance_id=INSTANCE, component_id=DATA_NODE) == 0)
    assert value(service, "vacate_component_up", instance_id=INSTANCE, component_id=COORDINATOR) == 1


def test_every_metric_is_ours_and_none_is_labelled_by_what_has_no_end(service: RunningService, signed: Signed) -> None:
    signed.send()
    ask(service, "POST", call())
    labels: set[str] = set()
    for family in metrics(service).values():
        assert family.name.startswith("vacate_")
        assert family.documentation
        labels.update(name for sample in family.samples for name in sample.labels)
    assert labels == {
        *("version", "le"),
        *("instance_id", "component_id", "verb", "succeeded", "outcome", "by"),
        *("state", "database", "user", "stage"),
        *("route", "method", "status"),
        "kind",
    }


async def test_a_sweep_is_counted_by_outcome(cluster: Cluster, service: RunningService, operator: Official) -> None:
    where = {"instance_id": INSTANCE, "component_id": COORDINATOR, "verb": "kill_idle"}

    def counted() -> tuple[float, float, float, float]:
        return (
            value(service, "vacate_session_outcomes_total", **where, outcome="terminated"),
            value(service, "vacate_sweep_duration_seconds_count", **where),
            value(service, "vacate_http_requests_total", route=KILL, method="POST", status="200"),
            value(service, "vacate_sessions_spared_total", **where, by="not_a_client"),
        )

    await asyncio.to_thread(operator.kill)
    before = counted()
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 4):
        await asyncio.to_thread(operator.kill)

    def grown() -> list[float]:
        return [now - then for now, then in zip(counted(), before, strict=True)]

    # Under a flood the metrics may be a second old.
    await asyncio.to_thread(eventually, lambda: grown()[:3] == [4, 1, 1])
    after = counted()
    assert after[3] > before[3]
    assert value(service, "vacate_sweep_last_success_timestamp_seconds", **where) > 0


def test_what_a_caller_makes_up_makes_no_series_of_its_own(service: RunningService, operator: Official) -> None:
    for number in range(3):
        ask(service, f"BREW{number}", "/made/up")
        ask(service, "GET", f"/made/up/{number}")
        refused(lambda number=number: operator.kill(f"dn_{number}", instance=UNKNOWN_INSTANCE, node="0" * 36))
    made_up = {"route": "unmatched", "method": "other", "status": "404"}
    # Under a flood the metrics may be a second old.
    eventually(lambda: value(service, "vacate_http_requests_total", **made_up) >= 3)
    text = service.fetch("/metrics")[2].decode()
    assert not re.search("BREW|made/up|dn_[012]|" + UNKNOWN_INSTANCE, text)


def test_every_answer_is_logged_with_its_id(service: RunningService, signed: Signed) -> None:
    answer = signed.send()

    def logged() -> list[dict[str, object]]:
        return [
            line
            for line in service.log()
            if (line.get("request_id"), line["message"]) == (answer.request_id, "request answered")
        ]

    (line,) = eventually(logged)
    assert (line["status"], line["path"]) == (200, call())
    assert line["source_address"] == "127.0.0.1"
