"""How many sessions a server has room for."""

import pytest

from vacate.domain.sessions.slots import Slots


def slots(maximum: int = 100, reserved: int = 3, used: int = 90) -> Slots:
    return Slots(maximum=maximum, reserved=reserved, used=used)


@pytest.mark.parametrize(
    ("given", "free"),
    [
        pytest.param(slots(), 7, id="some are left"),
        pytest.param(slots(used=97), 0, id="only reserved ones are left"),
        pytest.param(slots(used=99), 0, id="a superuser sits in a reserved one"),
        pytest.param(slots(used=0, reserved=0), 100, id="nobody is there"),
    ],
)
def test_reserved_slots_are_not_free(given: Slots, free: int) -> None:
    assert given.free == free


def test_a_full_server_is_used_to_the_last_slot() -> None:
    assert slots(used=100).used_ratio == 1.0
    assert slots(used=25).used_ratio == 0.25


def test_a_server_that_takes_nobody_counts_as_full() -> None:
    assert slots(maximum=0, reserved=0, used=0).used_ratio == 1.0


def test_sessions_that_are_gone_leave_their_slots_and_nobody_leaves_more_than_there_were() -> None:
    assert slots().after(40) == slots(used=50)
    assert slots().after(95) == slots(used=0)
