"""The worst criteria that a client may send, over thousands of sessions, and how long everybody else waits."""

import http.client
import json
from collections.abc import Mapping

from benchmarks.siege.field import Field, log_bytes
from benchmarks.siege.figures import Figure, Found, seconds
from benchmarks.siege.probes import ask, signed
from benchmarks.siege.programs import Program, program
from benchmarks.stage import ADMINISTRATION, INSTANCE, Caller, Request, component_id, node_id
from tests.support.postgres import APP

_PATIENCE_S = 120.0
# As large as criteria may be by docs/reference/criteria.md, and then larger.
_MOST_PATTERNS = 50
_MOST_ENTRIES = 1000
_MOST_BYTES_IN_ALL = 32_768
_TOO_LONG = 10_000
_EACH = _MOST_BYTES_IN_ALL // (2 * _MOST_PATTERNS) - 4


def _patterns(kind: str, pattern: str) -> Mapping[str, object]:
    """As many of one list as it may hold, each another one."""
    return {"exclude": [{kind: f"{pattern}{number:02d}"} for number in range(_MOST_PATTERNS)]}


def _both(kind: str, pattern: str) -> Mapping[str, object]:
    return {"statements": _patterns(kind, pattern), "applications": _patterns(kind, pattern)}


WORST: Mapping[str, Mapping[str, object]] = {
    "globs with many gaps": _both("glob", "*" + "a*" * 30 + "b"),
    "globs as long as they may be": _both("glob", "*" + "a*" * (_EACH // 2 - 1) + "b"),
    "globs that are too long": {"statements": _patterns("glob", "*" + "a*" * (_TOO_LONG // 2 - 2) + "b")},
    "expressions with many choices": _both("regex", "(a|b|aa|ab)*" * (_EACH // 12 - 1)),
    "expressions that nest": _both("regex", "((a{0,9}){0,9}){0,3}b"),
    "expressions that nest too deep": _both("regex", "(((a{0,9}){0,9}){0,9})*b"),
    "names, as many as a body holds": {
        kind: {"exclude": [f"a{number:09d}" for number in range(_MOST_ENTRIES)]}
        for kind in ("users", "databases", "applications", "statements")
    },
    "networks": {"clients": {"exclude": [f"10.{n // 256}.{n % 256}.0/24" for n in range(_MOST_ENTRIES)]}},
    "fingerprints": {"fingerprints": {"exclude": [f"{n:016x}" for n in range(_MOST_ENTRIES)]}},
}


def measure(field: Field) -> Found:
    """Make plans with each, and measure meanwhile how long a question that costs nothing waits."""
    scale, figures, notes = field.scale, list[Figure](), list[str]()
    with (
        field.serving("criteria") as (caller, _),
        program("sitters", field.server.dsn(APP), str(scale.sessions)) as sitters,
        program("pinger", str(caller.service.port)) as pinger,
    ):
        sitters.hear(600)
        _, quiet = _stall(caller, pinger, {})
        for name, criteria in WORST.items():
            answered, stall = _stall(caller, pinger, criteria)
            figures.append(
                Figure(
                    attack="criteria",
                    what=f"longest wait of others beside {name}, {scale.sessions} sessions",
                    quiet=seconds(quiet),
                    besieged=seconds(stall),
                    goal=f"<= {scale.stall_s * 1000:g} ms",
                    met=stall <= scale.stall_s,
                )
            )
            notes.append(f"{name}: answered {answered}")
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=notes)


def _stall(caller: Caller, pinger: Program, criteria: Mapping[str, object]) -> tuple[str, float]:
    """What a plan with these criteria was answered, and the longest wait of somebody else meanwhile."""
    body = {
        "instance_id": INSTANCE,
        "node_id": node_id(0),
        "component_id": component_id(0),
        **({"criteria": criteria} if criteria else {}),
    }
    request = Request(method="POST", path=f"{ADMINISTRATION}/plans", body=json.dumps(body).encode())
    pinger.tell("")
    pinger.hear()
    try:
        status, _, content = ask(caller.service.port, request, signed(caller, request), _PATIENCE_S)
        answered = str(status) if status < 400 else f"{status} {content[:200].decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as error:
        answered = repr(error)
    pinger.tell("")
    return answered, float(pinger.hear())
