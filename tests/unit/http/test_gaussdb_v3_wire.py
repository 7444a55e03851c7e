"""The compatible door: what a call names, and the one word that it is answered with."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import COMPONENT, INSTANCE, PROJECT, TARGET
from tests.support.sessions import idle_session
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Doorman, Tally
from vacate.domain.errors import (
    ComponentUnknownError,
    InstanceUnknownError,
    NodeUnknownError,
    ProjectMismatchError,
    VacateError,
)
from vacate.domain.identity import Actor
from vacate.domain.sweeps import Outcome, Report, SessionOutcome
from vacate.domain.topology import ProjectId, Target
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.gaussdb_v3.errors import (
    BodyEmptyError,
    ComponentIdFormatError,
    IdFormatError,
    ParameterError,
    ProjectIdFormatError,
)
from vacate.http.gaussdb_v3.routes import GaussdbV3Door
from vacate.http.gaussdb_v3.wire import misspelt, project_id, target

PATH = f"/v3/{PROJECT}/instances/{INSTANCE.id}/kill-free-session".encode()
BODY = json.dumps({"node_id": COMPONENT.node_id, "component_id": COMPONENT.id}).encode()


def report(*outcomes: Outcome) -> Report:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Report(
        request_id="r1",
        component=COMPONENT,
        started_at=at,
        finished_at=at,
        sessions=tuple(
            SessionOutcome(session=idle_session(pid=pid), outcome=outcome, by="x", reason="y")
            for pid, outcome in enumerate(outcomes, start=1)
        ),
    )


@dataclass(kw_only=True)
class Operations:
    """What stands behind the door."""

    ends_in: Report | VacateError = field(default_factory=report)
    turns_away: VacateError | None = None
    admitted: list[tuple[Actor, ProjectId]] = field(default_factory=list[tuple[Actor, ProjectId]])
    swept: list[Target] = field(default_factory=list[Target])

    async def admit(self, who: Actor, project: ProjectId) -> None:
        self.admitted.append((who, project))
        if self.turns_away is not None:
            raise self.turns_away

    async def kill_idle(self, who: Actor, what: Target) -> Report:
        assert who in [admitted for admitted, _ in self.admitted]
        self.swept.append(what)
        if isinstance(self.ends_in, VacateError):
            raise self.ends_in
        return self.ends_in

    async def ask(self, body: bytes = BODY, path: bytes = PATH) -> Answer:
        door = GaussdbV3Door(gate=Gate(Doorman(), Tally()), admit=self.admit, kill_idle=self.kill_idle)
        return await call(build_app(door.routes(), RememberingLog()), "POST", path, caller=Caller(parts=[body]))


async def test_a_call_becomes_a_target_and_a_report_becomes_one_word() -> None:
    operations = Operations(ends_in=report(Outcome.TERMINATED, Outcome.SPARED, Outcome.TERMINATED, Outcome.WOKE))
    answer = await operations.ask()
    assert (answer.status, answer.body) == (200, b'{"success":true}')
    assert operations.swept == [TARGET]
    assert answer.headers["x-vacate-outcomes"] == "spared=1, terminated=2, woke=1"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("outcome", "success"),
    [(outcome, outcome not in {Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.NOT_REACHED}) for outcome in Outcome],
)
async def test_success_is_false_when_a_victim_may_still_be_there(outcome: Outcome, success: bool) -> None:  # noqa: FBT001
    answer = await Operations(ends_in=report(Outcome.TERMINATED, outcome)).ask()
    assert (answer.status, answer.json) == (200, {"success": success})


async def test_who_is_not_of_the_project_learns_nothing_about_the_rest_of_the_call() -> None:
    operations = Operations(turns_away=ProjectMismatchError())
    answer = await operations.ask(b"[", PATH.replace(INSTANCE.id.encode(), b"x"))
    assert answer.refusal == (403, "DBS.200010")
    assert operations.swept == []


async def test_a_project_id_that_cannot_be_one_is_not_even_asked_about() -> None:
    operations = Operations()
    answer = await operations.ask(path=PATH.replace(PROJECT.encode(), b"%7Bproject_id%7D"))
    assert answer.refusal == (400, "DBS.280408")
    assert operations.admitted == []


async def test_an_error_of_the_operation_is_told_by_its_code() -> None:
    answer = await Operations(ends_in=InstanceUnknownError()).ask()
    assert answer.refusal == (404, "DBS.200045")


# --- the body --------------------------------------------------------------------------------------------------------


def read(body: bytes, instance: str = INSTANCE.id) -> Target:
    return target(PROJECT, instance, body)


def test_ids_are_taken_as_they_are() -> None:
    assert read(BODY) == TARGET
    assert project_id(PROJECT) == PROJECT


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: read(b"", "short"), IdFormatError),
        (lambda: read(b"", INSTANCE.id + "\n"), IdFormatError),
        (lambda: read(b""), BodyEmptyError),
        (lambda: read(b" \t\r\n"), BodyEmptyError),
        (lambda: read(b"{}"), ParameterError),
        (lambda: read(b"[" * 200_000), ParameterError),
        (lambda: read(b'{"a":' * 200_000), ParameterError),
        (lambda: read(BODY.replace(b"}", b', "instance_id": "other"}')), ParameterError),
        (lambda: read(BODY.replace(b"no14", b"n" * 200)), ParameterError),
        (lambda: read(BODY.replace(b"cn_5001", b"c" * 200)), ParameterError),
        (lambda: project_id(PROJECT[:-1]), ProjectIdFormatError),
        (lambda: project_id(PROJECT[:-1] + "٣"), ProjectIdFormatError),
        (lambda: project_id(PROJECT + "\n"), ProjectIdFormatError),
    ],
)
def test_what_cannot_be_read_is_named_by_its_kind(make: Callable[[], object], error: type[VacateError]) -> None:
    with pytest.raises(error):
        make()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["node_id", "component_id", "instance_id"])
VALUES = JSON | st.sampled_from([COMPONENT.node_id, COMPONENT.id, INSTANCE.id])


@given(st.binary(max_size=200) | st.dictionaries(NAMES | st.text(), VALUES).map(lambda body: json.dumps(body).encode()))
def test_a_body_is_a_target_or_one_of_the_doors_own_errors(body: bytes) -> None:
    try:
        found = read(body)
    except (BodyEmptyError, ParameterError, IdFormatError, ComponentIdFormatError):
        return
    assert (found.project_id, found.instance_id) == (PROJECT, INSTANCE.id)
    assert found.node_id.encode() in body
    assert found.component_id.encode() in body


@pytest.mark.parametrize(
    ("body", "unknown", "told"),
    [
        (BODY, NodeUnknownError(), NodeUnknownError),
        (BODY, ComponentUnknownError(), ComponentUnknownError),
        (BODY.replace(b"no14", b"no1\xc3\xa9"), NodeUnknownError(), IdFormatError),
        (BODY.replace(b"cn_5001", b"cn_"), ComponentUnknownError(), ComponentIdFormatError),
        (BODY.replace(b"cn_5001", b"etcd_7001"), ComponentUnknownError(), ComponentIdFormatError),
        (BODY.replace(b"cn_5001", b"cn_5001\\n"), ComponentUnknownError(), ComponentIdFormatError),
    ],
)
def test_an_unknown_id_is_told_as_misspelt_when_it_is(
    body: bytes, unknown: NodeUnknownError | ComponentUnknownError, told: type[VacateError]
) -> None:
    assert type(misspelt(read(body), unknown)) is told
