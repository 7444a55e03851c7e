"""Defaults of the role, the database and the server do not reach our own session."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import text

from tests.support.in_process import Vacate, session_ids, vacate
from tests.support.postgres import Clients, LiveServer, eventually
from vacate.components.timeouts import Timeouts
from vacate.components.wire import Wire
from vacate.domain.sweeps.report import Outcome
from vacate.store.database import open_database

if TYPE_CHECKING:
    from vacate.domain.topology.components import Component

# What an operator, a migration or a security baseline may have set, each in a way that would hurt.
DEFAULTS = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_session_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "search_path": "traps",
    "role": "bystander",
    "row_security": "off",
    "exit_on_error": "on",
    "client_min_messages": "debug5",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Australia/Lord_Howe",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "stats_fetch_consistency": "snapshot",
    "plan_cache_mode": "force_generic_plan",
    "max_parallel_workers_per_gather": "4",
    "enable_seqscan": "off",
    "enable_nestloop": "off",
    "enable_hashjoin": "off",
    "enable_material": "off",
    "enable_sort": "off",
    "jit": "on",
    "jit_above_cost": "0",
    "local_preload_libraries": "no_such_library",
    "track_activities": "off",
    "log_min_duration_statement": "0",
    "default_toast_compression": "pglz",
    "application_name": "psql",
    "transaction_timeout": "1ms",
}
HARMFUL_ALONE = (
    "statement_timeout",
    "idle_session_timeout",
    "transaction_timeout",
    "search_path",
    "role",
    "local_preload_libraries",
)
NEWER = 17
SINCE_17 = frozenset({"transaction_timeout"})
# The server's own objects, as somebody would find them who looks where these defaults say.
TRAPS = """
CREATE SCHEMA traps;
GRANT USAGE ON SCHEMA traps TO public;
CREATE VIEW traps.pg_roles AS SELECT 0::oid AS oid, 'trap'::name AS rolname, false AS rolsuper;
CREATE VIEW traps.pg_database AS SELECT 0::oid AS oid, 'trap'::name AS datname;
CREATE FUNCTION traps.pg_terminate_backend(integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
GRANT SELECT ON traps.pg_roles, traps.pg_database TO public;
"""


def _known(server: LiveServer) -> dict[str, str]:
    return {n: v for n, v in DEFAULTS.items() if server.major >= 17 or n not in SINCE_17}


@asynccontextmanager
async def _defaults(server: LiveServer, where: str, settings: dict[str, str]) -> AsyncGenerator[None]:
    """The server's superuser sets each as a default for a while, in the words of `where`."""
    # The superuser's own session must not have them.
    superuser = await asyncpg.connect(
        server.server.superuser_dsn,
        server_settings={"default_transaction_read_only": "off", "idle_session_timeout": "0"},
    )
    try:
        await superuser.execute(TRAPS)
        await superuser.execute("CREATE ROLE bystander; GRANT bystander TO vacate")
        await superuser.execute("ALTER ROLE postgres SET statement_timeout = 0")
        for name, value in settings.items():
            await superuser.execute(f"ALTER {where} SET {name} = '{value}'")
        await superuser.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await superuser.execute(f"ALTER {where} RESET ALL")
        await superuser.execute("SELECT pg_reload_conf()")
        await superuser.execute("ALTER ROLE postgres RESET ALL")
        await superuser.execute("DROP SCHEMA traps CASCADE; REVOKE bystander FROM vacate; DROP ROLE bystander")
        await superuser.close()


async def _ends_the_idle_one(server: LiveServer, idle: int, folder: Path, dsn: str | None = None) -> None:
    async with vacate(folder, dsn or server.dsn()) as service:
        assert idle in await _listed(service)
        assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle}


async def _listed(service: Vacate) -> set[int]:
    component: Component = service.components[0]
    seen = {entry.session_id: entry for entry in await service.gateway.activity(component)}
    assert all(entry.user != "trap" for entry in seen.values())
    return set(seen)


@pytest.mark.parametrize("name", HARMFUL_ALONE)
async def test_a_default_of_our_role_changes_nothing(
    server: LiveServer, clients: Clients, tmp_path: Path, name: str
) -> None:
    """A server that does not know the setting has no default of it either."""
    idle = await clients.idle()
    async with _defaults(server, "ROLE vacate", {n: v for n, v in _known(server).items() if n == name}):
        await _ends_the_idle_one(server, idle.pid, tmp_path)


@pytest.mark.parametrize("where", ["ROLE vacate", "ROLE vacate IN DATABASE postgres"])
async def test_all_defaults_of_our_role_together_change_nothing(
    server: LiveServer, clients: Clients, tmp_path: Path, where: str
) -> None:
    idle = await clients.idle()
    async with _defaults(server, where, _known(server)):
        await _ends_the_idle_one(server, idle.pid, tmp_path)


@pytest.mark.parametrize("where", ["DATABASE postgres", "SYSTEM"])
async def test_defaults_of_the_database_and_of_the_server_change_nothing(
    server: LiveServer, clients: Clients, tmp_path: Path, where: str
) -> None:
    # Of the whole server, or of everybody in the database: what would end the test's own sessions is left out.
    theirs = {"role", "local_preload_libraries", "transaction_timeout", "idle_session_timeout", "statement_timeout"}
    settings = {n: v for n, v in _known(server).items() if n not in theirs and n != "exit_on_error"}
    idle = await clients.idle()

    async def are_read_only(*, expected: str) -> bool:
        return [tuple(row) for row in await server.ask("SHOW default_transaction_read_only")] == [(expected,)]

    async with _defaults(server, where, settings):
        await eventually(lambda: are_read_only(expected="on"))
        await _ends_the_idle_one(server, idle.pid, tmp_path)
    await eventually(lambda: are_read_only(expected="off"))


async def test_a_dsn_may_name_the_role_that_vacate_acts_as(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    """Whoever holds the rights by a role that is not inherited can say so; a default of the role cannot."""
    idle = await clients.idle()
    await server.ask("CREATE ROLE rights")
    await server.ask("GRANT pg_read_all_stats, pg_signal_backend TO rights")
    await server.ask("CREATE ROLE aloof LOGIN NOINHERIT PASSWORD 'correct horse' IN ROLE rights")
    try:
        await _ends_the_idle_one(server, idle.pid, tmp_path, f"{server.dsn('aloof')}?role=rights")
    finally:
        await server.ask("DROP ROLE aloof")
        await server.ask("DROP ROLE rights")


async def test_our_session_has_what_we_asked_for(server: LiveServer) -> None:
    async with _defaults(server, "ROLE vacate", _known(server)):
        wire = Wire(server.dsn(), Timeouts())
        try:
            await wire.connect()
            (row,) = await wire.fetch(
                "SELECT current_user::text AS acts_as, current_setting('statement_timeout') AS patience,"
                " current_setting('TimeZone') AS zone, current_setting('transaction_timeout', true) AS transactions"
            )
        finally:
            await wire.close()
    assert (row["acts_as"], row["patience"], row["zone"]) == ("vacate", "10s", "UTC")
    assert row["transactions"] in {None, "0"}


async def test_defaults_of_the_stores_role_change_nothing_in_the_store(server: LiveServer) -> None:
    """Where tables are looked up and whose they are is the operator's to say; what a transaction may do is not."""
    await server.ask("CREATE ROLE keeper LOGIN PASSWORD 'correct horse'")
    await server.ask("CREATE DATABASE kept OWNER keeper")
    left_alone = {"role", "search_path", "transaction_timeout"}
    settings = {n: v for n, v in _known(server).items() if n not in left_alone}
    try:
        async with _defaults(server, "ROLE keeper", settings):
            if _since(server):
                await server.ask("ALTER ROLE keeper SET transaction_timeout = '2s'")
            database = await open_database(server.server.dsn("keeper", "correct horse", "kept"))
            try:
                await database.check()
                async with database.read() as connection:
                    shown = {
                        name: (await connection.execute(text(f"SHOW {name}"))).scalar_one()
                        for name in ("transaction_isolation", "transaction_read_only", "TimeZone", *_since(server))
                    }
            finally:
                await database.close()
    finally:
        await server.ask("DROP DATABASE kept WITH (FORCE)")
        await server.ask("DROP ROLE keeper")
    lasting = {"transaction_timeout": "0"} if _since(server) else {}
    assert (
        shown
        == {"transaction_isolation": "read committed", "transaction_read_only": "off", "TimeZone": "UTC"} | lasting
    )


def _since(server: LiveServer) -> tuple[str, ...]:
    return tuple(SINCE_17) if server.major >= NEWER else ()
