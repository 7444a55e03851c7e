"""The store, the same on SQLite and on PostgreSQL: what is kept is read back as it was."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event, text

from vacate.demo.servers import Server
from vacate.domain.access.identity import Actor, CredentialKind, Grant, Role
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import RecordedSession
from vacate.domain.errors import AuditUnavailableError, StoreUnavailableError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome, SessionOutcome, Signal
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    InstanceId,
    NodeId,
    ProjectId,
    Target,
)
from vacate.operations.access.ports import CredentialAdministration, NewTemporaryKey, Temporary, TokenRecord, User
from vacate.operations.ports import AuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.credentials import SqlCredentials
from vacate.store.database import Database, open_database
from vacate.store.freezes import SqlFreezes
from vacate.store.pins import SqlPins

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NORTH = ProjectId("p-north")
SOUTH = ProjectId("p-south")
TARGET = Target(
    project_id=NORTH, instance_id=InstanceId("i1"), node_id=NodeId("n1"), component_id=ComponentId("dn_6001")
)
ACTOR = Actor(
    user_id="u1",
    user_name="ana",
    grants=(Grant(project_id=SOUTH, role=Role.ADMIN), Grant(project_id=NORTH, role=Role.OPERATOR)),
    credential_kind=CredentialKind.TOKEN,
    credential="0123456789ab",
    source_address="203.0.113.9",
    request_id="r1",
)
EVENT = AuditEvent(at=NOW, action=AuditAction.KILL_IDLE_FINISHED, actor=ACTOR, target=TARGET)
COMPONENT = Component(
    project_id=NORTH,
    instance_id=InstanceId("i1"),
    node_id=NodeId("n1"),
    id=ComponentId("dn_6001"),
    kind=ComponentKind.DATA_NODE,
    role=ComponentRole.PRIMARY,
)
ANA = User(id="u1", name="ana", domain="acme", password_hash="$argon2id$x", grants=())  # noqa: S106 - no real hash.


@pytest.fixture
def log(database: Database) -> SqlAuditLog:
    return SqlAuditLog(database)


@pytest.fixture
def credentials(database: Database) -> SqlCredentials:
    return SqlCredentials(database)


@pytest.fixture
def pins(database: Database) -> SqlPins:
    return SqlPins(database)


def session(number: int) -> Session:
    return Session(
        session_id=140131075880720 + number,
        pid=40000 + number,
        backend_start=NOW + timedelta(microseconds=number),
        backend_type="client backend",
        state="idle",
        state_change=NOW + timedelta(seconds=1, microseconds=number),
        in_state_for=timedelta(seconds=9),
        transaction_start=None,
        user="shop",
        superuser=False,
        database="orders",
        application="",
        client_address="10.0.0.1",
        client_port=50000,
        query="SELECT 'a secret of the application'",
        holds_advisory_lock=False,
        holds_replication_slot=False,
        own=False,
    )


def outcome(number: int, result: Outcome = Outcome.TERMINATED, by: str = Signal.SIGNALLED) -> SessionOutcome:
    return SessionOutcome(session=session(number), outcome=result, by=by, reason=f"reason {number}")


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_opening_again_keeps_what_is_there(database: Database, store_url: str, log: AuditLog) -> None:
    await log.append(EVENT)
    again = await open_database(store_url)
    assert len(await SqlAuditLog(again).recent(10)) == 1
    await again.check()
    await again.close()
    await database.check()


async def test_several_may_open_a_new_store_at_once(store_url: str) -> None:
    databases = await asyncio.gather(*(open_database(store_url) for _ in range(4)))
    for database in databases:
        await database.check()
        await database.close()


# --- the audit -------------------------------------------------------------------------------------------------------


async def test_an_event_is_read_back_as_it_was(log: SqlAuditLog) -> None:
    sessions = (outcome(2), outcome(1, Outcome.SPARED, GuardName.LISTENER))
    await log.append(replace(EVENT, sessions=sessions, error="Trouble: wörds — 你好"))
    (stored,) = await log.events_of("r1")
    assert stored.at == NOW
    assert stored.at.utcoffset() == timedelta(0)
    assert stored.action is AuditAction.KILL_IDLE_FINISHED
    assert (stored.user_id, stored.user_name, stored.role) == ("u1", "ana", Role.OPERATOR)
    assert (stored.credential_kind, stored.credential) == (CredentialKind.TOKEN, "0123456789ab")
    assert (stored.source_address, stored.request_id) == ("203.0.113.9", "r1")
    assert stored.target == TARGET
    assert stored.error == "Trouble: wörds — 你好"
    assert stored.sessions[0] == RecordedSession(
        session_id=140131075880722,
        pid=40002,
        backend_start=NOW + timedelta(microseconds=2),
        state_change=NOW + timedelta(seconds=1, microseconds=2),
        user="shop",
        database="orders",
        application="",
        client_address="10.0.0.1",
        outcome=Outcome.TERMINATED,
        by="signalled",
        reason="reason 2",
    )
    assert (stored.sessions[1].outcome, stored.sessions[1].by) == (Outcome.SPARED, "listener")


async def test_the_ids_that_a_call_named_are_kept_in_its_order_whatever_their_size(log: SqlAuditLog) -> None:
    await log.append(replace(EVENT, action=AuditAction.KILL_NAMED_FINISHED, named=(7, -1, 2**63, 10**40)))
    await log.append(EVENT)
    assert [event.named for event in await log.events_of("r1")] == [(7, -1, 2**63, 10**40), ()]


async def test_what_a_server_hid_stays_unknown(log: SqlAuditLog) -> None:
    hidden = replace(
        session(1),
        backend_start=None,
        state_change=None,
        user=None,
        database=None,
        application=None,
        client_address=None,
    )
    spared = SessionOutcome(session=hidden, outcome=Outcome.SPARED, by="unknown", reason="")
    await log.append(replace(EVENT, sessions=(spared,)))
    ((kept,),) = [stored.sessions for stored in await log.recent(1)]
    assert (kept.backend_start, kept.state_change, kept.user) == (None, None, None)
    assert (kept.database, kept.application, kept.client_address) == (None, None, None)


async def test_statements_are_not_kept(database: Database, log: AuditLog) -> None:
    await log.append(replace(EVENT, sessions=(outcome(1),)))
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT * FROM audit_events"))).all()
    assert len(rows) == 1
    assert "a secret of the application" not in repr(rows)


async def test_a_time_of_another_zone_is_the_same_time(log: SqlAuditLog) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    await log.append(replace(EVENT, at=elsewhere))
    (stored,) = await log.recent(1)
    assert stored.at == NOW


async def test_a_time_without_its_zone_is_refused(log: SqlAuditLog) -> None:
    with pytest.raises(AuditUnavailableError, match="a time without its time zone"):
        await log.append(replace(EVENT, at=NOW.replace(tzinfo=None)))
    assert await log.recent(10) == ()


@pytest.mark.parametrize("odd", ["\0", "a\0b", "\ud800", "x" * 100_000])
async def test_whatever_a_caller_names_can_be_audited(log: SqlAuditLog, odd: str) -> None:
    target = replace(TARGET, instance_id=InstanceId(odd), component_id=ComponentId(odd))
    await log.append(replace(EVENT, target=target, error=odd))
    (stored,) = await log.events_of("r1")
    assert len(stored.target.instance_id) == len(odd)


async def test_events_of_one_call_come_in_order_and_alone(log: SqlAuditLog) -> None:
    other = replace(EVENT, actor=replace(ACTOR, request_id="r2"), sessions=(outcome(9),))
    intended = replace(EVENT, action=AuditAction.KILL_IDLE_INTENDED, sessions=(outcome(1, Outcome.NOT_REACHED),))
    for each in (intended, other, replace(EVENT, sessions=(outcome(1), outcome(2)))):
        await log.append(each)
    stored = await log.events_of("r1")
    assert [each.action for each in stored] == [AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED]
    assert [[kept.pid for kept in each.sessions] for each in stored] == [[40001], [40001, 40002]]
    assert await log.events_of("r3") == ()


async def test_recent_events_come_newest_first_and_limited(log: SqlAuditLog) -> None:
    for number in range(5):
        await log.append(replace(EVENT, error=str(number), sessions=(outcome(number),)))
    recent = await log.recent(3)
    assert [each.error for each in recent] == ["4", "3", "2"]
    assert [each.sessions[0].pid for each in recent] == [40004, 40003, 40002]


async def test_events_written_side_by_side_keep_their_own_sessions(log: SqlAuditLog) -> None:
    events = [replace(EVENT, error=str(n), sessions=tuple(outcome(100 * n + k) for k in range(5))) for n in range(12)]
    await asyncio.gather(*(log.append(each) for each in events))
    stored = await log.recent(100)
    assert len(stored) == 12
    for each in stored:
        assert [kept.pid - 40000 for kept in each.sessions] == [100 * int(each.error or 0) + k for k in range(5)]


async def test_two_thousand_sessions_are_one_insert_in_one_transaction(database: Database, log: SqlAuditLog) -> None:
    statements: list[str] = []
    commits: list[object] = []

    def noted(_c: object, _u: object, statement: str, _p: object, _x: object, _m: object) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", noted)
    event.listen(engine, "commit", commits.append)
    await log.append(replace(EVENT, sessions=tuple(outcome(n) for n in range(2000))))
    assert len([statement for statement in statements if statement.startswith("INSERT")]) == 1
    assert len(commits) == 1
    (stored,) = await log.recent(1)
    assert len(stored.sessions) == 2000


# --- credentials -----------------------------------------------------------------------------------------------------


async def add_ana(credentials: CredentialAdministration) -> None:
    assert await credentials.add_user(ANA, at=NOW)
    await credentials.grant("u1", Grant(project_id=NORTH, role=Role.OPERATOR))
    await credentials.add_access_key(access_key="AK1", sealed_secret=b"\x00sealed\xff", user_id="u1", at=NOW)


def token(digest: bytes, issued_at: datetime = NOW) -> TokenRecord:
    return TokenRecord(
        digest=digest, user=ANA, project_id=NORTH, issued_at=issued_at, expires_at=issued_at + timedelta(hours=24)
    )


async def test_an_access_key_comes_with_its_user_and_roles(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.grant("u1", Grant(project_id=SOUTH, role=Role.VIEWER))
    kept = await credentials.access_key("AK1")
    assert kept is not None
    assert (kept.access_key, kept.sealed_secret) == ("AK1", b"\x00sealed\xff")
    north, south = Grant(project_id=NORTH, role=Role.OPERATOR), Grant(project_id=SOUTH, role=Role.VIEWER)
    assert kept.user == replace(ANA, grants=(north, south))
    assert await credentials.user(name="ana", domain="acme") == kept.user


async def test_a_user_without_roles_or_password_is_a_user(credentials: SqlCredentials) -> None:
    robot = replace(ANA, password_hash=None)
    await credentials.add_user(robot, at=NOW)
    assert await credentials.user(name="ana", domain="acme") == robot


async def test_a_new_user_may_bring_roles(credentials: SqlCredentials) -> None:
    with_role = replace(ANA, grants=(Grant(project_id=NORTH, role=Role.ADMIN),))
    await credentials.add_user(with_role, at=NOW)
    assert await credentials.user(name="ana", domain="acme") == with_role


async def test_administrators_see_everybody_also_the_disabled(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.grant("u1", Grant(project_id=SOUTH, role=Role.VIEWER))
    await credentials.add_access_key(access_key="AK0", sealed_secret=b"-", user_id="u1", at=NOW)
    await credentials.disable_access_key("AK0", at=NOW)
    await credentials.add_user(replace(ANA, id="u2", name="bob", password_hash=None), at=NOW)
    await credentials.disable_user("u2", at=NOW)

    ana, bob = await credentials.kept_users()
    assert (ana.user.name, {grant.role for grant in ana.user.grants}) == ("ana", {Role.OPERATOR, Role.VIEWER})
    assert (ana.access_keys, ana.created_at, ana.disabled_at) == (1, NOW, None)
    assert (bob.user.name, bob.user.grants, bob.access_keys, bob.disabled_at) == ("bob", (), 0, NOW)
    keys = {key.access_key: key for key in await credentials.kept_access_keys()}
    assert {name: key.disabled_at for name, key in keys.items()} == {"AK0": NOW, "AK1": None}
    assert (keys["AK1"].user_name, keys["AK1"].domain, keys["AK1"].created_at) == ("ana", "acme", NOW)


async def test_a_role_can_be_taken_once(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    assert await credentials.revoke("u1", NORTH)
    assert not await credentials.revoke("u1", NORTH)
    assert await credentials.grants_of("u1") == ()


async def test_a_name_is_taken_once_per_domain(credentials: SqlCredentials) -> None:
    assert await credentials.add_user(ANA, at=NOW)
    grants = (Grant(project_id=NORTH, role=Role.ADMIN),)
    assert not await credentials.add_user(replace(ANA, id="u2", grants=grants), at=NOW)
    assert await credentials.add_user(replace(ANA, id="u3", domain="other"), at=NOW)
    assert await credentials.user(name="ana", domain="acme") == ANA


async def test_names_are_compared_exactly(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    for name, domain in (("Ana", "acme"), ("ana", "ACME"), ("ana ", "acme"), ("an_", "acme"), ("%", "%"), ("", "")):
        assert await credentials.user(name=name, domain=domain) is None
    assert await credentials.access_key("ak1") is None


@pytest.mark.parametrize("odd", ["\0", "ana\0", "\ud800", "x" * 100_000, "'; DROP TABLE users; --"])
async def test_no_name_a_caller_sends_breaks_the_store(credentials: SqlCredentials, odd: str) -> None:
    await add_ana(credentials)
    assert await credentials.user(name=odd, domain=odd) is None
    assert await credentials.access_key(odd) is None
    assert await credentials.user(name="ana", domain="acme") is not None


async def test_a_changed_role_counts_at_once(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    await credentials.grant("u1", Grant(project_id=NORTH, role=Role.VIEWER))
    lower = (Grant(project_id=NORTH, role=Role.VIEWER),)
    by_key, by_token = await credentials.access_key("AK1"), await credentials.token(b"d1")
    assert by_key is not None
    assert by_token is not None
    assert by_key.user.grants == by_token.user.grants == lower


async def test_a_disabled_access_key_is_not_returned(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_access_key(access_key="AK2", sealed_secret=b"x", user_id="u1", at=NOW)
    assert await credentials.disable_access_key("AK1", at=NOW)
    assert not await credentials.disable_access_key("AK1", at=NOW)
    assert not await credentials.disable_access_key("AK9", at=NOW)
    assert await credentials.access_key("AK1") is None
    assert await credentials.access_key("AK2") is not None


async def test_a_disabled_user_takes_keys_and_tokens_along(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    assert await credentials.disable_user("u1", at=NOW)
    assert not await credentials.disable_user("u1", at=NOW)
    assert await credentials.user(name="ana", domain="acme") is None
    assert await credentials.access_key("AK1") is None
    assert await credentials.token(b"d1") is None
    assert not await credentials.add_user(replace(ANA, id="u2"), at=NOW)


async def test_a_token_is_kept_until_a_later_one_comes_after_its_end(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"old"))
    kept = await credentials.token(b"old")
    assert kept is not None
    assert kept == replace(token(b"old"), user=kept.user)
    await credentials.add_token(token(b"at its end", NOW + timedelta(hours=24)))
    assert await credentials.token(b"old") is not None
    await credentials.add_token(token(b"later", NOW + timedelta(hours=24, microseconds=1)))
    assert await credentials.token(b"old") is None
    assert await credentials.token(b"at its end") is not None


async def test_a_token_may_be_for_no_project_or_for_a_domain(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    for record in (replace(token(b"d1"), project_id=None), replace(token(b"d2"), project_id=None, for_domain=True)):
        await credentials.add_token(record)
        kept = await credentials.token(record.digest)
        assert kept is not None
        assert kept == replace(record, user=kept.user)


async def test_the_roles_of_a_user_are_those_of_now(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    assert await credentials.grants_of("u1") == (Grant(project_id=NORTH, role=Role.OPERATOR),)
    assert await credentials.grants_of("nobody") == ()
    await credentials.disable_user("u1", at=NOW)
    assert await credentials.grants_of("u1") == ()


# --- temporary access keys -------------------------------------------------------------------------------------------


def temporary_key(name: str, of: bytes = b"d1", created_at: datetime = NOW) -> NewTemporaryKey:
    return NewTemporaryKey(
        access_key=name,
        sealed_secret=b"\x00temporary\xff",
        digest=b"\x00digest\xff",
        token=token(of),
        created_at=created_at,
        expires_at=created_at + timedelta(minutes=15),
    )


async def test_a_temporary_key_comes_with_its_tokens_user_and_project(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.grant("u1", Grant(project_id=SOUTH, role=Role.VIEWER))
    await credentials.add_token(token(b"d1"))
    await credentials.add_token(replace(token(b"d2"), project_id=None))
    assert await credentials.add_temporary_key(temporary_key("TEMP1"))
    assert await credentials.add_temporary_key(temporary_key("TEMP2", b"d2"))
    kept, permanent = await credentials.access_key("TEMP1"), await credentials.access_key("AK1")
    assert kept is not None
    assert permanent is not None
    assert permanent.temporary is None
    assert (kept.access_key, kept.sealed_secret, kept.user) == ("TEMP1", b"\x00temporary\xff", permanent.user)
    ends = NOW + timedelta(minutes=15)
    assert kept.temporary == Temporary(digest=b"\x00digest\xff", project_id=NORTH, expires_at=ends)
    unscoped = await credentials.access_key("TEMP2")
    assert unscoped is not None
    assert unscoped.temporary == Temporary(digest=b"\x00digest\xff", project_id=None, expires_at=ends)


async def test_an_expired_temporary_key_goes_when_a_later_one_comes(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    await credentials.add_temporary_key(temporary_key("OLD"))
    await credentials.add_temporary_key(temporary_key("AT_ITS_END", created_at=NOW + timedelta(minutes=15)))
    assert await credentials.access_key("OLD") is not None
    later = NOW + timedelta(minutes=15, microseconds=1)
    await credentials.add_temporary_key(temporary_key("LATER", created_at=later))
    assert await credentials.access_key("OLD") is None
    assert await credentials.access_key("AT_ITS_END") is not None


async def test_temporary_keys_go_with_the_token_they_were_made_from(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    await credentials.add_token(token(b"d2"))
    await credentials.add_temporary_key(temporary_key("TEMP1", b"d1"))
    await credentials.add_temporary_key(temporary_key("TEMP2", b"d2"))
    assert await credentials.revoke_token(b"d1")
    assert await credentials.access_key("TEMP1") is None
    assert await credentials.access_key("TEMP2") is not None
    # An expired token that is forgotten takes its own along, and is in nobody's way.
    await credentials.add_token(token(b"d3", NOW + timedelta(hours=25)))
    assert await credentials.access_key("TEMP2") is None


async def test_a_token_that_is_gone_gives_no_temporary_key(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    assert not await credentials.add_temporary_key(temporary_key("TEMP1"))
    assert await credentials.access_key("TEMP1") is None


async def test_of_a_token_that_is_revoked_at_once_no_temporary_key_stays(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    for attempt in range(10):
        digest = b"race %d" % attempt
        await credentials.add_token(token(digest))
        names = [f"TEMP{attempt}_{number}" for number in range(3)]
        made = (credentials.add_temporary_key(temporary_key(name, digest)) for name in names)
        await asyncio.gather(*made, credentials.revoke_token(digest))
        assert [await credentials.access_key(name) for name in names] == [None] * 3


# --- users who come and go -------------------------------------------------------------------------------------------


async def test_a_user_who_is_let_in_again_has_their_keys_and_roles_and_no_token(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    await credentials.add_temporary_key(temporary_key("TEMP1"))
    assert not await credentials.enable_user(name="ana", domain="acme")
    await credentials.disable_user("u1", at=NOW)
    assert await credentials.access_key("TEMP1") is None
    assert not await credentials.enable_user(name="ana", domain="other")
    assert await credentials.enable_user(name="ana", domain="acme")
    kept = await credentials.access_key("AK1")
    assert kept is not None
    assert kept.user.grants == (Grant(project_id=NORTH, role=Role.OPERATOR),)
    assert await credentials.token(b"d1") is None
    assert await credentials.access_key("TEMP1") is None


async def test_another_password_ends_what_came_of_the_old_one(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_user(replace(ANA, id="u2", name="bob"), at=NOW)
    await credentials.add_token(token(b"d1"))
    await credentials.add_token(replace(token(b"bobs"), user=replace(ANA, id="u2", name="bob")))
    await credentials.add_temporary_key(temporary_key("TEMP1"))
    await credentials.set_password("u1", "another")
    ana = await credentials.user(name="ana", domain="acme")
    bob = await credentials.user(name="bob", domain="acme")
    assert ana is not None
    assert bob is not None
    assert (ana.password_hash, bob.password_hash) == ("another", ANA.password_hash)
    assert await credentials.token(b"d1") is await credentials.access_key("TEMP1") is None
    assert await credentials.token(b"bobs") is not None
    assert await credentials.access_key("AK1") is not None


async def test_a_revoked_token_is_gone(credentials: SqlCredentials) -> None:
    await add_ana(credentials)
    await credentials.add_token(token(b"d1"))
    await credentials.add_token(token(b"d2"))
    assert await credentials.revoke_token(b"d1")
    assert not await credentials.revoke_token(b"d1")
    assert await credentials.token(b"d1") is None
    assert await credentials.token(b"d2") is not None


async def test_nothing_is_kept_for_a_user_who_does_not_exist(credentials: SqlCredentials) -> None:
    with pytest.raises(StoreUnavailableError):
        await credentials.add_access_key(access_key="AK1", sealed_secret=b"x", user_id="nobody", at=NOW)


# --- the freeze switch -----------------------------------------------------------------------------------------------

FREEZE = Freeze(instance_id=InstanceId("i1"), by="ana", reason="month end \N{EM DASH} \x00 no kills", since=NOW)


async def test_what_is_frozen_stays_so_for_whoever_opens_the_store(database: Database) -> None:
    assert await SqlFreezes(database).standing() == ()
    assert await SqlFreezes(database).freeze(FREEZE)
    everywhere = replace(FREEZE, instance_id=None, since=NOW + timedelta(seconds=1), reason="all")
    assert await SqlFreezes(database).freeze(everywhere)
    kept, all_of_them = await SqlFreezes(database).standing()
    assert (kept.instance_id, kept.by, kept.since) == ("i1", "ana", NOW)
    assert all_of_them == everywhere


async def test_a_scope_that_is_frozen_keeps_what_was_said_first(database: Database) -> None:
    freezes = SqlFreezes(database)
    first = replace(FREEZE, reason="first")
    assert await freezes.freeze(first)
    assert not await freezes.freeze(replace(first, reason="second", by="bob"))
    assert await freezes.standing() == (first,)


async def test_to_thaw_one_scope_leaves_the_others_frozen(database: Database) -> None:
    freezes = SqlFreezes(database)
    one, everywhere = replace(FREEZE, reason="one"), replace(FREEZE, instance_id=None, reason="all")
    for freeze in (one, everywhere):
        await freezes.freeze(freeze)
    assert await freezes.thaw(InstanceId("i2")) is None
    assert await freezes.thaw(None) == everywhere
    assert await freezes.standing() == (one,)
    assert await freezes.thaw(InstanceId("i1")) == one
    assert await freezes.standing() == ()


# --- pins ------------------------------------------------------------------------------------------------------------


async def test_a_component_stays_pinned_to_the_first_server(pins: SqlPins) -> None:
    assert await pins.pinned(COMPONENT) is None
    assert await pins.pin(COMPONENT, "7300000000000000001") == "7300000000000000001"
    assert await pins.pin(COMPONENT, "7300000000000000002") == "7300000000000000001"
    assert await pins.pinned(COMPONENT) == "7300000000000000001"


async def test_a_pin_is_for_one_component_of_one_instance(pins: SqlPins) -> None:
    await pins.pin(COMPONENT, "1")
    for other in (
        replace(COMPONENT, id=ComponentId("dn_6002")),
        replace(COMPONENT, instance_id=InstanceId("i2")),
        replace(COMPONENT, project_id=SOUTH),
    ):
        assert await pins.pinned(other) is None
        assert await pins.pin(other, "2") == "2"
    assert await pins.pinned(COMPONENT) == "1"


async def test_a_component_that_moved_to_another_node_keeps_its_pin(pins: SqlPins) -> None:
    await pins.pin(COMPONENT, "1")
    moved = replace(COMPONENT, node_id=NodeId("n2"), role=ComponentRole.STANDBY)
    assert await pins.pinned(moved) == "1"


async def test_a_forgotten_pin_makes_room_for_a_new_one(pins: SqlPins) -> None:
    assert not await pins.forget(COMPONENT)
    await pins.pin(COMPONENT, "1")
    assert await pins.forget(COMPONENT)
    assert await pins.pinned(COMPONENT) is None
    assert await pins.pin(COMPONENT, "2") == "2"


async def test_of_several_services_that_pin_at_once_one_wins(store_url: str) -> None:
    databases = [await open_database(store_url) for _ in range(4)]
    several = [SqlPins(database) for database in databases for _ in range(3)]
    answers = await asyncio.gather(*(pins.pin(COMPONENT, str(n)) for n, pins in enumerate(several)))
    assert len(set(answers)) == 1
    assert await several[0].pinned(COMPONENT) == answers[0]
    for database in databases:
        await database.close()


# --- PostgreSQL's own troubles ---------------------------------------------------------------------------------------

ON_POSTGRESQL = pytest.mark.parametrize("store_server", ["postgresql"], indirect=True)


@ON_POSTGRESQL
async def test_a_store_that_stopped_is_named_and_used_again_when_it_is_back(
    store_server: Server, database: Database, log: SqlAuditLog
) -> None:
    await log.append(EVENT)
    await asyncio.to_thread(store_server.stop)
    try:
        with pytest.raises(AuditUnavailableError, match=r"nothing was ended: .*look whether the server is up"):
            await log.append(EVENT)
        with pytest.raises(StoreUnavailableError):
            await log.recent(1)
    finally:
        await asyncio.to_thread(store_server.start)
    await log.append(EVENT)
    await database.check()
    assert len(await log.recent(10)) == 2


@ON_POSTGRESQL
async def test_a_server_that_takes_no_writes_is_named(
    store_server: Server, database: Database, log: SqlAuditLog, store_url: str
) -> None:
    await log.append(EVENT)
    await database.close()
    standby = store_server.data_dir / "standby.signal"
    standby.touch()
    await asyncio.to_thread(store_server.restart)
    try:
        with pytest.raises(AuditUnavailableError, match="is read-only, perhaps a standby"):
            await log.append(EVENT)
        with pytest.raises(StoreUnavailableError, match="is read-only, perhaps a standby"):
            await database.check()
        assert len(await log.recent(10)) == 1
        assert store_url not in repr(await log.recent(10))
    finally:
        await database.close()
        standby.unlink()
        await asyncio.to_thread(store_server.restart)


@ON_POSTGRESQL
async def test_a_commit_is_on_the_disk_whatever_the_servers_habit(store_server: Server, database: Database) -> None:
    assert store_server.psql("SHOW synchronous_commit;") == "off"
    async with database.read() as connection:
        assert await connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert await connection.scalar(text("SHOW application_name")) == "vacate"


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("user", "password", "name", "query", "words"),
    [
        ("postgres", "guess-secret", "vacate", "", "refuses the login .*look at the user and the password"),
        ("nobody", "guess-secret", "vacate", "", "refuses the login"),
        ("postgres", None, "elsewhere", "", "database 'elsewhere' on 127.* does not exist; create the database"),
        ("postgres", None, "vacate", "?sslmode=require", "SSL"),
        ("postgres", None, "vacate", "?sslmode=nonsense", "sslmode"),
    ],
)
async def test_a_login_that_does_not_work_is_named_without_its_password(
    store_server: Server, store_url: str, user: str, password: str | None, name: str, query: str, words: str
) -> None:
    del store_url
    login = password or store_server.place.superuser_password
    with pytest.raises(StoreUnavailableError, match=words) as refused:
        await open_database(store_server.dsn(user, login, name) + query)
    assert login not in str(refused.value)


@ON_POSTGRESQL
async def test_a_user_without_rights_is_named(store_server: Server, store_url: str) -> None:
    del store_url
    store_server.psql("DROP ROLE IF EXISTS clerk;\nCREATE ROLE clerk LOGIN PASSWORD 'x';")
    with pytest.raises(StoreUnavailableError, match=r"the store's user lacks rights in .*grant them"):
        await open_database(store_server.dsn("clerk", "x", "vacate"))


async def test_a_server_that_says_nothing_is_given_up() -> None:
    ended = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        with pytest.raises(StoreUnavailableError, match="did not answer in time"):
            await open_database(f"postgresql://user:x@127.0.0.1:{port}/vacate", patience_s=0.2)
    finally:
        ended.set()
        listener.close()
        await listener.wait_closed()
