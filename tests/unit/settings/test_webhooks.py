"""`[[webhooks]]` and `[owners]`: what they mean, and that no mistake in them shows a secret."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from vacate.domain.errors import SettingsError
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.settings.webhooks import endpoint, endpoints, ownership
from vacate.webhooks.endpoints import MessageType

SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"
FULL = """
[owners]
tag = "team"
roles = { app_orders = "orders", "Müller" = "stock" }

[[webhooks]]
name = "payments"
url = "https://hooks.example.net:8443/t0ken?x=1"
secret_env = "PAYMENTS_SECRET"
events = ["plan.made", "kill.finished"]
owners = ["payments", ""]
timeout = "3s"
ca_file = "ca.pem"

[[webhooks]]
name = "everybody"
url = "http://127.0.0.1:9000/"
secret_file = "secrets/everybody"
"""


def load(folder: Path, text: str) -> Settings:
    path = folder / "vacate.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def test_endpoints_are_put_in_the_rooms_own_words(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "everybody"
    file.parent.mkdir()
    file.write_text(SECRET)
    file.chmod(0o600)
    settings = load(tmp_path, FULL)
    payments, everybody = endpoints(settings, {"PAYMENTS_SECRET": f"{SECRET} {SECRET}"})
    assert payments.events == {MessageType.PLAN_MADE, MessageType.KILL_FINISHED}
    assert payments.owners == {"payments", ""}
    assert (payments.timeout, payments.authorities) == (timedelta(seconds=3), tmp_path / "ca.pem")
    assert (payments.host, len(payments.keys)) == ("hooks.example.net:8443", 2)
    assert everybody.events == set(MessageType)
    assert (everybody.owners, everybody.authorities) == (None, None)
    assert everybody.keys == payments.keys[:1]
    assert endpoint(settings, "payments", {"PAYMENTS_SECRET": SECRET}).name == "payments"


def test_owners_are_told_as_the_file_says(tmp_path: Path) -> None:
    told = ownership(load(tmp_path, FULL))
    assert told.owner_of(user="Müller", application="team=payments") == "payments"
    assert told.owner_of(user="Müller", application="owner=payments") == "stock"
    assert ownership(load(tmp_path, "")).owner_of(user="app_orders", application="owner=payments") == "payments"


def test_without_webhooks_there_are_no_endpoints(tmp_path: Path) -> None:
    assert endpoints(load(tmp_path, ""), {}) == ()


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no webhook 'payment'; it has: payments, everybody"):
        endpoint(load(tmp_path, FULL), "payment", {})


def test_a_missing_secret_names_the_webhook_and_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="webhook payments: the variable PAYMENTS_SECRET holds no secret"):
        endpoints(load(tmp_path, FULL), {})


def test_neither_url_nor_secret_is_in_the_text_of_the_settings(tmp_path: Path) -> None:
    assert "t0ken" not in repr(load(tmp_path, FULL))


HTTPS = 'url = "https://hooks.example.net:8443/t0ken?x=1"'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (HTTPS, 'url = "http://hooks.example.net/t0ken"', "plain http:// would show"),
        (HTTPS, 'url = "http://127.0.0.1.example.net/t0ken"', "plain http:// would show"),
        (HTTPS, 'url = "https://u:t0ken@hooks.example.net/"', "holds a user or a password"),
        (HTTPS, 'url = "https://t0ken@hooks.example.net/"', "holds a user or a password"),
        (HTTPS, 'url = "ftp://hooks.example.net/t0ken"', "it must be like"),
        (HTTPS, 'url = "hooks.example.net/t0ken"', "it must be like"),
        (HTTPS, 'url = "https://hooks.example.net:99999/t0ken"', "it must be like"),
        (HTTPS, 'url = "https://hooks.example.net/t0ken#here"', "it must be like"),
        (HTTPS, 'url = "https://hooks.example.net/t0ken here"', "it must be like"),
        (HTTPS, 'url = "https://hööks.example.net/t0ken"', "it must be like"),
        (HTTPS, 'url = "https:///t0ken"', "it must be like"),
        ('secret_env = "PAYMENTS_SECRET"\n', "", "either secret_env or secret_file"),
        ('secret_env = "PAYMENTS_SECRET"', 'secret_env = "A"\nsecret_file = "b"', "either secret_env or secret_file"),
        ('secret_env = "PAYMENTS_SECRET"', 'secret_env = "whsec_t0ken"', r"webhooks\[0\].secret_env"),
        ('secret_env = "PAYMENTS_SECRET"', 'secret = "whsec_t0ken"', "secret: there is no such key"),
        ('timeout = "3s"', 'timeout = "0s"', "longer than nothing and at most 1min"),
        ('timeout = "3s"', 'timeout = "61s"', "longer than nothing and at most 1min"),
        ('events = ["plan.made", "kill.finished"]', "events = []", r"webhooks\[0\].events"),
        ('events = ["plan.made", "kill.finished"]', 'events = ["kill"]', "one of 'plan.made'.*and is 'kill'"),
        ('name = "everybody"', 'name = "payments"', "'payments' is there twice"),
        ('name = "everybody"', 'name = "Every body"', r"webhooks\[1\].name"),
        ('tag = "team"', 'tag = "my team"', r"owners.tag"),
        ('app_orders = "orders"', 'app_orders = ""', r"owners.roles"),
    ],
)
def test_a_mistake_is_named_and_no_secret_repeated(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert FULL.count(old) == 1
    with pytest.raises(SettingsError, match=words) as caught:
        load(tmp_path, FULL.replace(old, new))
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.9.9.9/", "http://[::1]:8/", "HTTPS://h.example/"])
def test_plain_http_is_for_this_machine(tmp_path: Path, url: str) -> None:
    text = FULL.replace(HTTPS, f'url = "{url}"')
    assert load(tmp_path, text).webhooks[0].url == url


def test_plain_http_can_be_allowed(tmp_path: Path) -> None:
    text = FULL.replace(HTTPS, 'url = "http://mesh.internal/hook"\nallow_plain = true')
    assert load(tmp_path, text).webhooks[0].allow_plain
