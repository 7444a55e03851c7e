"""Every statement of PostgreSQL's dialect, as every version that is claimed reads it."""

from importlib.resources import files

import asyncpg
import pytest

from tests.support.postgres import LiveServer, on_every_major
from vacate.components.statements import blocks, statement

DIALECT = "postgresql"
STATEMENTS = sorted(
    file.name.removesuffix(".sql")
    for file in (files("vacate.components") / DIALECT).iterdir()
    if file.name.endswith(".sql")
)


async def columns(server: LiveServer, sql: str) -> list[tuple[str, str]]:
    """What a statement returns, by the server's own word, for the role that sweeps."""
    session = await asyncpg.connect(server.dsn())
    try:
        return [(column.name, column.type.name) for column in (await session.prepare(sql)).get_attributes()]
    finally:
        await session.close()


@on_every_major
@pytest.mark.parametrize("name", STATEMENTS)
async def test_the_server_understands_a_statement_whichever_block_is_for_it(server: LiveServer, name: str) -> None:
    """A newer server reads the blocks of older ones too, and all have the same columns."""
    chosen = await columns(server, statement(DIALECT, name, server.major))
    assert chosen
    for block in blocks(DIALECT, name):
        if block.fits(server.major, ()):
            assert await columns(server, block.sql) == chosen


@on_every_major
async def test_the_server_is_of_the_version_that_the_test_is_called_by(server: LiveServer) -> None:
    ((version,),) = await server.ask("SELECT current_setting('server_version_num')::int / 10000")
    assert version == server.major
