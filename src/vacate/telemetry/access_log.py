"""One line and one count for every answered request."""

import logging

from vacate.domain.errors import VacateError
from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics
from vacate.telemetry.seldom import LineBudget


class TelemetryAccessLog:
    """What the doors report to."""

    def __init__(self, metrics: Metrics, *, unproven_lines: int = 0) -> None:
        """Write `unproven_lines` a second about requests whose sender is not known; 0 is no limit."""
        self._metrics = metrics
        self._lines = LineBudget(unproven_lines)

    def answered(  # noqa: PLR0913 - one parameter for each field of the line
        self,
        *,
        request_id: str,
        source_address: str,
        method: str,
        path: str,
        route: str,
        status: int,
        seconds: float,
        proved: bool,
    ) -> None:
        """A request was answered. All are counted; of unproven ones only so many a second have a line."""
        self._metrics.answered(route=route, method=method, status=status, seconds=seconds)
        if not proved and not self._lines.spend():
            return
        log(
            "request answered",
            {
                "request_id": request_id,
                "source_address": source_address,
                "method": method,
                "path": path,
                "status": status,
                "seconds": round(seconds, 6),
            },
        )

    def failed(self, *, request_id: str, error: Exception) -> None:
        """Something unforeseen happened while a request was handled."""
        self._metrics.unforeseen(None)
        log("request failed", {"request_id": request_id}, level=logging.ERROR, error=error)

    def withheld(self, *, request_id: str, error: VacateError) -> None:
        """An error whose words the caller did not get."""
        log("error withheld", {"request_id": request_id, "reason": str(error)}, level=logging.ERROR)

    def not_authenticated(self, kind: str) -> None:
        """A sender could not be proved."""
        self._metrics.not_authenticated(kind)
