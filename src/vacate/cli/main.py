"""The commands."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

import click

from vacate import __version__
from vacate.cli.commands.audit import audit
from vacate.cli.commands.component import component
from vacate.cli.commands.config import configuration
from vacate.cli.commands.freeze import freeze
from vacate.cli.commands.shared import CONFIG, fail, run
from vacate.cli.commands.store import store
from vacate.cli.commands.user import access_key, user
from vacate.cli.commands.webhook import webhook
from vacate.cli.entrance import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-?", "--help"]})
@click.version_option(__version__, "-V", "--version", message="vacate %(version)s")
def main() -> None:
    """Lists database sessions and ends the idle ones, never a busy one."""


@main.command()
@CONFIG
def serve(config: Path) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    from vacate.cli.port_limits import beside_health, health_limits, port_limits
    from vacate.cli.serving import bind, serving, until_told_to_stop
    from vacate.settings.listening import calls_address, health_address
    from vacate.settings.starting import load_for_service
    from vacate.telemetry.logs import log, start_logging
    from vacate.wiring import open_service

    async def work() -> None:
        settings = load_for_service(config, os.environ)
        start_logging(settings.service.log_level, settings.service.log_format)
        limits, apart = port_limits(settings.connections), health_address(settings.service)
        async with AsyncExitStack() as stack:
            listener = stack.enter_context(bind(calls_address(settings.service)))
            health_listener = stack.enter_context(bind(apart)) if apart else None
            service = await stack.enter_async_context(open_service(settings, health_apart=apart is not None))
            host, port = listener.getsockname()[:2]
            served = {"host": host, "port": port, "tls": settings.service.tls_certificate is not None}
            if health_listener is not None:
                served["health_host"], served["health_port"] = health_listener.getsockname()[:2]
                own = health_limits(limits)
                await stack.enter_async_context(serving(service.health, settings.service, health_listener, own))
                limits = beside_health(limits)
            log("serving", served)
            async with serving(service.app, settings.service, listener, limits):
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


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8686,
    envvar="VACATE_PORT",
    show_default=True,
    show_envvar=True,
    help="Where to listen; 0 is any port that is free.",
)
@click.option("--once", is_flag=True, help="Show the main job, stop everything and exit.")
def demo(port: int, *, once: bool) -> None:
    """Show the main job on three real servers that are started for it."""
    from vacate.cli.demo import run_demo
    from vacate.demo.installations import DemoError

    try:
        run(run_demo(port=port, once=once))
    except DemoError as error:
        fail(str(error))


for _group in (configuration, user, access_key, component, freeze, audit, store, webhook):
    main.add_command(_group)
