"""What one more component costs while nobody calls: in the service, and on the server at the other end of its link."""

import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.figures import Table, spread
from benchmarks.stage import BenchmarkError, Caller, Plan
from tests.support.postgres import LiveServer

FEW, MANY = 1, 51

_PROC = Path("/proc")
_SPARE_SLOTS = 20
_CHECKS = 3
_PATIENCE_S = 120.0
_POLL_S = 0.1
_PPID = re.compile(r"\d+ \(.*\) \S (?P<parent>\d+) ", re.DOTALL)
_COLUMNS = (
    "PostgreSQL",
    f"service, {FEW} component, MiB",
    f"{MANY} components, MiB",
    "each, KiB",
    f"server, {FEW} component, MiB",
    f"{MANY} components, MiB",
    "each, KiB",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kib:
    """Resident memory of one service and of all processes of the server."""

    service: float
    server: float


def measure(plan: Plan) -> Table:
    """Start the service with few and with many components, in turns; each is measured when it has settled."""
    if not (_PROC / "self" / "smaps_rollup").exists():
        raise BenchmarkError("memory is read from /proc/PID/smaps_rollup, which this system does not have")
    rows: list[Sequence[str]] = []
    for installation in plan.installations:
        # No worker may come or go between the two measurements that are compared.
        settings = {"autovacuum": "off"}
        with plan.server("memory", installation, slots=MANY + _SPARE_SLOTS, settings=settings) as server:
            rows.append(_row(plan, server))
    return Table(
        title=f"Resident memory (rounds: {plan.rounds}; medians, and for each component min / median / max)",
        columns=_COLUMNS,
        rows=rows,
    )


def _row(plan: Plan, server: LiveServer) -> Sequence[str]:
    stages = {count: plan.site(f"memory-{count}", server, components=count) for count in (FEW, MANY)}
    found: Mapping[int, list[_Kib]] = {count: [] for count in stages}
    version = server.server.installation.version
    for number in range(plan.rounds):
        print(f"memory: PostgreSQL {version}: round {number + 1} of {plan.rounds}", file=sys.stderr)
        for count, stage in stages.items():
            with stage.serving() as caller:
                _settle(caller)
                found[count].append(_read(caller, server))
    services = {count: [kib.service for kib in found[count]] for count in found}
    servers = {count: [kib.server for kib in found[count]] for count in found}
    return (version, *_cells(services), *_cells(servers))


def _cells(kib: Mapping[int, Sequence[float]]) -> tuple[str, str, str]:
    each = [(many - few) / (MANY - FEW) for few, many in zip(kib[FEW], kib[MANY], strict=True)]
    few, many = (f"{statistics.median(kib[count]) / 1024:.1f}" for count in (FEW, MANY))
    return few, many, spread(each, digits=0)


def _settle(caller: Caller) -> None:
    """Every link has been checked several times, so it has compiled and cached what it will ever need while idle."""
    seen: dict[str, set[datetime]] = {}
    deadline = time.monotonic() + _PATIENCE_S
    while not seen or any(len(moments) < _CHECKS for moments in seen.values()):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"the service did not check every component {_CHECKS} times in {_PATIENCE_S:g} s")
        time.sleep(_POLL_S)
        _, content = caller.service.get("/readyz")
        for entry in content["components"]:
            seen.setdefault(entry["component_id"], set()).add(datetime.fromisoformat(entry["checked_at"]))


def _read(caller: Caller, server: LiveServer) -> _Kib:
    service = _field((_PROC / str(caller.service.process.pid) / "smaps_rollup").read_text(), "Rss")
    postmaster = server.server.pid
    rollups = [_PROC / str(pid) / "smaps_rollup" for pid in (postmaster, *_children(postmaster))]
    # Only the account that the server runs under may read them, whatever else we are allowed to.
    text = server.server.place.run(["cat", *rollups])
    return _Kib(service=service, server=_field(text, "Pss"))


def _field(text: str, name: str) -> float:
    """The sum of one field of every process in the text, in KiB."""
    return float(sum(map(int, re.findall(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE))))


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            match = _PPID.match(stat.read_text(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended while we looked.
        if match and int(match["parent"]) == parent:
            found.append(int(stat.parent.name))
    return found
