"""What a server may send, and how a password may travel."""

import struct

import pytest

from vacate.components.caution import Caution, Privacy, UntrustedServerError, caution_of, for_the_driver
from vacate.domain.errors import ComponentUnreachableError


@pytest.mark.parametrize(
    ("code", "privacy", "refused"),
    [
        (3, Privacy.NONE, True),
        (3, Privacy.ENCRYPTED, True),
        (3, Privacy.PROVED, False),
        (5, Privacy.NONE, True),
        (5, Privacy.ENCRYPTED, False),
        (5, Privacy.PROVED, False),
        (10, Privacy.NONE, False),
        (0, Privacy.NONE, False),
    ],
)
def test_what_a_password_needs_depends_on_how_it_travels(code: int, privacy: Privacy, *, refused: bool) -> None:
    caution = Caution()
    watch = caution.watch(privacy)
    if refused:
        with pytest.raises(UntrustedServerError):
            watch.check(ord("R"), 8, struct.pack("!i", code))
    else:
        watch.check(ord("R"), 8, struct.pack("!i", code))
    assert (caution.breach is not None) is refused


def test_each_question_has_an_answer_of_its_own_size() -> None:
    watch = Caution().watch(Privacy.NONE)
    for _ in range(10):
        watch.check(ord("D"), 20 << 20, b"\0\1")
        watch.asked()


def test_a_way_to_log_in_that_is_not_known_is_refused() -> None:
    with pytest.raises(ComponentUnreachableError, match="require_auth of the DSN names 'plain'; it may name none,"):
        caution_of("postgresql://a@h/d?require_auth=md5,plain")


def test_the_driver_is_not_told_what_it_does_not_know() -> None:
    assert for_the_driver("postgresql://a@h/d?require_auth=md5&search_path=a%2Cb") == (
        "postgresql://a@h/d?search_path=a%2Cb"
    )
    assert for_the_driver("postgresql://a@h/d?x=%20y") == "postgresql://a@h/d?x=%20y"
