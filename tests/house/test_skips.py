"""In CI a test that is skipped is a test that failed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

BEFORE_THE_BODY = '@pytest.mark.skip(reason="no server here")\ndef test_it(): ...\n'
IN_THE_BODY = 'def test_it():\n    pytest.skip("no server here")\n'
IN_A_FIXTURE = '@pytest.fixture\ndef server():\n    pytest.skip("no server here")\ndef test_it(server): ...\n'
WHOLE_MODULE = 'pytest.skip("no server here", allow_module_level=True)\ndef test_it(): ...\n'
EXPECTED_FAILURE = '@pytest.mark.xfail(reason="no server here")\ndef test_it():\n    raise AssertionError\n'


def run(folder: Path, body: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    """Run one small suite under the rules of this one."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_small.py").write_text(f"import pytest\n{body}", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"],
        cwd=folder,
        env={**os.environ, "CI": ci},
        check=False,
        capture_output=True,
        text=True,
    )


skipping = pytest.mark.parametrize(
    "body",
    [
        pytest.param(BEFORE_THE_BODY, id="before_the_body"),
        pytest.param(IN_THE_BODY, id="in_the_body"),
        pytest.param(IN_A_FIXTURE, id="in_a_fixture"),
        pytest.param(WHOLE_MODULE, id="whole_module"),
    ],
)


@skipping
def test_a_skip_fails_in_ci_and_quotes_its_reason(tmp_path: Path, body: str) -> None:
    result = run(tmp_path, body, ci="true")
    assert result.returncode not in {0, 5}, result.stdout
    assert "CI may skip nothing" in result.stdout
    assert "no server here" in result.stdout


@skipping
def test_a_skip_is_allowed_elsewhere(tmp_path: Path, body: str) -> None:
    result = run(tmp_path, body, ci="")
    assert "1 skipped" in result.stdout, result.stdout
    assert "failed" not in result.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    result = run(tmp_path, EXPECTED_FAILURE, ci="true")
    assert result.returncode == 0, result.stdout
    assert "1 xfailed" in result.stdout
