"""The open door of a monitor: what it makes of what is known."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.fakes import Switch
from tests.support.place import COMPONENT
from tests.unit.http.asgi import Answer, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Tally
from vacate.domain.errors import StoreUnavailableError
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import ComponentId
from vacate.domain.topology.health import ComponentHealth
from vacate.domain.topology.servers import Engine
from vacate.http.app import build_app
from vacate.http.health import AuditProblems, HealthDoor

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def health(name: str, problem: str | None = None) -> ComponentHealth:
    component = replace(COMPONENT, id=ComponentId(name))
    engine = None if problem else Engine.GAUSSDB
    return ComponentHealth(component=component, checked_at=AT, problem=problem, engine=engine)


async def writable() -> None:
    """A store in order."""


async def full() -> None:
    raise StoreUnavailableError("the disk is full")


async def ask(
    path: bytes,
    *entries: ComponentHealth,
    store: Callable[[], Awaitable[None]] = writable,
    method: str = "GET",
    tally: Tally | None = None,
    switch: Switch | None = None,
) -> Answer:
    door = HealthDoor(
        health=lambda: entries,
        freezes=(switch or Switch()).standing,
        check_store=store,
        audit=AuditProblems,
        failures=tally or Tally(),
        exposition=lambda: b"a 1\n",
        content_type="text/plain; version=0.0.4",
    )
    return await call(build_app(door.routes(), RememberingLog()), method, path)


CANNOT_BE_SWEPT = "it cannot be swept; GET /admin/v1/{project_id}/components says why"
UP, DOWN = health("cn_5001"), health("dn_6001", "no login within 5 s")


@pytest.mark.parametrize(
    ("entries", "store", "status", "word"),
    [
        ((UP,), writable, 200, "ok"),
        ((UP, DOWN), writable, 200, "degraded"),
        ((DOWN,), writable, 503, "unavailable"),
        ((), writable, 200, "ok"),
        ((UP,), full, 503, "unavailable"),
        ((), full, 503, "unavailable"),
    ],
)
async def test_readiness_is_about_what_can_be_swept(
    entries: tuple[ComponentHealth, ...], store: Callable[[], Awaitable[None]], status: int, word: str
) -> None:
    answer = await ask(b"/readyz", *entries, store=store)
    assert (answer.status, answer.json["status"]) == (status, word)


async def test_readiness_tells_what_is_wrong_with_each_part() -> None:
    answer = await ask(b"/readyz", UP, DOWN, store=full, tally=(tally := Tally()))
    # Why is for the log alone: the store's words name files and hosts.
    assert answer.json["store"] == {"ready": False, "problem": "it cannot be used; Vacate's log says why"}
    assert tally.withheld_words == ["Vacate's store cannot be used: the disk is full"]
    assert answer.json["components"] == [
        {
            "instance_id": COMPONENT.instance_id,
            "node_id": COMPONENT.node_id,
            "component_id": name,
            "engine": None if problem else "gaussdb",
            "ready": problem is None,
            "problem": problem,  # the words of servers and drivers are for those who have a role in the project
            "checked_at": "2026-01-02T03:04:05Z",
        }
        for name, problem in (("cn_5001", None), ("dn_6001", CANNOT_BE_SWEPT))
    ]


async def test_being_alive_depends_on_nothing() -> None:
    answer = await ask(b"/healthz", DOWN, store=full)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_metrics_are_given_as_they_are() -> None:
    answer = await ask(b"/metrics")
    assert (answer.status, answer.body) == (200, b"a 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"


@pytest.mark.parametrize("path", [b"/healthz", b"/readyz", b"/metrics"])
async def test_a_monitor_may_ask_for_the_head_alone_and_change_nothing(path: bytes) -> None:
    assert (await ask(path, UP, method="HEAD")).status == 200
    assert (await ask(path, UP, method="POST")).refusal == (404, "APIGW.0101")


async def test_readiness_tells_where_the_freeze_switch_is_on_and_not_who_turned_it() -> None:
    freeze = Freeze(instance_id=COMPONENT.instance_id, by="olga", reason="month end", since=AT)
    everywhere = Freeze(instance_id=None, by="olga", reason="month end", since=AT)
    answer = await ask(b"/readyz", UP, switch=Switch(turns=[(freeze, everywhere)]))
    assert answer.status == 200
    since = "2026-01-02T03:04:05Z"
    assert answer.json["frozen"] == [
        {"instance_id": COMPONENT.instance_id, "since": since},
        {"instance_id": None, "since": since},
    ]


async def test_a_switch_that_cannot_be_read_is_no_open_one() -> None:
    broken = StoreUnavailableError("the disk is gone")
    answer = await ask(b"/readyz", UP, switch=Switch(turns=[broken]))
    assert answer.status == 503
    assert answer.json["frozen"] is None
    assert answer.json["store"]["ready"] is False
