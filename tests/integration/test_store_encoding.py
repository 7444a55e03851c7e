"""A store in a database that cannot hold every character is refused before anything depends on it."""

import pytest

from tests.support.postgres import LiveServer
from vacate.domain.errors import StoreUnavailableError
from vacate.store.database import open_database


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_a_store_that_lacks_characters_is_refused_with_what_to_create(server: LiveServer, encoding: str) -> None:
    name = f"vacate_{encoding.lower()}"
    server.server.psql(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;")
    url = server.server.superuser_dsn.rpartition("/")[0] + f"/{name}"
    with pytest.raises(StoreUnavailableError, match=rf"encoding {encoding}.*CREATE DATABASE vacate ENCODING 'UTF8'"):
        await open_database(url)
    server.server.psql("CREATE DATABASE vacate_utf8 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;")
    opened = await open_database(url.replace(name, "vacate_utf8"))
    await opened.close()
    server.server.psql(f"DROP DATABASE {name};\nDROP DATABASE vacate_utf8 WITH (FORCE);")
