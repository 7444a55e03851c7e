"""The freeze switch at our own door."""

from dataclasses import replace

import pytest

from tests.support.place import INSTANCE, PROJECT
from tests.unit.http.admin_door import FROZEN, Operations, below
from vacate.domain.errors import AuditUnavailableError, InstanceUnknownError, StoreUnavailableError, VacateError
from vacate.operations.sweeps.turn_freeze import Turned

HERE = f"freezes/{INSTANCE.id}"
SHOWN = {
    "instance_id": FROZEN.instance_id,
    "by": "otto",
    "reason": "month end",
    "since": "2026-01-02T12:00:00Z",
}


@pytest.fixture
def operations() -> Operations:
    return Operations()


async def test_what_stands_is_listed_also_for_all_instances(operations: Operations) -> None:
    operations.frozen = (replace(FROZEN, instance_id=None), FROZEN)
    answer = await operations.get("freezes")
    assert answer.json == {"freezes": [{**SHOWN, "instance_id": None}, SHOWN]}
    assert operations.asked == [("standing", PROJECT)]


async def test_an_instance_is_frozen_with_the_callers_reason(operations: Operations) -> None:
    answer = await operations.put(HERE, {"reason": "  month end "})
    assert answer.status == 200
    assert answer.json == {"changed": True, "freeze": SHOWN, "audit": "written"}
    assert operations.asked == [("freeze", PROJECT, INSTANCE.id, "month end")]


async def test_an_audit_that_lags_behind_is_told(operations: Operations) -> None:
    operations.turned = Turned(stood=FROZEN, changed=True, written=False)
    assert (await operations.put(HERE, {"reason": "x"})).json["audit"] == "waiting"


async def test_a_switch_that_was_off_already_is_told(operations: Operations) -> None:
    operations.turned = Turned(stood=None, changed=False)
    answer = await operations.send("DELETE", below(HERE))
    assert answer.status == 200
    assert answer.json == {"changed": False, "freeze": None, "audit": "written"}
    assert operations.asked == [("thaw", PROJECT, INSTANCE.id)]


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "   ",
        "a\nb",
        "a\0b",
        "a\u007f",
        "a\u009b",
        "a\u202eb",
        "a\u2028b",
        "a\u2066b",
        "\n",
        "a\n",
        "x" * 501,
        None,
        5,
        ["month end"],
    ],
)
async def test_a_reason_is_one_line_that_says_something(operations: Operations, reason: object) -> None:
    answer = await operations.put(HERE, {"reason": reason})
    assert answer.refusal == (400, "DBS.280001")
    assert "$.reason" in answer.json["error_msg"]
    assert operations.asked == []


async def test_a_reason_may_be_in_any_language(operations: Operations) -> None:
    await operations.put(HERE, {"reason": "迁移中，请联系奥尔加"})
    assert operations.asked[0][-1] == "迁移中，请联系奥尔加"


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (InstanceUnknownError(), (404, "DBS.200045")),
        (AuditUnavailableError("the disk is full"), (500, "DBS.200005")),
        (StoreUnavailableError("/var/lib/vacate is gone"), (500, "DBS.200005")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_switch_that_was_not_turned_says_why(
    operations: Operations, error: VacateError, refusal: tuple[int, str]
) -> None:
    operations.fails_with = error
    answer = await operations.send("DELETE", below(HERE))
    assert answer.refusal == refusal
    assert "/var/lib" not in answer.json["error_msg"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_the_switch_for_all_instances_cannot_be_turned(operations: Operations, method: str) -> None:
    for name in ("freezes", "freezes/"):
        answer = await operations.send(method, below(name), b'{"reason": "x"}')
        assert answer.refusal == (404, "APIGW.0101")
    assert operations.asked == []
