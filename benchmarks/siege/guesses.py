"""Clients that guess passwords of names that nobody has, and a known user who signs in meanwhile."""

import http.client
import json
import time
from collections import Counter

from benchmarks.siege.clients import Order
from benchmarks.siege.field import PASSWORD, USER, Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure, seconds
from benchmarks.siege.floods import written
from benchmarks.siege.probes import ask, memory
from benchmarks.siege.programs import crowd
from benchmarks.stage import Caller, Request

_PAUSE_S = 0.3
_ENOUGH_UNANSWERED = 2
# Two passwords are checked at once, and each check takes 64 MiB to make guessing dear.
_HASHING_MIB = 2 * 64
_SIGN_IN = "/v3/auth/tokens"


def measure(field: Field) -> Found:
    """Sign in, and kill, beside those who guess: from other addresses, and from the user's own."""
    scale, figures, notes = field.scale, list[Figure](), list[str]()
    # Its length is that of the body with a number in it.
    guess = written(_sign_in("nobody-000000000", "guess-000000000")).replace("000000000", "%(number)09d")
    with field.serving("guesses") as (caller, killer):
        quiet_kills = killer.kills(scale.kills)
        quiet = _sign_ins(caller, scale.sign_ins)
        with memory(caller.service.process) as used:
            for sources, where in ((scale.sources, "other addresses"), (0, "the user's address")):
                order = Order(
                    kind="keen", port=caller.service.port, clients=scale.guessers, sources=sources, requests=(guess,)
                )
                with crowd(order) as guessers:
                    besieged = _sign_ins(caller, scale.sign_ins)
                    kills = killer.kills(scale.kills)
                what = f"{scale.guessers} guessing from {where}"
                figures.append(_signed_in(f"sign-ins of a known user beside {what}", quiet, besieged))
                figures.append(kills_figure("guesses", f"kill beside {what}", quiet_kills, kills, scale))
                notes.append(f"guesses from {where} heard {guessers.heard()}")
            figures.append(
                memory_figure("guesses", "memory meanwhile", used.before, used.peak, scale, meant_mib=_HASHING_MIB)
            )
        return Found(figures=figures, log_bytes=log_bytes(caller), notes=(*notes, *killer.problems))


def _sign_in(name: str, password: str) -> Request:
    user = {"name": name, "password": password, "domain": {"name": "default"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return Request(method="POST", path=_SIGN_IN, body=json.dumps({"auth": {"identity": identity}}).encode())


def _sign_ins(caller: Caller, times: int) -> list[tuple[str, float]]:
    """What each was answered, and how long that took."""
    request = _sign_in(USER, PASSWORD)
    answers: list[tuple[str, float]] = []
    for _ in range(times):
        started = time.perf_counter()
        try:
            status, _, _ = ask(caller.service.port, request, {"Content-Type": "application/json"})
            answers.append((str(status), time.perf_counter() - started))
        except (OSError, http.client.HTTPException) as error:
            answers.append((type(error).__name__, time.perf_counter() - started))
            if sum(not answer.isdecimal() for answer, _ in answers) >= _ENOUGH_UNANSWERED:
                break
        time.sleep(_PAUSE_S)
    return answers


def _signed_in(what: str, quiet: list[tuple[str, float]], besieged: list[tuple[str, float]]) -> Figure:
    return Figure(
        attack="guesses",
        what=what,
        quiet=_told(quiet),
        besieged=_told(besieged),
        goal="all succeed",
        met=all(answer == "201" for answer, _ in besieged),
    )


def _told(answers: list[tuple[str, float]]) -> str:
    counts = Counter(answer for answer, _ in answers)
    good = counts.pop("201", 0)
    others = "".join(f", {number} x {answer}" for answer, number in counts.items())
    return f"{good} of {len(answers)}{others}, worst {seconds(max(took for _, took in answers))}"
