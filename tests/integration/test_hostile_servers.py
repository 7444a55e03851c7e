"""A server that does its worst is left before it costs anything, and is told no password that it would give away."""

import asyncio
import hashlib
import struct
from datetime import timedelta

import pytest

from tests.support.hostile_server import (
    HOST,
    PASSWORD,
    HostileServer,
    Worst,
    a_huge_value,
    a_long_error,
    a_negative_length,
    an_impossible_length,
    endless_notices,
    endless_rows,
    endless_settings,
    garbage,
    hostile,
    long_rows,
    wide_rows,
)
from vacate.components.caution import UntrustedServerError
from vacate.components.timeouts import Timeouts
from vacate.components.wire import Wire
from vacate.domain.errors import ComponentUnreachableError

PATIENT = Timeouts(connect=timedelta(seconds=20), gauss_connect=timedelta(seconds=20), answer=timedelta(seconds=20))
# What may be on its way in the buffers of two sockets comes on top of an answer's bound.
MOST_SENT = 64 << 20
CLEARTEXT, MD5 = struct.pack("!i", 3), struct.pack("!i", 5) + b"salt"
SCHEMES = ("postgresql", "gaussdb")


def dsn(port: int, scheme: str = "postgresql", options: str = "") -> str:
    return f"{scheme}://vacate:{PASSWORD}@{HOST}:{port}/postgres?sslmode=prefer{options}"


async def nothing(_: HostileServer, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("worst", "words"),
    [
        (endless_rows, "more than 50,000 rows and messages"),
        (long_rows, "more than 32 MiB"),
        (a_huge_value, "more than 32 MiB"),
        (wide_rows, "more than 64 columns"),
        (endless_notices, "more than 50,000 rows and messages"),
        (endless_settings, "more than 1 MiB of settings"),
        (a_long_error, "longer than 1 MiB"),
        (an_impossible_length, "impossible length"),
        (a_negative_length, "impossible length"),
    ],
)
async def test_a_server_that_goes_too_far_is_left(scheme: str, worst: Worst, words: str) -> None:
    server = HostileServer(worst)
    async with hostile(server) as port:
        wire = Wire(dsn(port, scheme), PATIENT)
        with pytest.raises(UntrustedServerError, match="the server is not to be trusted: .*" + words) as refused:
            await wire.connect()
        assert not wire.connected
    assert server.sent < MOST_SENT
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("worst", [endless_rows, long_rows, a_huge_value, endless_notices, endless_settings])
async def test_a_server_that_talks_before_it_is_asked_is_left(scheme: str, worst: Worst) -> None:
    server = HostileServer(worst, after_login=True)
    async with hostile(server) as port:
        wire = Wire(dsn(port, scheme), PATIENT)
        # The driver may give up by itself before the bound is reached.
        with pytest.raises(ComponentUnreachableError):
            await wire.connect()
        assert not wire.connected
    # Each question begins the count anew.
    assert server.sent < 2 * server.logins * MOST_SENT


@pytest.mark.parametrize("seed", range(8))
async def test_a_server_that_talks_nonsense_is_left(seed: int) -> None:
    server = HostileServer(garbage(seed))
    async with hostile(server) as port:
        wire = Wire(dsn(port), PATIENT)
        with pytest.raises(ComponentUnreachableError):
            await wire.connect()
        wire.drop()
    assert server.sent < MOST_SENT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("asks", "method"), [(CLEARTEXT, "password"), (MD5, "md5")])
async def test_a_password_is_withheld_from_whoever_could_give_it_away(scheme: str, asks: bytes, method: str) -> None:
    server = HostileServer(nothing, asks=asks)
    async with hostile(server) as port:
        with pytest.raises(UntrustedServerError, match=f"the password is withheld: .*require_auth={method}"):
            await Wire(dsn(port, scheme), PATIENT).connect()
    assert server.passwords == []
    assert server.logins > 0


@pytest.mark.parametrize(
    ("asks", "method", "told"),
    [
        (CLEARTEXT, "password", PASSWORD.encode() + b"\0"),
        (
            MD5,
            "scram-sha-256,md5",
            b"md5"
            + hashlib.md5(hashlib.md5(f"{PASSWORD}vacate".encode()).hexdigest().encode() + b"salt")  # noqa: S324
            .hexdigest()
            .encode()
            + b"\0",
        ),
    ],
)
async def test_a_password_is_told_as_the_dsn_allows_by_name(asks: bytes, method: str, told: bytes) -> None:
    server = HostileServer(a_huge_value, asks=asks)
    async with hostile(server) as port:
        with pytest.raises(UntrustedServerError, match="32 MiB"):
            await Wire(dsn(port, options=f"&require_auth={method}"), PATIENT).connect()
    assert server.passwords == [told]


async def test_a_server_that_asks_for_nothing_is_refused_where_the_dsn_wants_a_password_proved() -> None:
    server = HostileServer(nothing)
    async with hostile(server) as port:
        with pytest.raises(UntrustedServerError, match="asks for the login 'none', and the DSN allows"):
            await Wire(dsn(port, options="&require_auth=scram-sha-256"), PATIENT).connect()
