"""A real Prometheus, as a process of the test's own on loopback: it scrapes what it is told, and judges Vacate's rules.

with running_prometheus(tmp_path, rules=ALERTS, target=f"127.0.0.1:{port}") as prometheus:
    eventually(lambda: prometheus.ask("vacate_build_info"))
"""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vacate.demo.servers import HOST, free_port

_UP_S = 60.0
_DOWN_S = 20.0
_POLL_S = 0.05
_TRIES = 5


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; the test is skipped by name where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: install Debian's package prometheus")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """A running one."""

    port: int

    def ask(self, query: str) -> Sequence[Mapping[str, Any]]:
        """The samples that a query has now, each with its labels in `metric`; a number is one without labels.

        Raises:
            AssertionError: Prometheus cannot read the query, or refuses it.
        """
        data = self._get("query", query=query)
        if data["resultType"] in {"scalar", "string"}:
            return [{"metric": {}, "value": data["result"]}]
        return data["result"]

    def alerts(self) -> Sequence[Mapping[str, Any]]:
        """Every alert that is pending or firing, with its labels and its texts as Prometheus has filled them in."""
        return self._get("alerts")["alerts"]

    def firing(self) -> Mapping[str, Mapping[str, Any]]:
        """One alert that fires, by each name."""
        return {alert["labels"]["alertname"]: alert for alert in self.alerts() if alert["state"] == "firing"}

    def _get(self, name: str, **parameters: str) -> Any:  # noqa: ANN401 - whatever it answers
        url = f"http://{HOST}:{self.port}/api/v1/{name}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            content = json.load(error)
        assert content["status"] == "success", content
        return content["data"]


@contextmanager
def running_prometheus(folder: Path, *, rules: Path, target: str) -> Generator[Prometheus]:
    """Start one that scrapes `target` and judges `rules` every second; it is ended by its process id."""
    # The program reads JSON as what it is: YAML.
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "vacate", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration), encoding="utf-8")
    process, port = _started(folder)
    try:
        yield Prometheus(port=port)
    finally:
        process.terminate()
        try:
            process.wait(_DOWN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "prometheus.log"
    for number in range(_TRIES):
        # The port is free now, and somebody else's in a moment at worst.
        port = free_port()
        arguments = [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / f'data-{number}'}",
            f"--web.listen-address={HOST}:{port}",
        ]
        with log.open("wb") as words:
            process = subprocess.Popen(
                [program("prometheus"), *arguments], stdin=subprocess.DEVNULL, stdout=words, stderr=words
            )
        if _answers(process, port):
            return process, port
        process.kill()
        process.wait()
    pytest.fail(f"Prometheus does not start: {log.read_text(errors='replace')[-2000:]}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _UP_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=5):
                return True
        except OSError:
            time.sleep(_POLL_S)
    return False
