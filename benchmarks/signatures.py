"""Verifying a signed call in each scheme, beside one bare HMAC-SHA256 of the same bytes."""

import gc
import hmac
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from benchmarks.figures import Table, spread
from benchmarks.stage import BenchmarkError, Plan
from tests.support.signing import Call, header, signed
from vacate.domain.errors import SignatureInvalidError
from vacate.iam.algorithms import ALGORITHMS, Algorithm, Key
from vacate.iam.signature import Authorization, parse_authorization, verify
from vacate.operations.access.ports import Presented

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_PROJECT = "b0e7c4" + "0" * 26
_INSTANCE = "b0e7c4" + "0" * 26 + "in14"
_PATH = f"/v3/{_PROJECT}/instances/{_INSTANCE}/kill-free-session"
_BODY = b'{"node_id": "b0e7c400000000000000000000000000no14", "component_id": "cn_5001"}'
_SECRET = b"SK" + b"0" * 38
_BLOCK_S = 0.2
_COLUMNS = (
    "scheme",
    "verifications/s",
    "HMAC-SHA256/s",
    "HMAC-SHA256 / verification, per second",
    "refusals/s",
)


@dataclass(slots=True)
class _Rates:
    """How often in a second: a call admitted, one refused, and the bare HMAC."""

    admitted: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    request: Presented
    authorization: bytes

    def admit(self) -> None:
        verify(self.request, self._parsed(), _SECRET, _AT)

    def refuse(self) -> None:
        try:
            verify(self.request, replace(self._parsed(), access_key="AKSOMEBODYELSE"), _SECRET[::-1], _AT)
        except SignatureInvalidError:
            return
        raise BenchmarkError("a signature fitted the wrong secret key")

    def bare(self) -> None:
        """One HMAC of all the bytes that are signed one way or another."""
        request = self.request
        text = b"\n".join(
            (request.method.encode(), request.path, *(b":".join(pair) for pair in request.headers), request.body)
        )
        hmac.digest(_SECRET, text, "sha256").hex()

    def _parsed(self) -> Authorization:
        return parse_authorization(self.authorization)


def measure(plan: Plan) -> Table:
    """Measure every scheme in turns, on one core."""
    calls = {algorithm.scheme.decode(): _call(algorithm) for algorithm in ALGORITHMS.values()}
    rates = {scheme: _Rates() for scheme in calls}
    for call in calls.values():
        # What is worked out once is not what is measured.
        call.admit()
    for number in range(plan.rounds):
        print(f"signatures: round {number + 1} of {plan.rounds}", file=sys.stderr)
        for scheme, call in calls.items():
            rates[scheme].bare.append(_per_s(call.bare))
            rates[scheme].admitted.append(_per_s(call.admit))
            rates[scheme].refused.append(_per_s(call.refuse))
    return Table(
        title=f"Verifying a call of {len(_BODY)} bytes (rounds: {plan.rounds}; medians, and min / median / max)",
        columns=_COLUMNS,
        rows=[_row(scheme, rate) for scheme, rate in rates.items()],
    )


def _row(scheme: str, rates: _Rates) -> Sequence[str]:
    ratios = [bare / admitted for bare, admitted in zip(rates.bare, rates.admitted, strict=True)]
    return (scheme, _median(rates.admitted), _median(rates.bare), spread(ratios, 1), _median(rates.refused))


def _median(values: Sequence[float]) -> str:
    return f"{sorted(values)[len(values) // 2]:.0f}"


def _call(algorithm: Algorithm) -> _Call:
    scope = b"20260102/ap-southeast-1/gaussdb" if algorithm.scoped else b""
    call = Call(
        path=_PATH,
        canonical_uri=f"{_PATH}/",
        headers={
            "content-type": "application/json;charset=utf-8",
            "host": "127.0.0.1:8686",
            "user-agent": "huaweicloud-usdk-python/3.0",
            "x-project-id": _PROJECT,
            "x-sdk-date": f"{_AT:%Y%m%dT%H%M%SZ}",
        },
        signed=("content-type", "host", "user-agent", "x-project-id", "x-sdk-date"),
        body=_BODY,
    )
    request = signed(call, algorithm, Key(access_key="AK" + "0" * 18, secret=_SECRET, scope=scope))
    authorization = header(request, b"authorization")
    return _Call(request=request, authorization=authorization)


def _per_s(work: Callable[[], None]) -> float:
    """How often in a second, over a block of calls that takes about as long for every scheme."""
    gc.collect()
    done, ends = 0, time.process_time() + _BLOCK_S
    started = time.process_time()
    while time.process_time() < ends:
        for _ in range(20):
            work()
        done += 20
    return done / (time.process_time() - started)
