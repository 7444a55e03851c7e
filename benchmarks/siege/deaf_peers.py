"""Peers that ask for much and read nothing of it, and the end of the service beside them."""

from benchmarks.siege.clients import Order
from benchmarks.siege.field import Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure, seconds
from benchmarks.siege.floods import written
from benchmarks.siege.probes import end_of, memory
from benchmarks.siege.programs import crowd
from benchmarks.stage import Request

_ANSWERS = ("/docs/swagger-ui-bundle.js", "/openapi.json", "/metrics", "/nowhere")
_PATIENCE_S = 90.0


def measure(field: Field) -> Found:
    """Kill beside them, watch the memory, and have the service end while they are still there."""
    scale = field.scale
    with field.serving("deaf-quiet") as (caller, _):
        quiet_end = end_of(caller.service.process, _PATIENCE_S)
    figures: list[Figure] = []
    with field.serving("deaf") as (caller, killer):
        quiet = killer.kills(scale.kills)
        order = Order(
            kind="deaf",
            port=caller.service.port,
            clients=scale.clients,
            sources=scale.sources,
            requests=tuple(written(Request(method="GET", path=path)) for path in _ANSWERS),
        )
        with memory(caller.service.process) as used, crowd(order):
            besieged = killer.kills(scale.kills)
            what = f"{scale.clients} peers that do not read"
            figures.append(memory_figure("deaf", f"memory beside {what}", used.before, used.peak, scale))
            figures.append(kills_figure("deaf", f"kill beside {what}", quiet, besieged, scale))
            took = end_of(caller.service.process, _PATIENCE_S)
        figures.append(
            Figure(
                attack="deaf",
                what=f"from SIGTERM to the end beside {what}",
                quiet=seconds(quiet_end),
                besieged=seconds(took),
                goal=f"<= {scale.end_s:g} s",
                met=took <= scale.end_s,
            )
        )
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=killer.problems)
