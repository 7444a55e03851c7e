"""How large a siege is, and one line of what it found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.figures import percentile

MIB = 1024 * 1024
NEVER = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many attackers there are, how much is asked meanwhile, and what is wanted of the service."""

    clients: int = 1500
    sources: int = 100
    """Addresses of the loopback network that the attackers come from; 0 is the address of the caller itself."""
    paths: int = 100
    guessers: int = 80
    kills: int = 10
    sign_ins: int = 20
    sessions: int = 5000
    requests: int = 100_000
    kill_s: float = 1.0
    memory_mib: float = 64
    end_s: float = 10.0
    stall_s: float = 0.1
    log_mib: float = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    attack: str
    what: str
    quiet: str
    besieged: str
    goal: str
    met: bool

    @property
    def cells(self) -> Sequence[str]:
        """The line as the table shows it."""
        return (self.attack, self.what, self.quiet, self.besieged, self.goal, "yes" if self.met else "NO")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an attack found, and what the service logged meanwhile."""

    figures: Sequence[Figure]
    log_bytes: int
    notes: Sequence[str] = field(default=())


def kills_figure(attack: str, what: str, quiet: Sequence[float], besieged: Sequence[float], scale: Scale) -> Figure:
    """Latency of kills: median and worst; the worst must keep the goal."""
    return Figure(
        attack=attack,
        what=what,
        quiet=_latencies(quiet),
        besieged=_latencies(besieged),
        goal=f"<= {scale.kill_s:g} s",
        met=bool(besieged) and max(besieged) <= scale.kill_s,
    )


def memory_figure(attack: str, what: str, before: int, peak: int, scale: Scale, *, meant_mib: float = 0) -> Figure:
    """Resident memory: what it was before, and by how much it grew at its peak; `meant_mib` of it are on purpose."""
    grown = max(0, peak - before) / MIB
    most = scale.memory_mib + meant_mib
    return Figure(
        attack=attack,
        what=what,
        quiet=f"{before / MIB:.0f} MiB",
        besieged=f"+{grown:.0f} MiB",
        goal=f"<= +{most:g} MiB",
        met=grown <= most,
    )


def seconds(value: float) -> str:
    """A duration for people."""
    if value == NEVER:
        return "none"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _latencies(values: Sequence[float]) -> str:
    if not values:
        return "not measured"
    failed = sum(value == NEVER for value in values)
    text = f"{seconds(percentile(values, 0.5))}, worst {seconds(max(values))}"
    return f"{text} ({failed} of {len(values)} failed)" if failed else text
