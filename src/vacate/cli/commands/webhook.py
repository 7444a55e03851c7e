"""`vacate webhook`: the endpoints that are told of sessions."""

from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, fail, run
from vacate.cli.output import say


@click.group()
def webhook() -> None:
    """The endpoints that are told of sessions before and after their end."""


@webhook.command("list")
@CONFIG
def webhook_list(config: Path) -> None:
    """How far each endpoint has come, what waits for it, and how it failed last."""
    from vacate.cli.webhooks import list_webhooks

    run(list_webhooks(config))


@webhook.command("test")
@click.argument("name")
@CONFIG
def webhook_test(name: str, config: Path) -> None:
    """Send a signed message that means nothing, now. Exit status 1 when it is not accepted."""
    from vacate.cli.webhooks import try_webhook

    accepted, words = run(try_webhook(config, name))
    if not accepted:
        fail(words)
    say(words)


@webhook.command("retry")
@click.argument("name")
@CONFIG
def webhook_retry(name: str, config: Path) -> None:
    """Send again what was given up, and what waits for another attempt without its pause."""
    from vacate.cli.webhooks import retry_webhook

    say(run(retry_webhook(config, name)))
