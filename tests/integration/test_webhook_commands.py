"""`vacate webhook`: what an operator sees of the endpoints, and can do about them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.receiver import SECRET, Receiver, answer, receiving
from tests.support.tellers import endpoint, event, replica
from vacate.cli import main
from vacate.domain.audit.event import AuditAction
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.webhooks.schedule import ATTEMPTS
from vacate.wiring import open_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where an operator sits: a configuration with one endpoint, `teams`, and its receiver."""

    config: Path
    receiver: Receiver

    async def run(self, *words: str, secret: str = SECRET) -> Result:
        """Run a command beside the receiver, as it runs a loop of its own."""
        arguments = ["webhook", *words, "--config", str(self.config)]
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env={"TEAMS_SECRET": secret})

    @property
    def settings(self) -> Settings:
        return load_settings(self.config)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with receiving() as receiver:
        config = tmp_path / "vacate.toml"
        config.write_text(f'[[webhooks]]\nname = "teams"\nurl = "{receiver.url}"\nsecret_env = "TEAMS_SECRET"\n')
        yield Desk(config=config, receiver=receiver)


async def fail_once(desk: Desk, *, until_given_up: bool) -> None:
    """Have a service tell the receiver of one kill, and the receiver refuse that."""
    desk.receiver.answers.extend([answer(500, "no room here")] * (ATTEMPTS if until_given_up else 1))
    async with open_state(desk.settings) as state, replica(state.database, endpoint(desk.receiver)) as service:
        await service.follow()
        await state.audit.append(event())
        await service.settle()
        for _ in range(ATTEMPTS if until_given_up else 0):
            service.clock.ahead += timedelta(hours=8)
            await service.settle()


async def test_a_test_sends_a_signed_ping_and_shows_the_answer(desk: Desk) -> None:
    done = await desk.run("test", "teams")
    assert done.exit_code == 0, done.output
    (received,) = desk.receiver.received
    assert received.verified()["type"] == "vacate.ping"
    assert f"teams accepted {received.id}" in done.output
    assert "answered 204" in done.output


async def test_a_test_that_is_not_accepted_says_why_and_fails(desk: Desk) -> None:
    desk.receiver.answers.append(answer(401, "wrong signature"))
    done = await desk.run("test", "teams")
    assert done.exit_code == 1
    assert "answered 401: wrong signature" in done.output
    assert "t0ken" not in done.output


async def test_a_secret_that_is_none_is_not_shown(desk: Desk) -> None:
    done = await desk.run("test", "teams", secret="whsec_hunter2")  # noqa: S106 - it is none.
    assert done.exit_code == 1
    assert "webhook teams: the variable TEAMS_SECRET must hold whsec_" in done.output
    assert "hunter2" not in done.output


@pytest.mark.parametrize("command", ["test", "retry"])
async def test_a_name_that_is_not_in_the_configuration_is_refused(desk: Desk, command: str) -> None:
    done = await desk.run(command, "team")
    assert done.exit_code == 1
    assert "no webhook 'team'; it has: teams" in done.output


async def test_the_list_shows_an_endpoint_before_any_service_has_begun(desk: Desk) -> None:
    done = await desk.run("list")
    assert done.exit_code == 0, done.output
    assert "no service has begun" in done.output
    assert "t0ken" not in done.output


async def test_the_list_shows_what_waits_and_the_last_failure(desk: Desk) -> None:
    await fail_once(desk, until_given_up=False)
    done = await desk.run("list")
    head, row = (line.split("\t") for line in done.stdout.splitlines())
    shown = dict(zip(head, row, strict=True))
    assert (shown["webhook"], shown["read up to"]) == ("teams", "event 1 of 1")
    assert (shown["waiting"], shown["given up"]) == ("1", "0")
    assert shown["why"] == "answered 500: no room here"


async def test_an_endpoint_that_left_the_configuration_is_still_listed(desk: Desk) -> None:
    await fail_once(desk, until_given_up=False)
    desk.config.write_text("")
    done = await desk.run("list")
    assert "not in the configuration" in done.output


async def test_without_webhooks_the_list_says_so(desk: Desk) -> None:
    desk.config.write_text("")
    assert "has no [[webhooks]]" in (await desk.run("list")).output


async def test_a_retry_makes_what_was_given_up_due(desk: Desk) -> None:
    await fail_once(desk, until_given_up=True)
    done = await desk.run("retry", "teams")
    assert done.output == "deliveries due now: 1; a running service sends them\n"
    desk.receiver.received.clear()
    async with open_state(desk.settings) as state, replica(state.database, endpoint(desk.receiver)) as service:
        await service.settle()
    assert [each.verified()["type"] for each in desk.receiver.received] == ["kill.intended"]
    async with open_state(desk.settings) as state:
        (last,) = await state.audit.recent(1)
    assert (last.action, last.note) == (AuditAction.WEBHOOK_RETRIED, "1 deliveries of teams are due again")
    again = await desk.run("retry", "teams")
    assert again.output.startswith("nothing to do")
