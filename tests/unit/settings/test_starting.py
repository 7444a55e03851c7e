"""What keeps a service from starting is found before, all at once, and files with secrets are nobody else's."""

import base64
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from vacate.cli import main
from vacate.domain.errors import SettingsError, SettingsMistakesError
from vacate.operations.private_files import refuse_open_secret
from vacate.settings.starting import load_for_service

KEY = base64.b64encode(bytes(32)).decode()
CONFIGURATION = """
[store]
secret_key_file = "vacate.key"
{more}
[[projects]]
id = "00000000000000000000000000000001"
name = "p"
[[projects.instances]]
id = "000000000000000000000000000000000001"
name = "shop"
[[projects.instances.nodes]]
id = "000000000000000000000000000000000002"
[[projects.instances.nodes.components]]
id = "dn_1"
kind = "DN"
role = "primary"
dsn = "{dsn}"
"""
WITHOUT = "postgresql://vacate@127.0.0.1:1/postgres"
WITH = "postgresql://vacate:geheim@127.0.0.1:1/postgres"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VACATE_")]:
        monkeypatch.delenv(name)


def write(folder: Path, *, dsn: str = WITHOUT, more: str = "", mode: int = 0o600) -> Path:
    path, key = folder / "vacate.toml", folder / "vacate.key"
    for file, text in ((path, CONFIGURATION.format(dsn=dsn, more=more)), (key, KEY)):
        file.write_text(text)
        file.chmod(0o600)
    path.chmod(mode)
    return path


def not_roots(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 54321, 54321)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
@pytest.mark.parametrize("dsn", [WITH, f"{WITHOUT}?password=geheim", "postgresql://u:a/b@127.0.0.1/x"])
def test_a_configuration_with_a_password_that_others_may_read_is_refused(tmp_path: Path, mode: int, dsn: str) -> None:
    path = write(tmp_path, dsn=dsn, mode=mode)
    not_roots(path)
    with pytest.raises(SettingsError, match=f"mode {mode:04o}.; run: chmod 600 {path}") as refused:
        load_for_service(path, {})
    assert "geheim" not in str(refused.value)


def test_the_password_of_a_store_is_one_too(tmp_path: Path) -> None:
    path = write(tmp_path, mode=0o644)
    path.write_text(path.read_text().replace("[store]", '[store]\nurl = "postgresql://v:geheim@db/x"'))
    with pytest.raises(SettingsError, match="chmod 600"):
        load_for_service(path, {})


@pytest.mark.parametrize("dsn", [WITHOUT, f"{WITHOUT}?sslmode=require"])
def test_a_configuration_without_a_password_may_be_read_by_everybody(tmp_path: Path, dsn: str) -> None:
    assert load_for_service(write(tmp_path, dsn=dsn, mode=0o644), {}).servers()


def test_a_password_in_the_environment_does_not_count_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VACATE_STORE_URL", "postgresql://v:geheim@db/x")
    assert load_for_service(write(tmp_path, mode=0o644), {}).store.url == "postgresql://v:geheim@db/x"


@pytest.mark.parametrize("mode", [0o440, 0o640, 0o400, 0o600])
def test_a_file_of_roots_may_be_read_by_its_group(tmp_path: Path, mode: int) -> None:
    refuse_open_secret(os.stat_result((0o100000 | mode, 1, 1, 1, 0, 54321, 9, 0, 0, 0)), tmp_path, "the file")


@pytest.mark.parametrize(("mode", "owner"), [(0o444, 0), (0o660, 0), (0o440, 54321)])
def test_others_files_and_everybodys_are_refused(tmp_path: Path, mode: int, owner: int) -> None:
    with pytest.raises(SettingsError, match=f"the file {tmp_path} is open to others"):
        refuse_open_secret(os.stat_result((0o100000 | mode, 1, 1, 1, owner, 54321, 9, 0, 0, 0)), tmp_path, "the file")


def test_a_tls_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tls.key").write_text("key")
    (tmp_path / "tls.key").chmod(0o644)
    (tmp_path / "tls.crt").write_text("certificate")
    path = write(tmp_path, more='[service]\ntls_key = "tls.key"\ntls_certificate = "tls.crt"')
    with pytest.raises(SettingsError, match=rf"service.tls_key .* \(mode 0644\); run: chmod 600 {tmp_path}/tls.key"):
        load_for_service(path, {})


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        dsn="db1",
        more='url = "mysql://db/x"\n[[webhooks]]\nname = "w"\nurl = "https://h/"\nsecret_env = "NONE_THERE"',
    )
    (tmp_path / "vacate.key").unlink()
    with pytest.raises(SettingsMistakesError) as refused:
        load_for_service(path, {})
    said = "\n".join(refused.value.mistakes)
    for words in ("dsn of component dn_1", "no sealing key file", "NONE_THERE holds no secret", "'mysql'"):
        assert said.count(words) == 1, said
    assert len(refused.value.mistakes) == 4


@pytest.mark.parametrize(
    ("more", "status"),
    [("", 0), ('[service]\nport = "x"\nhots = "h"', 1), ("[", 1), ('[watch]\nanswer_within = "0"', 1)],
)
def test_the_command_ends_as_scripts_expect(tmp_path: Path, more: str, status: int) -> None:
    path = write(tmp_path, more=more)
    done = CliRunner().invoke(main, ["config", "check", "--config", str(path)])
    assert done.exit_code == status, done.output
    if status:
        refused = CliRunner().invoke(main, ["serve", "--config", str(path)])
        assert (refused.exit_code, refused.output) == (1, done.output)
        assert all(line.startswith(f"vacate: {path}: ") for line in done.output.splitlines())
    else:
        assert "has no mistake: 1 component;" in done.output


def test_a_file_that_is_not_there_and_an_option_that_is_none_are_told_apart(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["config", "check", "--config", str(tmp_path / "none")]).exit_code == 1
    assert CliRunner().invoke(main, ["config", "check", "--conect"]).exit_code == 2
