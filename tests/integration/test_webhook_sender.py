"""One attempt to send a message: bounded, signed, and to nobody but the one whom the configuration names."""

import logging
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.receiver import ACCEPTS_AND_DRIPS, DRIPS, KEYS, Receiver, answer, identity_of, receiving
from vacate.domain.errors import SettingsError
from vacate.operations.clock import utc_now
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.sender import Answer, Sender


def endpoint(receiver: Receiver) -> Endpoint:
    return Endpoint(name="teams", url=receiver.url, keys=KEYS)


async def attempt(endpoint: Endpoint) -> Answer:
    sender = Sender(endpoint, version="0.1", clock=utc_now)
    try:
        return await sender.send("msg_1", '{"type":"vacate.ping"}')
    finally:
        await sender.close()


async def test_a_message_is_posted_with_all_that_a_receiver_needs() -> None:
    async with receiving() as receiver:
        assert await attempt(endpoint(receiver)) == Answer(status=204, problem=None)
    (received,) = receiver.received
    assert received.verified() == {"type": "vacate.ping"}
    assert (received.path, received.id) == ("/hooks/t0ken", "msg_1")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "Vacate/0.1"


async def test_a_receiver_has_to_prove_who_it_is(tmp_path: Path) -> None:
    identity, trusted = identity_of(tmp_path)
    async with receiving(identity=identity) as receiver:
        refused = await attempt(endpoint(receiver))
        accepted = await attempt(replace(endpoint(receiver), authorities=trusted))
    assert refused.status is None
    assert "certificate verify failed" in (refused.problem or "")
    assert (accepted.status, accepted.problem) == (204, None)
    assert len(receiver.received) == 1


async def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    wrong = Endpoint(name="teams", url="https://127.0.0.1/", keys=KEYS, authorities=file)
    with pytest.raises(SettingsError, match=r"webhook teams: the certificates in .*ca\.pem cannot be used"):
        Sender(wrong, version="0", clock=utc_now)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert (await attempt(endpoint(receiver))).status == 204
    assert (len(receiver.received), len(proxy.received)) == (1, 0)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as elsewhere, receiving([answer(307, "", f"location: {elsewhere.url}")]) as receiver:
        assert (await attempt(endpoint(receiver))).problem == "answered 307, and redirects are not followed"
    assert not elsewhere.received


async def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    # Whoever read on would find that the rest never comes.
    cut_off = b"HTTP/1.1 500 So\r\ncontent-length: 5000000\r\n\r\n" + b"x" * 100_000
    async with receiving([cut_off]) as receiver:
        assert (await attempt(endpoint(receiver))).problem == f"answered 500: {'x' * 200}"


async def test_a_packed_answer_is_not_unpacked() -> None:
    async with receiving([answer(500, "not packed at all", "content-encoding: gzip")]) as receiver:
        assert (await attempt(endpoint(receiver))).problem == "answered 500: not packed at all"


async def test_an_attempt_takes_no_longer_than_its_limit() -> None:
    began = time.monotonic()
    async with receiving([DRIPS]) as receiver:
        bounded = replace(endpoint(receiver), timeout=timedelta(seconds=0.2))
        assert (await attempt(bounded)).problem == "no answer within 0.2 s"
    assert time.monotonic() - began < 5


async def test_what_was_accepted_stays_accepted_however_slowly_the_answer_ends() -> None:
    async with receiving([ACCEPTS_AND_DRIPS]) as receiver:
        bounded = replace(endpoint(receiver), timeout=timedelta(seconds=1))
        assert await attempt(bounded) == Answer(status=200, problem=None)


async def test_neither_url_nor_signature_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving([answer(500)]) as receiver:
        await attempt(endpoint(receiver))
        await attempt(endpoint(receiver))
    assert len(receiver.received) == 2
    said = " ".join(record.getMessage() for record in caplog.records)
    assert all(word not in said for word in ("t0ken", "webhook-signature", "v1,"))
