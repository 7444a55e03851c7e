"""`vacate webhook`: how far each endpoint has come, a message to try one, and another go for what was given up."""

import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vacate import __version__
from vacate.cli.operator import record
from vacate.cli.output import say
from vacate.cli.tables import Column, Table, show
from vacate.domain.audit.event import AuditAction
from vacate.operations.clock import utc_now
from vacate.operations.outbox import EndpointState
from vacate.settings.file import WebhookSection
from vacate.settings.loading import load_settings
from vacate.settings.webhooks import endpoint, named
from vacate.store.webhooks import SqlOutbox
from vacate.webhooks.endpoints import host_of
from vacate.webhooks.messages import ping
from vacate.webhooks.sender import Sender
from vacate.wiring import open_state

_COLUMNS = (
    Column(title="webhook"),
    Column(title="to", text=True, minor=4),
    Column(title="read up to", text=True, minor=3),
    Column(title="waiting", right=True),
    Column(title="given up", right=True),
    Column(title="last accepted (UTC)", minor=2),
    Column(title="last failure (UTC)", minor=1),
    Column(title="why", text=True, least=20),
)


async def list_webhooks(config: Path) -> None:
    """Print every endpoint of the configuration, and those that are left of an earlier one.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    settings = load_settings(config)
    async with open_state(settings) as state:
        states = await SqlOutbox(state.database).states()
    if settings.webhooks or states:
        show(_table(settings.webhooks, states))
    else:
        say(f"{config} has no [[webhooks]]")


def _table(sections: Sequence[WebhookSection], states: Sequence[EndpointState]) -> Table:
    known = {state.name: state for state in states}
    table = Table(columns=_COLUMNS)
    for section in sections:
        table.add(section.name, host_of(section.url), *_cells(known.pop(section.name, None)))
    for state in known.values():
        table.add(state.name, "not in the configuration", *_cells(state))
    return table


def _cells(state: EndpointState | None) -> tuple[str, ...]:
    if state is None:
        return ("no service has begun", "-", "-", "-", "-", "-")
    return (
        f"event {state.cursor} of {state.head}",
        str(state.waiting),
        str(state.given_up),
        _moment(state.delivered_at),
        _moment(state.failed_at),
        state.failure or "-",
    )


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


async def try_webhook(config: Path, name: str) -> tuple[bool, str]:
    """Send a signed message that means nothing, now; whether it was accepted, and in words what was answered.

    Raises:
        SettingsError: no such endpoint, or its secret is missing.
    """
    chosen = endpoint(load_settings(config), name, os.environ)
    message = ping(name, utc_now())
    sender = Sender(chosen, version=__version__, clock=utc_now)
    began = time.monotonic()
    try:
        answer = await sender.send(message.id, message.body)
    finally:
        await sender.close()
    took = f"after {time.monotonic() - began:.2f} s"
    if answer.problem is None:
        return True, f"{name} accepted {message.id}: {chosen.host} answered {answer.status} {took}"
    return False, f"{name} did not accept {message.id}: {answer.problem} ({chosen.host}, {took})"


async def retry_webhook(config: Path, name: str) -> str:
    """Have everything sent again that was given up or waits for another attempt; in words, how much that is.

    Raises:
        SettingsError: no such endpoint.
        StoreUnavailableError: the store cannot be written.
    """
    settings = load_settings(config)
    named(settings, name)
    async with open_state(settings) as state:
        number = await SqlOutbox(state.database).again(name, utc_now())
        if number:
            note = f"{number} deliveries of {name} are due again"
            await record(state, settings, AuditAction.WEBHOOK_RETRIED, note)
    if not number:
        return f"nothing to do: {name} has nothing that was given up or waits for another attempt"
    return f"deliveries due now: {number}; a running service sends them"
