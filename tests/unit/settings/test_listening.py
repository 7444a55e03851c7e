"""Where health and metrics are answered."""

import pytest

from vacate.domain.errors import SettingsError
from vacate.settings.file import ServiceSection
from vacate.settings.listening import health_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9180", "127.0.0.1", 9180), ("[::1]:9180", "::1", 9180), ("localhost:0", "localhost", 0)],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    address = health_address(ServiceSection(health_listen=text))

    assert address is not None
    assert (address.host, address.port) == (host, port)


def test_without_one_they_are_answered_at_the_port_of_the_calls() -> None:
    assert health_address(ServiceSection()) is None


@pytest.mark.parametrize(
    "text",
    [
        "9180",
        "127.0.0.1",
        ":9180",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "http://127.0.0.1:9180",
        "a@b:1",
        "::1:9180",
        "[::1",
    ],
)
def test_what_is_no_address_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^service\.health_listen: .* such as 127\.0\.0\.1:9180"):
        health_address(ServiceSection(health_listen=text))


def test_the_address_of_the_calls_is_refused() -> None:
    with pytest.raises(SettingsError, match="choose another port"):
        health_address(ServiceSection(host="127.0.0.1", port=8686, health_listen="127.0.0.1:8686"))
