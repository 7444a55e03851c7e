"""Connections that say nothing, more of them than the service may have files by its soft limit."""

from benchmarks.siege.clients import Order
from benchmarks.siege.field import Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure
from benchmarks.siege.probes import memory
from benchmarks.siege.programs import crowd


def measure(field: Field) -> Found:
    """Kill while they are there: once from far addresses, and once all from the caller's own."""
    scale, figures = field.scale, list[Figure]()
    with field.serving("idle") as (caller, killer):
        quiet = killer.kills(scale.kills)
        with memory(caller.service.process) as used:
            for sources, where in (
                (scale.sources, f"from {scale.sources} addresses"),
                (0, "from the caller's address"),
            ):
                order = Order(kind="idle", port=caller.service.port, clients=scale.clients, sources=sources)
                with crowd(order):
                    besieged = killer.kills(scale.kills)
                figures.append(
                    kills_figure("idle", f"kill beside {scale.clients} idle sockets {where}", quiet, besieged, scale)
                )
            figures.append(memory_figure("idle", "memory meanwhile", used.before, used.peak, scale))
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=killer.problems)
