"""The part of uvicorn that a connection is built upon is the one that was read.

When this fails after an update: read what has changed in `uvicorn/protocols/http/h11_impl.py` since, see that
`src/vacate/cli/connection.py` still holds, run the tests of the port and `make siege`, then raise the cap in
`pyproject.toml` and put the new digest here.
"""

import hashlib
import inspect
import tomllib
from pathlib import Path

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http import flow_control, h11_impl
from uvicorn.server import ServerState

from vacate.cli.connection import HttpProtocol

READ = {
    h11_impl.H11Protocol: "c2573d455fed4ec2",
    h11_impl.RequestResponseCycle: "b9327fce724d5252",
    flow_control.FlowControl: "126debcdaa894c83",
    ServerState: "f2260fbf10154746",
}
OVERRIDDEN = (
    "connection_made",
    "connection_lost",
    "data_received",
    "pause_writing",
    "resume_writing",
    "on_response_complete",
    "timeout_keep_alive_handler",
    "shutdown",
    "send_400_response",
    "_unsupported_upgrade_warning",
)
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def digest(what: type) -> str:
    return hashlib.sha256(inspect.getsource(what).encode()).hexdigest()[:16]


@pytest.mark.parametrize("what", READ, ids=lambda what: what.__name__)
def test_what_is_built_upon_is_what_was_read(what: type) -> None:
    assert digest(what) == READ[what], f"uvicorn {uvicorn.__version__} has another {what.__name__}; see above"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_is_overridden_is_there(name: str) -> None:
    theirs, ours = getattr(h11_impl.H11Protocol, name), getattr(HttpProtocol, name)
    assert ours is not theirs
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


def test_no_version_gets_in_that_was_not_read() -> None:
    wanted = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (asked,) = [each for each in map(Requirement, wanted) if each.name == "uvicorn"]
    major, minor, *_ = (int(part) for part in uvicorn.__version__.split("."))
    assert uvicorn.__version__ in asked.specifier
    assert f"{major}.{minor + 1}.0" not in asked.specifier
