"""How a running service is told to stop: by SIGTERM always, by Ctrl-C unless its shell keeps that away from it."""

import subprocess
import sys

import pytest

_WITHIN_S = 60
_PROGRAM = """
import asyncio, os, signal, sys
from vacate.cli.serving import until_told_to_stop

async def main():
    waiting = asyncio.create_task(until_told_to_stop())
    await asyncio.sleep(0)
    print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])
    await waiting

asyncio.run(main())
"""


def _run(told: str, *, ignoring: str = "") -> str:
    """What the program prints that is told to stop by a signal; in the background of a shell, some are ignored."""
    trap = f"trap '' {ignoring}; " if ignoring else "trap - INT; "
    done = subprocess.run(
        ["sh", "-c", f'{trap}exec "$@"', "sh", sys.executable, "-c", _PROGRAM, told],
        check=False,
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("told", ["SIGTERM", "SIGINT"])
def test_a_service_stops_at_sigterm_and_at_ctrl_c(told: str) -> None:
    assert _run(told) == "False"


@pytest.mark.parametrize("ignoring", ["INT", "INT HUP"])
def test_a_service_in_the_background_of_a_shell_is_not_reached_by_ctrl_c_and_stops_at_sigterm(ignoring: str) -> None:
    assert _run("SIGTERM", ignoring=ignoring) == "True"
