"""The directory: what an administrator makes and shuts."""

import re

import pytest

from tests.support.memory_credentials import MemoryCredentials
from vacate.domain.access.identity import Grant, Role
from vacate.domain.topology.components import ProjectId
from vacate.iam.directory import DirectoryError, UserDirectory
from vacate.iam.sealing import Sealer

NORTH = ProjectId("p-north")
PASSWORD = "correct horse"  # noqa: S105 - the tests' own.


async def test_a_user_may_have_no_password(directory: UserDirectory, credentials: MemoryCredentials) -> None:
    await directory.add_user(name="robot", domain="acme")
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    hashes = {user.name: user.password_hash for user in credentials.users.values()}
    assert hashes["robot"] is None
    assert str(hashes["ana"]).startswith("$argon2id$")


async def test_a_name_is_taken_once_per_domain(directory: UserDirectory) -> None:
    await directory.add_user(name="ana", domain="acme")
    await directory.add_user(name="ana", domain="other")
    with pytest.raises(DirectoryError, match="user 'ana' exists already in domain 'acme'"):
        await directory.add_user(name="ana", domain="acme")


async def test_the_name_of_a_disabled_user_stays_taken(directory: UserDirectory) -> None:
    await directory.add_user(name="ana", domain="acme")
    await directory.disable_user(name="ana", domain="acme")
    with pytest.raises(DirectoryError, match="or did and is disabled"):
        await directory.add_user(name="ana", domain="acme")


@pytest.mark.parametrize("name", ["", " ana", "ana\n", "a\0b", "\ud800", "x" * 129])
async def test_a_name_that_cannot_be_typed_is_refused(directory: UserDirectory, name: str) -> None:
    with pytest.raises(DirectoryError, match="cannot be a user name"):
        await directory.add_user(name=name, domain="acme")
    with pytest.raises(DirectoryError, match="cannot be a domain name"):
        await directory.add_user(name="ana", domain=name)


async def test_an_empty_password_is_refused(directory: UserDirectory) -> None:
    with pytest.raises(DirectoryError, match="password is empty"):
        await directory.add_user(name="ana", domain="acme", password="")


@pytest.mark.parametrize("password", ["a", "seven77"])
async def test_a_short_password_is_refused_with_the_rule(directory: UserDirectory, password: str) -> None:
    await directory.add_user(name="bea", domain="acme")
    with pytest.raises(DirectoryError, match="at least 8"):
        await directory.add_user(name="ana", domain="acme", password=password)
    with pytest.raises(DirectoryError, match="at least 8"):
        await directory.set_password(name="bea", domain="acme", password=password)


async def test_a_role_takes_the_place_of_the_one_before(
    directory: UserDirectory, credentials: MemoryCredentials
) -> None:
    user = await directory.add_user(name="ana", domain="acme")
    for role in (Role.ADMIN, Role.VIEWER):
        await directory.grant(name="ana", domain="acme", project_id=NORTH, role=role)
    assert credentials.users[user.id].grants == (Grant(project_id=NORTH, role=Role.VIEWER),)


async def test_an_access_key_is_shown_once_and_kept_sealed(
    directory: UserDirectory, credentials: MemoryCredentials, sealer: Sealer
) -> None:
    await directory.add_user(name="ana", domain="acme")
    issued = await directory.create_access_key(name="ana", domain="acme")
    assert re.fullmatch(r"[A-Z0-9]{20}", issued.access_key)
    assert re.fullmatch(r"[A-Za-z0-9_-]{40}", issued.secret_key)
    assert issued.secret_key not in repr(issued)
    sealed, _ = credentials.access_keys[issued.access_key]
    assert issued.secret_key.encode() not in sealed
    assert sealer.open(sealed, access_key=issued.access_key) == issued.secret_key.encode()


async def test_a_user_may_have_several_access_keys(directory: UserDirectory) -> None:
    await directory.add_user(name="ana", domain="acme")
    first = await directory.create_access_key(name="ana", domain="acme")
    second = await directory.create_access_key(name="ana", domain="acme")
    assert first.access_key != second.access_key


async def test_an_access_key_is_disabled_once(directory: UserDirectory, credentials: MemoryCredentials) -> None:
    await directory.add_user(name="ana", domain="acme")
    issued = await directory.create_access_key(name="ana", domain="acme")
    await directory.disable_access_key(issued.access_key)
    assert await credentials.access_key(issued.access_key) is None
    with pytest.raises(DirectoryError, match="no access key"):
        await directory.disable_access_key(issued.access_key)


async def test_nothing_can_be_done_to_a_user_who_does_not_exist(directory: UserDirectory) -> None:
    with pytest.raises(DirectoryError, match="no user 'bob' in domain 'acme'"):
        await directory.grant(name="bob", domain="acme", project_id=NORTH, role=Role.VIEWER)
    with pytest.raises(DirectoryError, match="no user"):
        await directory.create_access_key(name="bob", domain="acme")
    with pytest.raises(DirectoryError, match="no user"):
        await directory.disable_user(name="bob", domain="acme")
    with pytest.raises(DirectoryError, match="no user"):
        await directory.enable_user(name="bob", domain="acme")
    with pytest.raises(DirectoryError, match="no user"):
        await directory.set_password(name="bob", domain="acme", password=PASSWORD)


async def test_a_disabled_user_is_let_in_again_with_what_they_had(
    directory: UserDirectory, credentials: MemoryCredentials
) -> None:
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    await directory.grant(name="ana", domain="acme", project_id=NORTH, role=Role.OPERATOR)
    kept, lost = [await directory.create_access_key(name="ana", domain="acme") for _ in range(2)]
    await directory.disable_access_key(lost.access_key)
    await directory.disable_user(name="ana", domain="acme")
    with pytest.raises(DirectoryError, match="who is disabled"):
        await directory.enable_user(name="ana", domain="other")
    await directory.enable_user(name="ana", domain="acme")
    found = await credentials.access_key(kept.access_key)
    assert found is not None
    assert found.user.grants == (Grant(project_id=NORTH, role=Role.OPERATOR),)
    assert await credentials.access_key(lost.access_key) is None
    with pytest.raises(DirectoryError, match="who is disabled"):
        await directory.enable_user(name="ana", domain="acme")


async def test_another_password_is_hashed_and_never_empty(
    directory: UserDirectory, credentials: MemoryCredentials
) -> None:
    user = await directory.add_user(name="ana", domain="acme")
    with pytest.raises(DirectoryError, match="empty"):
        await directory.set_password(name="ana", domain="acme", password="")
    assert credentials.users[user.id].password_hash is None
    await directory.set_password(name="ana", domain="acme", password=PASSWORD)
    assert str(credentials.users[user.id].password_hash).startswith("$argon2id$")


async def test_a_role_is_taken_away_where_there_is_one(
    directory: UserDirectory, credentials: MemoryCredentials
) -> None:
    user = await directory.add_user(name="ana", domain="acme")
    await directory.grant(name="ana", domain="acme", project_id=NORTH, role=Role.ADMIN)
    await directory.revoke(name="ana", domain="acme", project_id=NORTH)
    assert credentials.users[user.id].grants == ()
    with pytest.raises(DirectoryError, match="has no role in project 'p-north'"):
        await directory.revoke(name="ana", domain="acme", project_id=NORTH)


async def test_a_rotated_access_key_is_refused_and_its_user_has_another(
    directory: UserDirectory, credentials: MemoryCredentials
) -> None:
    await directory.add_user(name="ana", domain="acme")
    old = await directory.create_access_key(name="ana", domain="acme")
    new = await directory.rotate_access_key(old.access_key)
    assert await credentials.access_key(old.access_key) is None
    kept = await credentials.access_key(new.access_key)
    assert kept is not None
    assert kept.user.name == "ana"
    with pytest.raises(DirectoryError, match="no access key"):
        await directory.rotate_access_key(old.access_key)


async def test_access_keys_are_listed_of_one_user_or_of_all(directory: UserDirectory) -> None:
    for name in ("ana", "bob"):
        await directory.add_user(name=name, domain="acme")
    keys = {
        name: (await directory.create_access_key(name=name, domain="acme")).access_key for name in ("ana", "bob", "ana")
    }
    assert {key.user_name for key in await directory.access_keys(("bob", "acme"))} == {"bob"}
    assert {keys["ana"], keys["bob"]} <= {key.access_key for key in await directory.access_keys()}
    with pytest.raises(DirectoryError, match="no user 'eve'"):
        await directory.access_keys(("eve", "acme"))
