"""Programs beside the service, each ended with its block: by closing its standard input, and by force if need be."""

import json
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from benchmarks.siege.clients import Order
from benchmarks.stage import BenchmarkError

_READY_S = 120.0
_END_S = 20.0


@dataclass(slots=True, kw_only=True)
class Program:
    """One that runs, and says something on its standard output, a line at a time."""

    process: subprocess.Popen[str]
    said: SimpleQueue[str] = field(default_factory=SimpleQueue[str])

    def hear(self, within_s: float = _READY_S) -> str:
        """The next line.

        Raises:
            BenchmarkError: there was none in time.
        """
        try:
            return self.said.get(timeout=within_s)
        except Empty:
            raise BenchmarkError(f"{self.process.args} said nothing within {within_s:g} s") from None

    def tell(self, line: str) -> None:
        """Say a line to it."""
        if self.process.stdin is None:
            raise BenchmarkError(f"{self.process.args} takes no orders")
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Have it end, and wait for that; what it still says can be heard afterwards."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def listen(self) -> None:
        """Take down what it says."""
        for line in self.process.stdout or ():
            self.said.put(line.strip())


@contextmanager
def program(module: str, *arguments: str) -> Generator[Program]:
    """Run a module of the siege until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.siege.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    running = Program(process=process)
    ear = threading.Thread(target=running.listen, daemon=True)
    ear.start()
    try:
        yield running
    finally:
        running.end()
        ear.join(_END_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The clients as whoever sent them holds them."""

    program: Program

    def heard(self) -> dict[str, int]:
        """End the crowd; how often its clients heard what."""
        self.program.end()
        told: Any = json.loads(self.program.hear(_END_S))
        return told


@contextmanager
def crowd(order: Order) -> Generator[Crowd]:
    """Send the clients; every one has come once when the block begins, and all go with it."""
    with program("clients", msgspec.json.encode(order).decode()) as running:
        if running.hear() != "ready":
            raise BenchmarkError("the clients did not come")
        yield Crowd(program=running)
