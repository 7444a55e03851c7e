"""What the link to the Gauss family makes of answers that no server gives on demand."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from tests.support.sessions import idle_session
from vacate.components.capabilities import Capabilities
from vacate.components.decoding import Decoder
from vacate.components.drivers import Row
from vacate.components.gauss.link import GaussLink, chunks
from vacate.components.recognition import ServerSoftware
from vacate.components.wire import StatementRefusedError
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.session import SessionKey, Victim
from vacate.domain.sweeps.report import Signal
from vacate.domain.topology.components import ComponentKind
from vacate.domain.topology.servers import Engine
from vacate.operations.ports import Signalled, TerminateBrokenError

BEGAN = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
CAPABILITIES = Capabilities(
    software=ServerSoftware(engine=Engine.OPENGAUSS, version="6.0.0"),
    system_identifier="7001",
    in_recovery=False,
    maximum=100,
    reserved=0,
    offered=frozenset({"sessionid", "rolmonitoradmin", "unique_sql_id", "pg_terminate_session()"}),
)


class _Told:
    """Statements whose answers are there already: the same rows to every question, and what each victim meets."""

    def __init__(self, rows: Sequence[dict[str, object]] = (), refusals: dict[int, str] | None = None) -> None:
        self.rows = cast("Sequence[Row]", rows)
        self.refusals = refusals or {}
        self.signalled: set[object] = set()

    @property
    def open(self) -> bool:
        return True

    @property
    def decoder(self) -> Decoder:
        return Decoder(encoding="UTF8", statement_limit=1024)

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        return [self._answer(arguments)] if "pg_terminate_session" in sql else self.rows

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        del sql
        return [self._answer(arguments) for arguments in each]

    def _answer(self, arguments: Sequence[object]) -> Row:
        session_id, began = arguments[:2]
        assert isinstance(session_id, int)
        if session_id in self.refusals:
            raise StatementRefusedError(self.refusals[session_id], "no")
        signal = "gone" if session_id in self.signalled else "signalled"
        self.signalled.add(session_id)
        answer = {"session_id": session_id, "backend_start": began, "state": None, "signal": signal}
        return cast("Row", answer)


async def _ready() -> None:
    pass


def link(told: _Told) -> GaussLink:
    return GaussLink(told, _ready, CAPABILITIES)


def listed(
    session_id: int, *, own: bool = False, sees_all: bool = True, began: datetime | None = BEGAN
) -> dict[str, object]:
    return {"session_id": session_id, "backend_start": began, "own": own, "sees_all": sees_all}


def victims(count: int) -> list[Victim]:
    sessions = [idle_session(session_id=number, pid=0, backend_start=BEGAN) for number in range(1, count + 1)]
    verdicts = judge(sessions, Criteria(), GuardSettings(), Surroundings(kind=ComponentKind.COORDINATOR))
    return [verdict.victim for verdict in verdicts if verdict.victim]


async def signals(wire: _Told, count: int) -> list[Signalled]:
    return [answer async for answers in link(wire).terminate(victims(count), frozenset()) for answer in answers]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (8, [8]), (9, [8, 1]), (72, [8, 32, 32])])
def test_a_few_victims_go_first_and_then_more_at_once(count: int, sizes: list[int]) -> None:
    cut = list(chunks(victims(count)))
    assert [len(chunk) for chunk in cut] == sizes
    assert [victim for chunk in cut for victim in chunk] == victims(count)


async def test_one_that_may_not_be_touched_costs_no_other_its_turn() -> None:
    answers = await signals(_Told(refusals={3: "42501"}), 10)
    assert {answer.key.session_id: answer.signal for answer in answers} == {
        1: Signal.GONE,
        2: Signal.GONE,
        3: Signal.FORBIDDEN,
        **dict.fromkeys(range(4, 11), Signal.SIGNALLED),
    }
    assert all("a first one, whose answer was lost" in answers[index].reason for index in (0, 1))


async def test_any_other_refusal_breaks_off_and_names_the_chunk() -> None:
    wire = _Told(refusals={9: "XX000"})
    with pytest.raises(TerminateBrokenError) as broken:
        await signals(wire, 12)
    assert {key.session_id for key in broken.value.in_flight} == {9, 10, 11, 12}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [listed(7)],
        [listed(7), listed(1, own=True, sees_all=False)],
    ],
    ids=["nobody", "not ourselves", "only our own"],
)
async def test_a_list_that_may_leave_somebody_out_proves_nobody_gone(rows: list[dict[str, object]]) -> None:
    with pytest.raises(ComponentUnreachableError, match="does not show all sessions"):
        await link(_Told(rows)).still_present([SessionKey(session_id=7, backend_start=BEGAN)])


async def test_whoever_hides_when_he_began_counts_as_listed() -> None:
    rows = [listed(1, own=True), listed(7, began=None), listed(8, began=BEGAN.replace(year=2025)), listed(9)]
    keys = [SessionKey(session_id=number, backend_start=BEGAN) for number in (6, 7, 8, 9)]
    present = await link(_Told(rows)).still_present(keys)
    assert {key.session_id for key in present} == {7, 9}


class _Repeating(_Told):
    """A wire whose server lists some sessions in several rows, and others in none."""

    def __init__(self, answers: dict[int, list[str]]) -> None:
        super().__init__()
        self.answers = answers

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        del sql
        return [
            cast("Row", {"session_id": session_id, "backend_start": began, "state": "active", "signal": signal})
            for session_id, began, *_ in each
            for signal in self.answers.get(cast("int", session_id), ["signalled"])
        ]


async def test_a_victim_has_one_answer_in_however_many_rows_the_server_lists_it() -> None:
    answers = await signals(_Repeating({1: ["woke", "signalled", "gone"], 2: ["woke", "woke"]}), 3)
    assert [(answer.key.session_id, answer.signal) for answer in answers] == [
        (1, Signal.SIGNALLED),
        (2, Signal.WOKE),
        (3, Signal.SIGNALLED),
    ]


async def test_a_victim_without_an_answer_breaks_off_and_names_the_chunk() -> None:
    with pytest.raises(TerminateBrokenError, match="no answer for session 2") as broken:
        await signals(_Repeating({2: []}), 3)
    assert {key.session_id for key in broken.value.in_flight} == {1, 2, 3}


class _Leaving(_Told):
    """A wire whose server refuses the thread of a victim that left between the read and the signal."""

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        del sql, each
        raise StatementRefusedError("42501", "must have sysadmin privilege")


async def test_a_thread_that_left_at_its_turn_is_gone_and_not_forbidden() -> None:
    """A role that is no administrator is refused a thread that is not there."""
    wire = _Leaving()
    wire.signalled.add(1)
    assert [(answer.key.session_id, answer.signal) for answer in await signals(wire, 2)] == [
        (1, Signal.GONE),
        (2, Signal.SIGNALLED),
    ]
