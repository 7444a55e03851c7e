"""Webhooks from the audit to a receiver: nothing lost, nothing twice in the outbox, and what fails comes again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.support.place import COMPONENT
from tests.support.receiver import DIES, DRIPS, HANGS, Receiver, answer, receiving
from tests.support.recorded import STATEMENT
from tests.support.tellers import SECOND, endpoint, event, replica
from vacate.domain.audit.event import AuditAction
from vacate.domain.sweeps.report import Outcome
from vacate.operations.clock import utc_now
from vacate.store.audit import SqlAuditLog, Statements
from vacate.store.database import Database, open_database
from vacate.webhooks.delivery import KEPT_FOR, Housekeeping
from vacate.webhooks.schedule import ATTEMPTS

DAY = timedelta(days=1)


@pytest.fixture
def log(database: Database) -> SqlAuditLog:
    return SqlAuditLog(database, statements=Statements.ON)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


# --- what arrives ----------------------------------------------------------------------------------------------------


async def test_a_kill_is_told_before_and_after_signed_and_in_order(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with replica(database, endpoint(receiver)) as service:
        await service.settle()
        await log.append(event())
        await log.append(event(AuditAction.KILL_IDLE_FINISHED, outcome=Outcome.TERMINATED))
        await service.settle()
        await service.settle()
    first, last = [each.verified() for each in receiver.received]
    assert (first["type"], last["type"]) == ("kill.intended", "kill.finished")
    assert last["data"]["component_id"] == COMPONENT.id
    assert [(group["owner"], group["sessions"][0]["outcome"]) for group in last["data"]["owners"]] == [
        ("orders", "terminated")
    ]
    assert receiver.received[0].path == "/hooks/t0ken"
    assert receiver.received[0].headers["content-type"] == "application/json"


async def test_no_statement_leaves_although_the_audit_keeps_it(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with replica(database, endpoint(receiver)) as service:
        await service.settle()
        await log.append(event())
        await service.settle()
    assert STATEMENT in str(await log.recent(1))
    assert b"card_number" not in receiver.received[0].body.lower()


async def test_a_new_endpoint_is_not_told_of_what_was_before(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    await log.append(event(pid=1001))
    async with replica(database, endpoint(receiver)) as service:
        await service.settle()
        await log.append(event(pid=1002))
        await service.settle()
    assert [each.verified()["data"]["owners"][0]["sessions"][0]["pid"] for each in receiver.received] == [1002]


async def test_nothing_is_lost_over_several_pages(database: Database, log: SqlAuditLog, receiver: Receiver) -> None:
    async with replica(database, endpoint(receiver), at_once=2) as service:
        await service.settle()
        for pid in range(1001, 1008):
            await log.append(event(pid=pid))
        assert await service.follow() == 7
        await service.settle()
    pids = [each.verified()["data"]["owners"][0]["sessions"][0]["pid"] for each in receiver.received]
    assert pids == list(range(1001, 1008))


async def test_what_waits_survives_a_restart(store_url: str, receiver: Receiver) -> None:
    for turn in ("leaves it waiting", "sends it"):
        database = await open_database(store_url)
        try:
            async with replica(database, endpoint(receiver)) as service:
                if turn == "sends it":
                    await service.settle()
                else:
                    await service.follow()
                    await SqlAuditLog(database).append(event())
                    await service.follow()
        finally:
            await database.close()
    assert [each.verified()["type"] for each in receiver.received] == ["kill.intended"]


# --- what fails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        pytest.param(answer(500, "no room\n\x1b[31mhere"), r"answered 500: no room \x1b[31mhere", id="answers 500"),
        pytest.param(answer(302, "", "location: /elsewhere"), "answered 302, and redirects", id="redirects"),
        pytest.param(answer(401), "answered 401", id="refuses"),
        pytest.param(HANGS, "no answer within 0.3 s", id="hangs"),
        pytest.param(DRIPS, "no answer within 0.3 s", id="drips"),
        pytest.param(DIES, "Error", id="dies"),
        pytest.param(b"not HTTP\r\n\r\n", "RemoteProtocolError", id="speaks another language"),
    ],
)
async def test_what_was_not_accepted_comes_again_with_the_same_id_and_body(
    database: Database, log: SqlAuditLog, receiver: Receiver, bad: bytes, words: str
) -> None:
    receiver.answers.append(bad)
    async with replica(database, endpoint(receiver, timeout=0.3 * SECOND)) as service:
        await service.follow()
        await log.append(event())
        await service.settle()
        failed = await service.state()
        await service.settle()
        assert len(receiver.received) == 1, "It is not due yet."
        service.clock.ahead = 6 * SECOND
        await service.settle()
        settled = await service.state()
    assert failed.waiting == 1
    assert words in (failed.failure or "")
    assert (settled.waiting, settled.given_up) == (0, 0)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert second.verified()["type"] == "kill.intended"
    assert [line[0] for line in service.observer.lines] == ["failed", "delivered"]
    assert service.observer.lines[1] == ("delivered", "teams", 2)


async def test_a_receiver_that_is_not_there_gets_it_when_it_is(database: Database, log: SqlAuditLog) -> None:
    async with receiving() as gone:
        pass
    async with replica(database, endpoint(gone)) as service:
        await service.follow()
        await log.append(event())
        await service.settle()
        assert "ConnectError" in ((await service.state()).failure or "")


async def test_after_about_a_day_it_is_given_up_and_a_retry_sends_it(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    receiver.answers.extend([answer(500)] * ATTEMPTS)
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.follow()
        for _ in range(ATTEMPTS + 3):
            await service.settle()
            service.clock.ahead += timedelta(hours=8)
        assert len(receiver.received) == ATTEMPTS
        given_up = await service.state()
        assert await service.outbox.again("teams", service.clock()) == 1
        await service.settle()
        settled = await service.state()
    assert (given_up.waiting, given_up.given_up) == (0, 1)
    assert [line[0] for line in service.observer.lines[-2:]] == ["given up", "delivered"]
    assert (settled.waiting, settled.given_up) == (0, 0)
    assert len(set(receiver.ids)) == 1


async def test_an_endpoint_that_is_gone_for_good_is_not_asked_again(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    receiver.answers.append(answer(410))
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.settle()
        assert (await service.state()).given_up == 1


async def test_an_endpoint_may_ask_for_a_longer_pause(database: Database, log: SqlAuditLog, receiver: Receiver) -> None:
    receiver.answers.append(answer(503, "", "retry-after: 600"))
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.settle()
        service.clock.ahead = 500 * SECOND
        await service.settle()
        assert len(receiver.received) == 1
        service.clock.ahead = 700 * SECOND
        await service.settle()
    assert len(receiver.received) == 2


async def test_a_retry_hurries_what_waits_and_not_what_is_under_way(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    receiver.answers.append(answer(500))
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event(pid=1001))
        await log.append(event(pid=1002))
        await service.settle()
        await log.append(event(pid=1003))
        await service.follow()
        now = service.clock()
        assert await service.outbox.lease("teams", now, now + DAY) is not None
        assert await service.outbox.again("teams", now) == 1
        await service.settle()
    assert len(receiver.received) == 3


# --- several at once -------------------------------------------------------------------------------------------------


async def test_a_slow_endpoint_holds_up_neither_another_one_nor_the_audit(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with (
        receiving([HANGS]) as slow,
        replica(database, endpoint(receiver, name="quick"), endpoint(slow, name="slow")) as service,
    ):
        await service.follow()
        await log.append(event(pid=1001))
        await service.follow()
        stuck = asyncio.create_task(service.deliver["slow"]())
        await slow.came.wait()
        # Each of these would run into its own limit, if anything waited for the slow one.
        async with asyncio.timeout(5):
            await log.append(event(pid=1002))
            await service.follow()
            await service.deliver["quick"]()
        assert not stuck.done()
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
    assert len(receiver.received) == 2


async def test_two_services_at_once_send_each_delivery_once(store_url: str, receiver: Receiver) -> None:
    databases = [await open_database(store_url) for _ in range(2)]
    try:
        async with replica(databases[0], endpoint(receiver)) as one, replica(databases[1], endpoint(receiver)) as other:
            await asyncio.gather(one.follow(), other.follow())
            log = SqlAuditLog(databases[0])
            for pid in range(1001, 1021):
                await log.append(event(pid=pid))
            await asyncio.gather(one.follow(), other.follow())
            sent = await asyncio.gather(*(service.deliver["teams"]() for service in (one, other, one, other)))
    finally:
        for database in databases:
            await database.close()
    assert sum(sent) == 20
    assert len(receiver.ids) == len(set(receiver.ids)) == 20


async def test_two_services_take_every_event_in_once(store_url: str, receiver: Receiver) -> None:
    databases = [await open_database(store_url) for _ in range(2)]
    try:
        async with (
            replica(databases[0], endpoint(receiver), at_once=3) as one,
            replica(databases[1], endpoint(receiver), at_once=3) as other,
        ):
            await one.follow()
            log = SqlAuditLog(databases[0])
            for pid in range(1001, 1011):
                await log.append(event(pid=pid))
            unread = await one.outbox.unread("teams", 3)
            await other.follow()
            assert not await one.outbox.take_in("teams", unread, (), utc_now())
            await asyncio.gather(*(service.follow() for service in (one, other) * 2))
            assert (await one.state()).waiting == 10
    finally:
        for database in databases:
            await database.close()


async def test_whoever_is_cut_off_in_the_middle_leaves_it_to_be_sent_again_with_the_same_id(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    receiver.answers.append(HANGS)
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.follow()
        cut_off = asyncio.create_task(service.deliver["teams"]())
        await receiver.came.wait()
        cut_off.cancel()
        await asyncio.gather(cut_off, return_exceptions=True)
        assert await service.deliver["teams"]() == 0, "The lease still holds."
        service.clock.ahead = timedelta(minutes=1)
        assert await service.deliver["teams"]() == 1
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


async def test_what_cuts_every_attempt_off_is_given_up(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.follow()
        for _ in range(ATTEMPTS):
            now = service.clock()
            assert await service.outbox.lease("teams", now, now + SECOND) is not None
            service.clock.ahead += 2 * SECOND
        await service.settle()
        assert (await service.state()).given_up == 1
    assert not receiver.received


async def test_who_lost_the_lease_neither_puts_off_nor_gives_up(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with replica(database, endpoint(receiver)) as service:
        await service.follow()
        await log.append(event())
        await service.follow()
        now = service.clock()
        late = await service.outbox.lease("teams", now, now + SECOND)
        service.clock.ahead = 2 * SECOND
        now = service.clock()
        holder = await service.outbox.lease("teams", now, now + SECOND)
        assert late is not None
        assert holder is not None
        assert not await service.outbox.failed(late, "too late", now, None)
        await service.outbox.delivered(late, now)
        assert not await service.outbox.failed(holder, "accepted meanwhile", now, now)
        state = await service.state()
    assert (state.waiting, state.given_up, state.failure) == (0, 0, None)


# --- what is kept ----------------------------------------------------------------------------------------------------


async def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    async with replica(database, endpoint(receiver)) as service:
        keeping = Housekeeping(outbox=service.outbox, names=("teams",), observer=service.observer, clock=service.clock)
        await service.follow()
        await log.append(event(pid=1001))
        await service.settle()
        await log.append(event(pid=1002))
        await service.follow()
        assert await keeping.forget() == 0
        service.clock.ahead = KEPT_FOR + SECOND
        assert await keeping.forget() == 1
        await keeping.count()
    assert service.observer.lines[-1] == ("backlog", "teams", 1, 0)


async def test_an_endpoint_that_nobody_uses_any_more_is_forgotten_with_all_that_waits(
    database: Database, log: SqlAuditLog, receiver: Receiver
) -> None:
    old, new = endpoint(receiver, name="old"), endpoint(receiver, name="new")
    async with replica(database, old, new) as service:
        await service.follow()
        await log.append(event())
        await service.follow()
        for day in (1, 29, 31):
            service.clock.ahead = day * DAY
            await service.outbox.forget(["new"], service.clock() - KEPT_FOR, service.clock())
            names = [state.name for state in await service.outbox.states()]
            assert names == (["new", "old"] if day < 30 else ["new"])
