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
_MOST_PATTERNS = 50
_MOST_ENTRIES = 1000
_TEXT = 10_000

_STARS = "*" + "a*" * 30 + "b"
_LONG = "*" + "a*" * (_TEXT // 2 - 2) + "b"
_NESTED = "(((a{0,9}){0,9}){0,9})*b"

WORST: Mapping[str, Mapping[str, object]] = {
    "globs with many gaps": {
        "statements": {"include": [{"glob": _STARS + str(n)} for n in range(_MOST_PATTERNS)]},
        "applications": {"include": [{"glob": _STARS + str(n)} for n in range(_MOST_PATTERNS)]},
    },
    "globs as long as they get": {
        "statements": {"exclude": [{"glob": _LONG + str(n)} for n in range(_MOST_PATTERNS)]},
    },
    "expressions that nest": {
        "statements": {"exclude": [{"regex": _NESTED + str(n)} for n in range(_MOST_PATTERNS)]},
    },
    "expressions as long as they get": {
        "statements": {
            "exclude": [{"regex": "(a|b)?" * (_TEXT // 6 - 1) + str(n % 10)} for n in range(_MOST_PATTERNS)]
        },
    },
    "a thousand names": {
        kind: {"exclude": [f"{'a' * 63}{n}" for n in range(_MOST_ENTRIES)]}
        for kind in ("users", "databases", "applications", "statements")
    },
    "a thousand networks": {"clients": {"exclude": [f"10.{n // 256}.{n % 256}.0/24" for n in range(_MOST_ENTRIES)]}},
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
