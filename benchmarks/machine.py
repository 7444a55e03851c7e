"""What the figures were measured on. They mean little anywhere else."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from vacate.demo.servers import Installation

_WRITES = 50
_BYTES = b"x" * 4096


def description(installations: Sequence[Installation], folder: Path) -> str:
    """One line: cores, CPU, versions, how busy the machine is already, and how fast its disk is.

    Args:
        installations: The servers that are measured on.
        folder: Where the service keeps its store.
    """
    servers = " and ".join(installation.version for installation in installations)
    return (
        f"{_cores()} cores, {_cpu()}; {platform.system()} {platform.release()}; PostgreSQL {servers}; "
        f"Python {platform.python_version()}; load {os.getloadavg()[0]:.1f} before; "
        f"one durable write of 4 KiB takes {_durable_write_s(folder) * 1000:.2f} ms"
    )


def _cores() -> int:
    """How many this program may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    for line in facts.read_text(errors="replace").splitlines() if facts.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine()


def _durable_write_s(folder: Path) -> float:
    """Every sweep waits for the disk once or twice, because its audit must outlive a power cut."""
    path = folder / "durable"
    taken: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_WRITES):
            started = time.perf_counter()
            file.write(_BYTES)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    path.unlink()
    return statistics.median(taken)
