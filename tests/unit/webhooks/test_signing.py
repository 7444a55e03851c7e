"""Signatures: what we sign, the reference library verifies, and a secret is in no text."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.sessions import examples
from vacate.domain.errors import SettingsError
from vacate.operations.clock import utc_now
from vacate.webhooks.signing import SigningKey, signed_headers, signing_keys

OLD, NEW = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))


def keys(*secrets: str) -> tuple[SigningKey, ...]:
    return signing_keys({"HOOK": " ".join(secrets)}, variable="HOOK", file=None)


@examples
@given(secret=st.binary(min_size=24, max_size=64), said=st.text(), message_id=st.from_regex(r"\Amsg_[0-9a-f]{32}\Z"))
def test_a_receiver_verifies_whatever_is_signed(secret: bytes, said: str, message_id: str) -> None:
    text = f"whsec_{base64.b64encode(secret).decode()}"
    body = json.dumps({"said": said}, ensure_ascii=False).encode("utf-8", "replace")
    headers = signed_headers(keys(text), message_id, utc_now(), body)
    assert Webhook(text).verify(body, headers) == json.loads(body)


def test_while_a_secret_is_changed_receivers_with_either_one_verify() -> None:
    headers = signed_headers(keys(NEW, OLD), "msg_1", utc_now(), b"{}")
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(b"{}", headers) == {}


@pytest.mark.parametrize("changed", ["body", "id", "time", "secret"])
def test_a_receiver_refuses_what_was_changed_on_the_way(changed: str) -> None:
    headers = signed_headers(keys(NEW), "msg_1", utc_now(), b"{}")
    body, secret = b"{}", NEW
    match changed:
        case "body":
            body = b"{ }"
        case "id":
            headers["webhook-id"] = "msg_2"
        case "time":
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
        case _:
            secret = OLD
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_a_receiver_refuses_an_attempt_of_long_ago() -> None:
    headers = signed_headers(keys(NEW), "msg_1", utc_now() - timedelta(minutes=6), b"{}")
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(NEW).verify(b"{}", headers)


def test_a_secret_is_in_no_text_that_is_made_of_a_key() -> None:
    key = keys(NEW)[0]
    assert all(spoken not in f"{key!r} {key} {[key]}" for spoken in (NEW, NEW[6:], "\\x02"))


def test_secrets_are_read_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{NEW}\n{OLD}\n")
    file.chmod(0o600)
    assert signing_keys({}, variable="", file=file) == keys(NEW, OLD)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(NEW)
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=r"is open to others \(mode 0644\)"):
        signing_keys({}, variable="", file=file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        signing_keys({}, variable="", file=tmp_path / "absent")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("", "holds no secret"),
        (f"{OLD} {NEW} {OLD}", "holds 3 secrets"),
        ("hunter2-hunter2", "must hold whsec_"),
        (NEW.removeprefix("whsec_"), "must hold whsec_"),
        ("whsec_hunter2!hunter2!hunter2!hunter2!", "must hold whsec_"),
        (f"whsec_{base64.b64encode(b'hunter2').decode()}", "with 24 to 64 bytes"),
        (f"whsec_{base64.b64encode(bytes(65)).decode()}", "with 24 to 64 bytes"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(found: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        keys(found)
    said = str(caught.value)
    assert "HOOK" in said
    assert caught.value.__cause__ is None
    assert all(word not in said for word in found.split())
