"""`vacate user` and `vacate access-key`: who may call, and what they prove themselves with."""

import sys
from pathlib import Path

import click

from vacate.cli.output import say
from vacate.cli.running import CONFIG, DOMAIN, fail, run
from vacate.domain.errors import SettingsError
from vacate.domain.identity import Role
from vacate.domain.topology import ProjectId

PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, also where that is a terminal."
)


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


@user.command("add")
@click.argument("name")
@DOMAIN
@CONFIG
@click.option("--password", "wanted", is_flag=True, help="Give them a password too: asked for, or read like a pipe's.")
@PASSWORD_STDIN
def user_add(name: str, domain: str, config: Path, *, wanted: bool, password_stdin: bool) -> None:
    """Add a user. Without a password they use access keys only."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    password = _password(from_stdin=password_stdin) if wanted or password_stdin else None

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.add_user(name=name, domain=domain, password=password)

    run(work())
    say(f"user {name} added; give them a role with: vacate user grant {name} --project ID --role operator")


@user.command("grant")
@click.argument("name")
@click.option("--project", required=True, help="The project's id.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@DOMAIN
@CONFIG
def user_grant(name: str, project: str, role: str, domain: str, config: Path) -> None:
    """Give a user a role in a project: viewer may look, operator may kill, admin may change."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    async def work() -> None:
        settings = load_settings(config)
        if project not in settings.project_ids().values():
            raise SettingsError(f"{config} has no project {project!r}")
        async with open_directory(settings) as directory:
            await directory.grant(name=name, domain=domain, project_id=ProjectId(project), role=Role(role))

    run(work())
    say(f"user {name} is {role} in project {project}")


@user.command("disable")
@click.argument("name")
@DOMAIN
@CONFIG
def user_disable(name: str, domain: str, config: Path) -> None:
    """Refuse a user, with all of their tokens and access keys."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.disable_user(name=name, domain=domain)

    run(work())
    say(f"user {name} is disabled")


@user.command("enable")
@click.argument("name")
@DOMAIN
@CONFIG
def user_enable(name: str, domain: str, config: Path) -> None:
    """Let a disabled user in again, with their roles and access keys; tokens must be got anew."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.enable_user(name=name, domain=domain)

    run(work())
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
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    password = _password(from_stdin=password_stdin)

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.set_password(name=name, domain=domain, password=password)

    run(work())
    say(f"user {name} has another password; their tokens and temporary access keys are over")


@click.group("access-key")
def access_key() -> None:
    """Access keys: what SDKs sign requests with."""


@access_key.command("create")
@click.argument("name")
@DOMAIN
@CONFIG
def access_key_create(name: str, domain: str, config: Path) -> None:
    """Make an access key for a user. The secret is shown this once."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            issued = await directory.create_access_key(name=name, domain=domain)
        say(f"access_key={issued.access_key}", f"secret_key={issued.secret_key}")

    run(work())


@access_key.command("disable")
@click.argument("key")
@CONFIG
def access_key_disable(key: str, config: Path) -> None:
    """Refuse an access key from its next request on."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.disable_access_key(key)

    run(work())
    say(f"access key {key} is disabled")
