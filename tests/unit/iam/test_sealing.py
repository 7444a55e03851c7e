"""Secret keys at rest."""

import base64
import subprocess
from pathlib import Path

import pytest

from vacate.domain.errors import SettingsError, StoreUnavailableError
from vacate.iam.sealing import Sealer, sealing_key

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()
SECRET = b"SKtest0123456789abcdefghijSKtest01234567"


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "sealing.key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_sealed_secret_opens_again() -> None:
    sealed = Sealer(KEY).seal(SECRET, access_key="AK1")
    assert SECRET not in sealed
    assert Sealer(KEY).open(sealed, access_key="AK1") == SECRET


def test_sealing_twice_gives_two_different_results() -> None:
    sealer = Sealer(KEY)
    assert sealer.seal(SECRET, access_key="AK1") != sealer.seal(SECRET, access_key="AK1")


def test_a_sealed_secret_does_not_open_for_another_access_key() -> None:
    sealed = Sealer(KEY).seal(SECRET, access_key="AK1")
    with pytest.raises(StoreUnavailableError, match="AK2"):
        Sealer(KEY).open(sealed, access_key="AK2")


def test_a_sealed_secret_does_not_open_with_another_key() -> None:
    sealed = Sealer(KEY).seal(SECRET, access_key="AK1")
    with pytest.raises(StoreUnavailableError, match="does not open with this sealing key"):
        Sealer(bytes(32)).open(sealed, access_key="AK1")


def test_a_damaged_sealed_secret_does_not_open() -> None:
    sealed = Sealer(KEY).seal(SECRET, access_key="AK1")
    flipped = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for damaged in (b"", sealed[:5], sealed[:20], sealed[:-1], flipped):
        with pytest.raises(StoreUnavailableError):
            Sealer(KEY).open(damaged, access_key="AK1")


def test_the_key_comes_from_the_environment() -> None:
    assert sealing_key({"VACATE_SECRET_KEY": f" {TEXT}\n"}) == KEY


def test_the_key_comes_from_a_file_of_ones_own(tmp_path: Path) -> None:
    assert sealing_key({}, key_file(tmp_path, TEXT + "\n")) == KEY
    assert sealing_key({"VACATE_SECRET_KEY": ""}, key_file(tmp_path, TEXT)) == KEY


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    other = base64.b64encode(bytes(32)).decode()
    assert sealing_key({"VACATE_SECRET_KEY": TEXT}, key_file(tmp_path, other)) == KEY


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o601, 0o644])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match=f"open to others .mode {mode:04o}.; run: chmod 600"):
        sealing_key({}, key_file(tmp_path, TEXT, mode))


def test_a_key_file_that_is_not_there_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    file = tmp_path / "a sealing.key"
    with pytest.raises(SettingsError, match="there is no sealing key file") as refused:
        sealing_key({}, file)
    command = str(refused.value).partition("make it once: ")[2]
    subprocess.run(["sh", "-euc", command], check=True)
    assert len(sealing_key({}, file)) == len(KEY)


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(SettingsError, match="set VACATE_SECRET_KEY or name a file"):
        sealing_key({})


@pytest.mark.parametrize("text", ["short", "!" * 44, "Ä" * 44, base64.b64encode(bytes(31)).decode(), "\0"])
def test_a_key_that_is_not_32_bytes_in_base64_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="VACATE_SECRET_KEY must hold 32 bytes in base64"):
        sealing_key({"VACATE_SECRET_KEY": text})
    with pytest.raises(SettingsError, match=r"sealing\.key must hold 32 bytes in base64"):
        sealing_key({}, key_file(tmp_path, text))
