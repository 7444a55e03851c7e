"""The page about the client names every call that there is, and no other."""

import re
from pathlib import Path

from vacate import client
from vacate.client import Client, ClientError

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "client.md").read_text(encoding="utf-8")
_OWN = {"close", "transmit", "pause", "run", "iterate", "endpoint", "project_id"}


def test_every_call_is_in_the_table_of_calls() -> None:
    table = PAGE.split("## Calls")[1].split("\n\nA component")[0]
    told = {
        name for row in table.splitlines() if row.startswith("|") for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    calls = {name for name in dir(Client) if not name.startswith("_")} - _OWN
    assert told == calls


def test_every_error_is_told_of() -> None:
    errors = {
        name
        for name in client.__all__
        if isinstance(each := getattr(client, name), type) and issubclass(each, ClientError)
    }
    assert errors <= set(re.findall(r"`(\w+Error)`", PAGE))
