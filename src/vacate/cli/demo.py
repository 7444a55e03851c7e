"""The demo: three real servers, a day's traffic, the service, and the signed call once per component."""

import asyncio
import base64
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from vacate.cli.events import sessions_table
from vacate.cli.output import say
from vacate.cli.serving import bind, serving, until_told_to_stop
from vacate.cli.signed_call import signed_post
from vacate.cli.tables import Column, Table, show
from vacate.demo.cluster import DemoCluster, DemoComponent, demo_cluster
from vacate.demo.headcount import headcount
from vacate.demo.ids import CALL, INSTANCE_ID, NODE_IDS, PROJECT_ID, REGION, SHARD
from vacate.demo.installations import wheel_installation
from vacate.demo.traffic import traffic
from vacate.domain.audit import AuditAction
from vacate.domain.errors import VacateError
from vacate.domain.identity import Role
from vacate.domain.topology import Component, ComponentKind, ProjectId
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.iam.sealing import SEALING_KEY_VARIABLE
from vacate.settings.file import (
    ComponentSection,
    InstanceSection,
    NodeSection,
    ProjectSection,
    RegionSection,
    ServiceSection,
    Settings,
    StoreSection,
)
from vacate.store.audit import SqlAuditLog
from vacate.telemetry.logs import start_logging
from vacate.wiring import Service, open_directory, open_service

DEMO_DIR = Path(".demo")
_USER = "demo"


class DemoFailedError(VacateError):
    """The demo did not show what it is there to show."""


async def run_demo(*, port: int, once: bool) -> None:
    """Show the main job; stay up until Ctrl-C unless `once`.

    Raises:
        VacateError, DemoError: a server or the service does not start, or a call does not succeed.
    """
    start_logging("error")
    _fresh_demo_dir()
    os.environ.setdefault(SEALING_KEY_VARIABLE, base64.b64encode(secrets.token_bytes(32)).decode())

    with bind(ServiceSection(port=port)) as listener:
        say("Starting three PostgreSQL servers: a coordinator, a data node and its standby ...")
        async with demo_cluster(DEMO_DIR, wheel_installation()) as cluster:
            settings = _settings(cluster, listener)
            async with open_directory(settings) as directory:
                key = await _operator(directory)
            say("Opening a day's sessions ...")
            async with (
                traffic(cluster),
                open_service(settings) as service,
                serving(service.app, settings.service, listener),
            ):
                endpoint = f"http://{settings.service.host}:{settings.service.port}"
                connection_file = _write_connection_file(cluster, endpoint, key)
                await _until_ready(service)
                for component in cluster.components:
                    await _show(component, endpoint, key, service.state.audit)
                if not once:
                    say(
                        "",
                        f"Serving on {endpoint} until Ctrl-C. Everything a client needs is in {connection_file}; "
                        f"every call is described, and can be tried, at {endpoint}/docs.",
                    )
                    await until_told_to_stop()
    say("Everything is stopped.")


def _fresh_demo_dir() -> None:
    DEMO_DIR.mkdir(mode=0o700, exist_ok=True)
    for old in DEMO_DIR.glob("vacate.db*"):
        old.unlink()


def _settings(cluster: DemoCluster, listener: socket.socket) -> Settings:
    nodes = tuple(
        NodeSection(
            id=NODE_IDS[c.component_id],
            name=f"node of {c.component_id}",
            availability_zone=f"{REGION}a",
            components=(
                ComponentSection(
                    id=c.component_id,
                    kind=c.kind,
                    role=c.role,
                    dsn=c.service_dsn,
                    shard=SHARD if c.kind is ComponentKind.DATA_NODE else "",
                ),
            ),
        )
        for c in cluster.components
    )
    instance = InstanceSection(id=INSTANCE_ID, name="demo", nodes=nodes)
    return Settings(
        service=ServiceSection(port=listener.getsockname()[1]),
        store=StoreSection(url=f"sqlite:///{(DEMO_DIR / 'vacate.db').resolve()}"),
        regions=(RegionSection(id=REGION),),
        # Clients that know a region only ask for the project of that name.
        projects=(ProjectSection(id=PROJECT_ID, name=REGION, instances=(instance,)),),
    )


async def _operator(directory: UserDirectory) -> IssuedAccessKey:
    await directory.add_user(name=_USER, domain=_USER)
    await directory.grant(name=_USER, domain=_USER, project_id=ProjectId(PROJECT_ID), role=Role.OPERATOR)
    return await directory.create_access_key(name=_USER, domain=_USER)


def _write_connection_file(cluster: DemoCluster, endpoint: str, key: IssuedAccessKey) -> Path:
    """Everything that a client needs, readable by its owner only."""
    path = DEMO_DIR / "connection.json"
    content = {
        "endpoint": endpoint,
        "region": REGION,
        "project_id": PROJECT_ID,
        "instance_id": INSTANCE_ID,
        "access_key": key.access_key,
        "secret_key": key.secret_key,
        "components": [
            {
                "node_id": NODE_IDS[c.component_id],
                "component_id": c.component_id,
                "role": c.role,
                "host": c.host,
                "port": c.port,
                "superuser_dsn": c.superuser_dsn,
            }
            for c in cluster.components
        ],
    }
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    return path


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
    answer = await asyncio.to_thread(
        signed_post,
        endpoint + CALL,
        {"node_id": NODE_IDS[component.component_id], "component_id": component.component_id},
        access_key=key.access_key,
        secret_key=key.secret_key,
    )
    after = await headcount(component.superuser_dsn)
    say("", f"{component.component_id} ({component.kind}, {component.role})")
    say(f"POST {CALL} -> {answer.status} {json.dumps(answer.body)}", "")
    say("client sessions, counted by a superuser")
    show(_headcount_table(before, after))
    events = await audit.events_of(answer.request_id)
    finished = [event for event in events if event.action is AuditAction.KILL_IDLE_FINISHED]
    if answer.status != 200 or answer.body != {"success": True} or not finished:  # noqa: PLR2004 - OK
        raise DemoFailedError(f"the call on {component.component_id} did not succeed: {answer.body}")
    say("", f"every session's verdict, request {answer.request_id}")
    show(sessions_table(finished[0].sessions, finished[0].action))


def _headcount_table(before: Mapping[str, int], after: Mapping[str, int]) -> Table:
    table = Table(
        columns=(Column(title="state"), Column(title="before", right=True), Column(title="after", right=True))
    )
    for state in sorted({*before, *after}):
        table.add(state, str(before.get(state, 0)), str(after.get(state, 0)))
    return table
