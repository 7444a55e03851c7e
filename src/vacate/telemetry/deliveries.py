"""Tells metrics and logs what becomes of deliveries to webhooks."""

import logging
from datetime import datetime

from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics


class TelemetryDeliveries:
    """Implements `operations.outbox.DeliveryObserver`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def delivered(self, endpoint: str, attempt: int) -> None:
        """An endpoint accepted a delivery."""
        self._metrics.delivery_attempted(endpoint, "delivered")
        if attempt > 1:
            log("webhook works again", {"webhook": endpoint, "attempt": attempt})

    def delivery_failed(self, endpoint: str, delivery_id: str, reason: str, again_at: datetime | None) -> None:
        """An endpoint did not accept a delivery."""
        self._metrics.delivery_attempted(endpoint, "failed" if again_at else "given_up")
        log(
            "webhook delivery failed" if again_at else "webhook delivery given up",
            {"webhook": endpoint, "webhook_id": delivery_id, "reason": reason, "again_at": again_at},
            level=logging.WARNING if again_at else logging.ERROR,
        )

    def backlog(self, endpoint: str, waiting: int, given_up: int) -> None:
        """How much an endpoint has that waits, and that was given up."""
        self._metrics.deliveries_open(endpoint, waiting=waiting, given_up=given_up)
