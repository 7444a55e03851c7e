"""Clients that ask the same anonymous question again and again over connections that are kept."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from benchmarks.siege.clients import HOST, Order
from benchmarks.siege.field import Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure
from benchmarks.siege.probes import memory
from benchmarks.siege.programs import crowd
from benchmarks.stage import KILL_IDLE, Caller, Request

_PAGES = ("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/openapi.json", "/nowhere")


def measure(field: Field) -> Found:
    """Kill beside a flood of each path that needs no proof of who asks."""
    scale, figures = field.scale, list[Figure]()
    with field.serving("flood") as (caller, killer):
        quiet = killer.kills(scale.kills)
        notes: list[str] = []
        with memory(caller.service.process) as used:
            for name, request in islice(_anonymous(caller), scale.paths):
                order = Order(
                    kind="keen",
                    port=caller.service.port,
                    clients=scale.clients,
                    sources=scale.sources,
                    requests=(written(request),),
                )
                with crowd(order) as flood:
                    besieged = killer.kills(max(1, scale.kills // 2))
                what = f"kill beside {scale.clients} clients of {name}"
                figures.append(kills_figure("flood", what, quiet, besieged, scale))
                notes.append(f"{name}: the flood heard {_counts(flood.heard())}")
            figures.append(memory_figure("flood", "memory meanwhile", used.before, used.peak, scale))
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=(*notes, *killer.problems))


def written(request: Request) -> str:
    """The request as its bytes."""
    head = [f"{request.method} {request.path} HTTP/1.1", f"Host: {HOST}"]
    if request.body:
        head += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"]
    return "\r\n".join([*head, "", request.body.decode("latin-1")])


def _anonymous(caller: Caller) -> Iterator[tuple[str, Request]]:
    """Every call that the service's own description opens to all, its pages, and a call without a signature."""
    document: dict[str, Any] = caller.service.get("/openapi.json")[1]
    calls_found: list[Request] = []
    for path, calls in document["paths"].items():
        for method in sorted({"get", "post", "put", "delete"} & set(calls)):
            if not calls[method]["security"]:
                body = json.dumps({"auth": {}}).encode() if method == "post" else b""
                calls_found.append(Request(method=method.upper(), path=path, body=body))
    pages = [Request(method="GET", path=path) for path in _PAGES]
    yield "a kill without a signature", KILL_IDLE
    yield from ((f"{each.method} {each.path}", each) for each in (*pages, *calls_found))


def _counts(heard: dict[str, int]) -> str:
    return ", ".join(f"{what}: {number}" for what, number in sorted(heard.items()))
