"""The commands."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from vacate import __version__
from vacate.domain.errors import SettingsError, VacateError
from vacate.domain.identity import Role
from vacate.domain.topology import ProjectId

_T = TypeVar("_T")

CONFIG = click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("vacate.toml"),
    envvar="VACATE_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)
DOMAIN = click.option("--domain", default="default", show_default=True, help="The domain the user is in.")


def run(work: Coroutine[object, object, _T]) -> _T:
    """Run a command's work; what goes wrong on purpose is one line and exit status 1."""
    try:
        return asyncio.run(work)
    except VacateError as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end."""
    click.echo(f"vacate: {message}", err=True)
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-?", "--help"]})
@click.version_option(__version__, "-V", "--version", message="vacate %(version)s")
def main() -> None:
    """Lists database sessions and ends the idle ones, never a busy one."""


@main.command()
@CONFIG
def serve(config: Path) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    from vacate.cli.serving import bind, serving, until_told_to_stop
    from vacate.settings.loading import load_settings
    from vacate.telemetry.logs import log, start_logging
    from vacate.wiring import open_service

    async def work() -> None:
        settings = load_settings(config)
        start_logging(settings.service.log_level)
        with bind(settings.service) as listener:
            async with open_service(settings) as service:
                host, port = listener.getsockname()[:2]
                log(
                    "serving",
                    {"host": host, "port": port, "tls": settings.service.tls_certificate is not None},
                )
                async with serving(service.app, settings.service, listener):
                    await until_told_to_stop()

    run(work())


@main.command()
@click.argument("dsns", nargs=-1, required=True, metavar="DSN...")
@click.option("--patroni", metavar="URL", help="Patroni's interface on a member, such as http://10.0.0.11:8008.")
@click.option("--without", multiple=True, metavar="NAME", help="Leave a server out, by name, host or host:port.")
@click.option("--name", default="", help="The instance's name.  [default: Patroni's, else the primary's host]")
@click.option("--project-name", help="The project's name.  [default: the region's, else default]")
@click.option("--project-id", help="The project's id: 32 letters and digits.  [default: made of its name]")
@click.option("--region", default="", help="The project's region.  [default: none]")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default=Path("vacate.toml"),
    show_default=True,
    help="The file to write, which must not exist yet; - is standard output.",
)
@click.option("--connect-timeout", type=click.FloatRange(0.1, 60), default=5, show_default=True, help="In seconds.")
def discover(  # noqa: PLR0913 - one parameter for each option.
    *,
    dsns: tuple[str, ...],
    patroni: str | None,
    without: tuple[str, ...],
    name: str,
    project_name: str | None,
    project_id: str | None,
    region: str,
    output: Path,
    connect_timeout: float,
) -> None:
    """Look at a cluster and write its configuration.

    DSN is the login of Vacate's role on one of its servers; - reads DSNs from standard input, one a line.
    """
    from vacate.cli.discover import DiscoverOptions, run_discover

    options = DiscoverOptions(
        dsns=dsns,
        patroni=patroni,
        without=without,
        name=name,
        project_name=project_name or region or "default",
        project_id=project_id,
        region=region,
        output=output,
        connect_timeout_s=connect_timeout,
    )
    run(run_discover(options))


@main.group()
def user() -> None:
    """Users and their roles."""


@user.command("add")
@click.argument("name")
@DOMAIN
@CONFIG
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
def user_add(name: str, domain: str, config: Path, *, password_stdin: bool) -> None:
    """Add a user. Without a password they use access keys only."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.add_user(name=name, domain=domain, password=password)

    run(work())
    click.echo(f"user {name} added; give them a role with: vacate user grant {name} --project ID --role operator")


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
    click.echo(f"user {name} is {role} in project {project}")


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
    click.echo(f"user {name} is disabled")


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
    click.echo(f"user {name} is enabled")


@user.command("password")
@click.argument("name")
@DOMAIN
@CONFIG
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def user_password(name: str, domain: str, config: Path, *, password_stdin: bool) -> None:
    """Give a user another password. It ends their tokens and temporary access keys."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_directory

    if not password_stdin:
        fail("the password is read from standard input only; say so with --password-stdin")
    password = sys.stdin.readline().rstrip("\n")

    async def work() -> None:
        async with open_directory(load_settings(config)) as directory:
            await directory.set_password(name=name, domain=domain, password=password)

    run(work())
    click.echo(f"user {name} has another password; their tokens and temporary access keys are over")


@main.group("access-key")
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
        click.echo(f"access_key={issued.access_key}\nsecret_key={issued.secret_key}")

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
    click.echo(f"access key {key} is disabled")


@main.group()
def component() -> None:
    """Components of the configuration."""


@component.command("unpin")
@click.argument("instance_id")
@click.argument("component_id")
@CONFIG
def component_unpin(instance_id: str, component_id: str, config: Path) -> None:
    """Forget which server a component was; the next one found is taken for it."""
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_state

    async def work() -> bool:
        settings = load_settings(config)
        found = [c for c in settings.servers() if (c.instance_id, c.id) == (instance_id, component_id)]
        if len(found) != 1:
            number = "more than one" if found else "no"
            raise SettingsError(f"{config} has {number} component {component_id!r} in an instance {instance_id!r}")
        async with open_state(settings) as state:
            return await state.pins.forget(found[0])

    click.echo(f"component {component_id} is not pinned any more" if run(work()) else "it was not pinned")


@main.group()
def freeze() -> None:
    """The switch that stops every sweep, for an instance or for all."""


@freeze.command("on")
@click.argument("instance_id", required=False)
@click.option("--reason", required=True, help="Why; it is told to everybody whose call is refused.")
@CONFIG
def freeze_on(instance_id: str | None, reason: str, config: Path) -> None:
    """End nobody's session from now on. Without an instance id that is for all instances."""
    from vacate.cli.freezing import freeze_now

    click.echo(run(freeze_now(config, instance_id, reason)))


@freeze.command("off")
@click.argument("instance_id", required=False)
@CONFIG
def freeze_off(instance_id: str | None, config: Path) -> None:
    """Allow sweeps again. One instance stays frozen as long as all of them are."""
    from vacate.cli.freezing import thaw_now

    click.echo(run(thaw_now(config, instance_id)))


@freeze.command("show")
@CONFIG
def freeze_show(config: Path) -> None:
    """What is frozen now, one line each."""
    from vacate.cli.freezing import standing

    click.echo(run(standing(config)))


@main.group()
def audit() -> None:
    """The record of who ended what."""


@audit.command("show")
@click.argument("request_id")
@CONFIG
def audit_show(request_id: str, config: Path) -> None:
    """What one call did: every session with its outcome. The id is the answer's X-Request-Id."""
    from vacate.cli.tables import audit_tables
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_state

    async def work() -> None:
        async with open_state(load_settings(config)) as state:
            events = await state.audit.events_of(request_id)
        if not events:
            raise SettingsError(f"no event of a request {request_id!r}")
        audit_tables(events)

    run(work())


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many events.")
@CONFIG
def audit_list(limit: int, config: Path) -> None:
    """The last events, newest first: one line each, with the id that `audit show` wants."""
    from vacate.cli.tables import event_list
    from vacate.settings.loading import load_settings
    from vacate.wiring import open_state

    async def work() -> None:
        async with open_state(load_settings(config)) as state:
            event_list(await state.audit.recent(limit))

    run(work())


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8686, show_default=True, help="Where to listen.")
@click.option("--once", is_flag=True, help="Show the main job, stop everything and exit.")
def demo(port: int, *, once: bool) -> None:
    """Show the main job on three real servers that are started for it."""
    from vacate.cli.demo import run_demo
    from vacate.demo.installations import DemoError

    try:
        run(run_demo(port=port, once=once))
    except DemoError as error:
        fail(str(error))
