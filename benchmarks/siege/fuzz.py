"""Requests that were right once, changed at random: none may make the service fail."""

import json
import secrets
from typing import Any

import msgspec

from benchmarks.siege.field import PASSWORD, USER, Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure
from benchmarks.siege.mutations import Base, Order
from benchmarks.siege.probes import memory
from benchmarks.siege.programs import program
from benchmarks.stage import ADMINISTRATION, COUNT_SESSIONS, INSTANCE, KILL_IDLE, LIST_SESSIONS, MAKE_PLAN, PROJECT
from tests.support.service import UNLIMITED

_MOST_S = 3600.0
_IDENTITY = {
    "methods": ["password"],
    "password": {"user": {"name": USER, "password": PASSWORD, "domain": {"name": "default"}}},
}
_CRITERIA = {
    "states": {"idle": "15min"},
    "users": {"include": ["batch", {"glob": "app_*"}], "exclude": [{"regex": "^b+$"}]},
    "clients": {"exclude": ["10.20.0.5"]},
    "group_by": "application",
    "at_most_percent": 10,
}
_BASES = (
    *(
        Base(method=each.method, path=each.path, body=each.body.decode())
        for each in (KILL_IDLE, LIST_SESSIONS, COUNT_SESSIONS)
    ),
    Base(method="POST", path=MAKE_PLAN.path, body=json.dumps({**json.loads(MAKE_PLAN.body), "criteria": _CRITERIA})),
    Base(method="GET", path=f"{ADMINISTRATION}/plans?limit=5"),
    Base(method="GET", path=f"{ADMINISTRATION}/audit?limit=5&since=1h"),
    Base(method="GET", path=f"{ADMINISTRATION}/freezes"),
    Base(method="GET", path=f"/v3/{PROJECT}/instances?limit=10&offset=0"),
    Base(method="GET", path=f"/v3/{PROJECT}/instances/{INSTANCE}/components"),
    Base(method="POST", path="/v3/auth/tokens?nocatalog=true", body=json.dumps({"auth": {"identity": _IDENTITY}})),
    Base(method="GET", path="/v3/projects?name=siege"),
    *(Base(method="GET", path=path) for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")),
)


def measure(field: Field) -> Found:
    """Send them, and count the answers that say that the service failed.

    The limits on wrong signatures and on requests are off: they would answer nearly all of them.
    """
    scale = field.scale
    with field.serving("fuzz", access=UNLIMITED) as (caller, killer):
        quiet = killer.kills(max(1, scale.kills // 2))
        seed = secrets.randbelow(2**32)
        order = Order(
            port=caller.service.port,
            requests=scale.requests,
            seed=seed,
            access_key=caller.key.access_key,
            secret_key=caller.key.secret_key,
            bases=_BASES,
        )
        with (
            memory(caller.service.process) as used,
            program("mutations", msgspec.json.encode(order).decode()) as running,
        ):
            told: Any = json.loads(running.hear(_MOST_S))
        after = killer.kills(max(1, scale.kills // 2))
        heard: dict[str, int] = told["heard"]
        failures = sum(number for status, number in heard.items() if status.startswith("5") and status != "503")
        unforeseen = caller.service.errors()
        figures = [
            Figure(
                attack="fuzz",
                what=f"failures among {scale.requests} changed requests",
                quiet="-",
                besieged=f"{failures} answers of 5xx, {unforeseen} errors logged",
                goal="none",
                met=not failures and not unforeseen and sum(heard.values()) == scale.requests,
            ),
            memory_figure("fuzz", "memory meanwhile", used.before, used.peak, scale),
            kills_figure("fuzz", "kill afterwards", quiet, after, scale),
        ]
        notes = [f"fuzz: seed {seed}, heard {dict(sorted(heard.items()))}", *told["failed"], *killer.problems]
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=notes)
