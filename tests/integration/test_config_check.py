"""`vacate config check --connect` logs in where a service would, says all that is in the way, and writes nothing."""

import base64
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.postgres import APP, LiveServer
from vacate.cli import main

HEAD = """
[store]
url = "{store}"
secret_key_file = "sealing.key"
[sweep]
connect_timeout = "2s"
[[projects]]
id = "0611f1bd8b00d5d32f17c017f15b599f"
name = "shop"
[[projects.instances]]
id = "3d39c18788b54a919bab633874c159dfin14"
name = "orders"
[[projects.instances.nodes]]
id = "52c25e148a4a48c293b66ca95565719cno14"
"""
COMPONENT = """
[[projects.instances.nodes.components]]
id = "{name}"
kind = "DN"
role = "{role}"
dsn = "{dsn}"
"""
WRONG = "hunter2"
NOWHERE = "postgresql://vacate:hunter2@127.0.0.1:1/postgres"


class Folder:
    """A folder with a configuration, and the command that checks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        key = path / "sealing.key"
        key.touch(mode=0o600)
        key.write_text(base64.b64encode(bytes(32)).decode())
        self.config = path / "vacate.toml"
        self.config.touch(mode=0o600)

    def check(self, *components: tuple[str, str], store: str = "sqlite:///vacate.db", connect: bool = True) -> Result:
        """Check a configuration with these components, each with its role and DSN."""
        named = [(f"dn_{6001 + number}", *component) for number, component in enumerate(components)]
        made = "".join(COMPONENT.format(name=name, role=role, dsn=dsn) for name, role, dsn in named)
        self.config.write_text(HEAD.format(store=store) + made)
        how = ["--connect"] if connect else []
        return CliRunner().invoke(main, ["config", "check", *how, "--config", str(self.config)])

    @property
    def files(self) -> set[str]:
        """What is in the folder."""
        return {each.name for each in self.path.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def problems(checked: Result) -> list[str]:
    """What was said, a line each, after a check that found something."""
    assert checked.exit_code == 1, checked.output
    return [line.removeprefix("vacate: ") for line in checked.output.splitlines()]


def test_servers_that_can_be_used_are_said_to_be_so_and_nothing_is_written(server: LiveServer, folder: Folder) -> None:
    checked = folder.check(("primary", server.dsn()), ("primary", server.dsn()))
    assert checked.exit_code == 0, checked.output
    assert "has no mistake, and the store and 2 components can be used" in checked.output
    assert folder.files == {"sealing.key", "vacate.toml"}


def test_every_server_that_cannot_be_used_is_told_with_what_to_do(server: LiveServer, folder: Folder) -> None:
    found = problems(
        folder.check(
            ("primary", server.dsn()),
            ("primary", NOWHERE),
            ("primary", server.dsn(password=WRONG)),
            ("primary", server.dsn(APP)),
            ("standby", server.dsn()),
        )
    )
    said = dict(line.split(" (project shop): ", 1) for line in found)
    assert set(said) == {f"component dn_{number} of instance orders" for number in (6002, 6003, 6004, 6005)}
    down, refused, rights, role = said.values()
    assert "Connection refused" in down
    assert "password" in refused
    assert 'GRANT pg_signal_backend TO "app"' in rights
    assert "configured as standby" in role
    assert "hunter2" not in "".join(found)


def test_without_the_word_no_server_is_asked(folder: Folder) -> None:
    checked = folder.check(("primary", NOWHERE), connect=False)
    assert checked.exit_code == 0, checked.output
    assert "servers are asked with --connect" in checked.output


def test_a_store_that_is_a_database_is_looked_at_and_gets_no_tables(server: LiveServer, folder: Folder) -> None:
    store = server.server.superuser_dsn
    checked = folder.check(("primary", server.dsn()), store=store)
    assert checked.exit_code == 0, checked.output
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert server.server.psql(tables).strip().splitlines()[-1].strip() == "0"


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("sqlite:////nowhere/at/all/vacate.db", "store: .*nowhere"),
        ("postgresql://vacate:hunter2@127.0.0.1:1/vacate", "store: .*cannot be reached"),
    ],
    ids=["file", "server"],
)
def test_a_store_that_cannot_be_opened_is_told_beside_the_servers(
    server: LiveServer, folder: Folder, store: str, said: str
) -> None:
    checked = folder.check(("primary", server.dsn()), ("primary", NOWHERE), store=store)
    first, second = problems(checked)
    assert re.search(said, first)
    assert "dn_6002" in second
    assert "hunter2" not in checked.output


def test_a_store_with_the_wrong_password_is_told(server: LiveServer, folder: Folder) -> None:
    (line,) = problems(folder.check(("primary", server.dsn()), store=server.dsn(password=WRONG)))
    assert line.startswith("store: ")
    assert "refuses the login" in line
    assert "hunter2" not in line
