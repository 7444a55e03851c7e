"""What a freeze stops, and in which words it is told."""

from dataclasses import replace
from datetime import UTC, datetime

from vacate.domain.errors import KillsFrozenError
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import InstanceId

ONE = Freeze(
    instance_id=InstanceId("i1"), by="olga", reason="month end", since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
)
ALL = replace(ONE, instance_id=None)


def test_a_freeze_of_one_instance_stops_its_sweeps_alone() -> None:
    assert ONE.covers(InstanceId("i1"))
    assert not ONE.covers(InstanceId("i2"))


def test_a_freeze_of_all_stops_every_sweep() -> None:
    assert ALL.covers(InstanceId("i1"))
    assert ALL.covers(InstanceId("i2"))


def test_the_error_says_who_since_when_why_and_how_to_go_on() -> None:
    assert str(KillsFrozenError(ONE)) == (
        "nothing is ended while kills are frozen (instance i1, since 2026-01-02 03:04:05 UTC, by olga: month end); "
        "to allow them run: vacate freeze off i1"
    )
    assert str(KillsFrozenError(ALL)) == (
        "nothing is ended while kills are frozen (all instances, since 2026-01-02 03:04:05 UTC, by olga: month end); "
        "to allow them run: vacate freeze off"
    )
