"""`vacate user` and `vacate access-key`: who may call, and what they prove themselves with."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from vacate.cli.commands.shared import CONFIG, DOMAIN, fail, run
from vacate.cli.output import say
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vacate.cli.accounts import Accounts

_T = TypeVar("_T")

PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, also where that is a terminal."
)
PROJECT = click.option("--project", required=True, help="The project's id or name.")


def _with_accounts(config: Path, work: "Callable[[Accounts], Awaitable[_T]]") -> _T:
    from vacate.cli.accounts import open_accounts

    async def opened() -> _T:
        async with open_accounts(config) as accounts:
            return await work(accounts)

    return run(opened())


def _password(*, from_stdin: bool) -> str:
    """A password, asked for on a terminal, else the first line of standard input; others can read arguments."""
    if not from_stdin and sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt="The same once more", err=True))
    line = sys.stdin.readline()
    if not line:
        fail("standard input holds no password; write it as one line, or run the command on a terminal")
    return line.rstrip("\n")


@click.group()
def user() -> None:
    """Users and their roles."""


@user.command("list")
@click.option("--domain", help="Only users of this domain.")
@CONFIG
def user_list(domain: str | None, config: Path) -> None:
    """Every user with their roles, also those that are disabled."""
    _with_accounts(config, lambda accounts: accounts.show_users(domain))


@user.command("add")
@click.argument("name")
@DOMAIN
@CONFIG
@click.option("--password", "wanted", is_flag=True, help="Give them a password, asked for or read as `password` does.")
@PASSWORD_STDIN
def user_add(name: str, domain: str, config: Path, *, wanted: bool, password_stdin: bool) -> None:
    """Add a user. Without a password they use access keys only."""
    password = _password(from_stdin=password_stdin) if wanted or password_stdin else None

    async def work(accounts: "Accounts") -> None:
        await accounts.directory.add_user(name=name, domain=domain, password=password)
        manner = "without a password" if password is None else "with a password"
        await accounts.record(AuditAction.USER_ADDED, f"user {name} of domain {domain}, {manner}")

    _with_accounts(config, work)
    say(f"user {name} added; give them a role with: vacate user grant {name} --project ID --role operator")


@user.command("grant")
@click.argument("name")
@PROJECT
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@DOMAIN
@CONFIG
def user_grant(name: str, project: str, role: str, domain: str, config: Path) -> None:
    """Give a user a role in a project: viewer may look, operator may kill, admin may change."""

    async def work(accounts: "Accounts") -> None:
        project_id = accounts.project(project)
        await accounts.directory.grant(name=name, domain=domain, project_id=project_id, role=Role(role))
        note = f"user {name} of domain {domain} is {role} in project {project_id}"
        await accounts.record(AuditAction.USER_GRANTED, note, project_id=project_id)

    _with_accounts(config, work)
    say(f"user {name} is {role} in project {project}")


@user.command("revoke")
@click.argument("name")
@PROJECT
@DOMAIN
@CONFIG
def user_revoke(name: str, project: str, domain: str, config: Path) -> None:
    """Take a user's role in a project away, from their next request on."""

    async def work(accounts: "Accounts") -> None:
        project_id = accounts.project(project, former=True)
        await accounts.directory.revoke(name=name, domain=domain, project_id=project_id)
        note = f"user {name} of domain {domain} has no role in project {project_id}"
        await accounts.record(AuditAction.USER_REVOKED, note, project_id=project_id)

    _with_accounts(config, work)
    say(f"user {name} has no role in project {project} any more")


@user.command("disable")
@click.argument("name")
@DOMAIN
@CONFIG
def user_disable(name: str, domain: str, config: Path) -> None:
    """Refuse a user, with all of their tokens and access keys."""

    async def work(accounts: "Accounts") -> None:
        await accounts.directory.disable_user(name=name, domain=domain)
        await accounts.record(AuditAction.USER_DISABLED, f"user {name} of domain {domain}")

    _with_accounts(config, work)
    say(f"user {name} is disabled")


@user.command("enable")
@click.argument("name")
@DOMAIN
@CONFIG
def user_enable(name: str, domain: str, config: Path) -> None:
    """Let a disabled user in again, with their roles and access keys; tokens must be got anew."""

    async def work(accounts: "Accounts") -> None:
        await accounts.directory.enable_user(name=name, domain=domain)
        await accounts.record(AuditAction.USER_ENABLED, f"user {name} of domain {domain}")

    _with_accounts(config, work)
    say(f"user {name} is enabled")


@user.command("password")
@click.argument("name")
@DOMAIN
@CONFIG
@PASSWORD_STDIN
def user_password(name: str, domain: str, config: Path, *, password_stdin: bool) -> None:
    """Give a user another password. It ends their tokens and temporary access keys.

    On a terminal it is asked for, twice and unseen; otherwise it is the first line of standard input.
    """
    password = _password(from_stdin=password_stdin)

    async def work(accounts: "Accounts") -> None:
        await accounts.directory.set_password(name=name, domain=domain, password=password)
        await accounts.record(AuditAction.USER_PASSWORD_SET, f"user {name} of domain {domain}")

    _with_accounts(config, work)
    say(f"user {name} has another password; their tokens and temporary access keys are over")


@click.group("access-key")
def access_key() -> None:
    """Access keys: what SDKs sign requests with."""


@access_key.command("list")
@click.argument("name", required=False)
@DOMAIN
@CONFIG
def access_key_list(name: str | None, domain: str, config: Path) -> None:
    """Access keys, also those that are disabled: of one user, or without a name all."""
    _with_accounts(config, lambda accounts: accounts.show_access_keys(name, domain))


@access_key.command("create")
@click.argument("name")
@DOMAIN
@CONFIG
def access_key_create(name: str, domain: str, config: Path) -> None:
    """Make an access key for a user. The secret is shown this once."""

    async def work(accounts: "Accounts") -> None:
        issued = await accounts.directory.create_access_key(name=name, domain=domain)
        say(f"access_key={issued.access_key}", f"secret_key={issued.secret_key}")
        note = f"access key {issued.access_key} of user {name} of domain {domain}"
        await accounts.record(AuditAction.ACCESS_KEY_CREATED, note)

    _with_accounts(config, work)


@access_key.command("rotate")
@click.argument("key")
@CONFIG
def access_key_rotate(key: str, config: Path) -> None:
    """Make another access key for the user of this one, and refuse this one from its next request on."""

    async def work(accounts: "Accounts") -> None:
        issued = await accounts.directory.rotate_access_key(key)
        say(f"access_key={issued.access_key}", f"secret_key={issued.secret_key}")
        await accounts.record(AuditAction.ACCESS_KEY_CREATED, f"access key {issued.access_key} in the place of {key}")
        await accounts.record(AuditAction.ACCESS_KEY_DISABLED, f"access key {key}")

    _with_accounts(config, work)


@access_key.command("disable")
@click.argument("key")
@CONFIG
def access_key_disable(key: str, config: Path) -> None:
    """Refuse an access key for good, from its next request on. `revoke` is the same."""

    async def work(accounts: "Accounts") -> None:
        await accounts.directory.disable_access_key(key)
        await accounts.record(AuditAction.ACCESS_KEY_DISABLED, f"access key {key}")

    _with_accounts(config, work)
    say(f"access key {key} is disabled")


access_key.add_command(access_key_disable, "revoke")
