"""The demo: three real servers, a day's traffic, the service, and the signed call once per component."""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from vacate.cli.demo_folder import DOMAIN, USER, DemoFailedError, DemoFolder, demo_folder, this_program
from vacate.cli.events import sessions_table
from vacate.cli.output import say
from vacate.cli.serving import bind, serving, until_told_to_stop
from vacate.cli.tables import Column, Table, show
from vacate.client import AccessKey, AsyncClient, ClientError, Target
from vacate.demo.cluster import DemoComponent, demo_cluster
from vacate.demo.headcount import headcount
from vacate.demo.ids import CALL, INSTANCE_ID, NODE_IDS, PROJECT_ID
from vacate.demo.installations import demo_installation
from vacate.demo.traffic import traffic
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.topology.components import Component, ProjectId
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.settings.file import ServiceSection
from vacate.settings.listening import calls_address
from vacate.store.audit import SqlAuditLog
from vacate.telemetry.logs import start_logging
from vacate.wiring import Service, open_directory, open_service

_DEMO_DIR = Path(".demo")
_PASSWORD_BYTES = 12
_ANOTHER_PORT = "take a free one with `vacate demo --port 0`, or `make demo PORT=0` in a checkout"


async def run_demo(*, port: int, once: bool) -> None:
    """Show the main job; stay up until Ctrl-C unless `once`.

    Raises:
        VacateError, DemoError: a server or the service does not start, or a call does not succeed.
    """
    start_logging("error")
    # What the environment says of another Vacate would lead the demo to the other one's store and key.
    for variable in [name for name in os.environ if name.startswith("VACATE_")]:
        del os.environ[variable]

    with (
        demo_folder(_DEMO_DIR) as folder,
        bind(replace(calls_address(ServiceSection(port=port)), another_port=_ANOTHER_PORT)) as listener,
    ):
        installation = demo_installation()
        say("Starting three PostgreSQL servers: a coordinator, a data node and its standby ...")
        async with demo_cluster(folder.path, installation) as cluster:
            settings = folder.configure(cluster, listener.getsockname()[1])
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            async with open_directory(settings) as directory:
                key = await _operator(directory, password)
            say("Opening a day's sessions ...")
            async with (
                traffic(cluster),
                open_service(settings) as service,
                serving(service.app, settings.service, listener),
            ):
                endpoint = f"http://{settings.service.host}:{settings.service.port}"
                folder.describe(cluster, endpoint, key, password)
                await _until_ready(service)
                for component in cluster.components:
                    await _show(component, endpoint, key, service.state.audit)
                if not once:
                    say(*_what_to_try(folder, endpoint, password))
                    await until_told_to_stop()
    say("Everything is stopped.")


def _what_to_try(folder: DemoFolder, endpoint: str, password: str) -> list[str]:
    return f"""
Serving on {endpoint} until Ctrl-C. To try, meanwhile:

  in a browser    {endpoint}/docs describes every call, and makes it. Sign in with POST /v3/auth/tokens:
                  the body is "sign_in" of {folder.connection}; put the X-Subject-Token of the answer
                  under Authorize, as X-Auth-Token.
  as a client     user {USER}, domain {DOMAIN}, password {password}; the access key and all
                  ids are in {folder.connection}
  as an operator  {this_program()} audit list --config {folder.config}
                  {this_program()} user password {USER} --config {folder.config}
""".splitlines()


async def _operator(directory: UserDirectory, password: str) -> IssuedAccessKey:
    await directory.add_user(name=USER, domain=DOMAIN, password=password)
    await directory.grant(name=USER, domain=DOMAIN, project_id=ProjectId(PROJECT_ID), role=Role.OPERATOR)
    return await directory.create_access_key(name=USER, domain=DOMAIN)


async def _until_ready(service: Service) -> None:
    """Wait until every component was found ready once."""
    problems: Mapping[Component, str | None] = {}
    for _ in range(200):
        problems = {entry.component: entry.problem for entry in service.gateway.health()}
        if not any(problems.values()):
            return
        await asyncio.sleep(0.05)
    raise DemoFailedError("; ".join(f"{c.id}: {p}" for c, p in problems.items() if p))


async def _show(component: DemoComponent, endpoint: str, key: IssuedAccessKey, audit: SqlAuditLog) -> None:
    before = await headcount(component.superuser_dsn)
    place = Target(
        instance_id=INSTANCE_ID, node_id=NODE_IDS[component.component_id], component_id=component.component_id
    )
    signing = AccessKey(access_key=key.access_key, secret_key=key.secret_key)
    try:
        async with AsyncClient(endpoint, project_id=PROJECT_ID, credentials=signing) as client:
            ended = await client.kill_idle_sessions(place)
    except ClientError as error:
        raise DemoFailedError(f"the call on {component.component_id} did not succeed: {error}") from error
    after = await headcount(component.superuser_dsn)
    say("", f"{component.component_id} ({component.kind}, {component.role})")
    say(f"POST {CALL} -> 200 {json.dumps({'success': ended.success})}", "")
    say("client sessions, counted by a superuser")
    show(_headcount_table(before, after))
    events = await audit.events_of(ended.request_id)
    finished = [event for event in events if event.action is AuditAction.KILL_IDLE_FINISHED]
    if not ended.success or not finished:
        raise DemoFailedError(f"the call on {component.component_id} did not succeed: {ended.outcomes}")
    say("", f"every session's verdict, request {ended.request_id}")
    show(sessions_table(finished[0].sessions, finished[0].action))


def _headcount_table(before: Mapping[str, int], after: Mapping[str, int]) -> Table:
    table = Table(
        columns=(Column(title="state"), Column(title="before", right=True), Column(title="after", right=True))
    )
    for state in sorted({*before, *after}):
        table.add(state, str(before.get(state, 0)), str(after.get(state, 0)))
    return table
