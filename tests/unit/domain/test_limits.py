"""The limits: who stays although nothing else spares them, and in which order the others go."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.support.sessions import (
    COORDINATOR,
    LOOK_AT,
    checkpointer,
    criteria,
    examples,
    guard_settings,
    idle_session,
    killable_sessions,
    limits,
    sessions,
    surroundings,
)
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.judge import judge
from vacate.domain.judging.limits import LIMITS, Grouping, Limits
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import Session
from vacate.domain.topology.addresses import parse

MINUTE = timedelta(minutes=1)
NO_SETTINGS = GuardSettings()
crowds = st.lists(killable_sessions() | sessions, max_size=10, unique_by=lambda session: session.session_id)


def idle(pid: int, minutes: float, **changes: str | None) -> Session:
    return replace(idle_session(pid=pid, in_state_for=minutes * MINUTE), **changes)


def busy(pid: int, **changes: str | None) -> Session:
    return replace(idle_session(pid=pid, state="active"), **changes)


def judged(look: Sequence[Session], chosen: Limits, settings: GuardSettings = NO_SETTINGS) -> tuple[Verdict, ...]:
    return judge(look, Criteria(limits=chosen), settings, COORDINATOR)


def ended(look: Sequence[Session], chosen: Limits, settings: GuardSettings = NO_SETTINGS) -> set[int]:
    return {v.session.session_id for v in judged(look, chosen, settings) if v.victim is not None}


def kept(look: Sequence[Session], chosen: Limits, pid: int) -> dict[str, str]:
    (verdict,) = [v for v in judged(look, chosen) if v.session.session_id == pid]
    return {objection.by: objection.reason for objection in verdict.objections}


LINE = [idle(1, 30), idle(2, 10), idle(3, 40), idle(4, 20)]


# --- each limit ------------------------------------------------------------------------------------------------------


def test_without_limits_everybody_goes() -> None:
    assert ended(LINE, Limits()) == ended(LINE, Limits(group_by=(Grouping.USER,))) == {1, 2, 3, 4}


@pytest.mark.parametrize(("number", "expected"), [(1, {1, 3, 4}), (2, {1, 3}), (4, set[int]()), (9, set[int]())])
def test_those_who_were_idle_for_the_shortest_time_are_kept(number: int, expected: set[int]) -> None:
    assert ended(LINE, Limits(keep_youngest=number)) == expected


@pytest.mark.parametrize(("number", "expected"), [(0, set[int]()), (1, {3}), (3, {1, 3, 4}), (9, {1, 2, 3, 4})])
def test_no_more_than_the_count_go_the_oldest_first(number: int, expected: set[int]) -> None:
    assert ended(LINE, Limits(at_most=number)) == expected


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (1, 0), (9, 0), (10, 1), (19, 1), (20, 2), (100, 4)])
def test_the_share_is_one_of_all_client_sessions_rounded_down(percent: int, expected: int) -> None:
    look = [*LINE, *(busy(pid) for pid in range(11, 17)), checkpointer()]
    assert len(ended(look, Limits(at_most_percent=percent))) == expected


def test_survivors_stay_and_busy_ones_are_counted() -> None:
    assert ended(LINE, Limits(survivors=3)) == {3}
    assert ended([*LINE, busy(11), busy(12)], Limits(survivors=3)) == {1, 3, 4}
    assert ended([*LINE, busy(11), busy(12)], Limits(survivors=2)) == {1, 2, 3, 4}
    assert ended(LINE, Limits(survivors=9)) == set()


@pytest.mark.parametrize(
    "uncounted",
    [checkpointer(), idle_session(pid=9, own=True)],
    ids=["a backend of the server", "a session of Vacate"],
)
def test_what_is_no_clients_session_is_no_survivor_and_no_part_of_the_share(uncounted: Session) -> None:
    assert ended([*LINE, uncounted], Limits(survivors=4)) == set()
    assert len(ended([*LINE, uncounted], Limits(at_most_percent=20))) == 0


def test_the_strictest_limit_decides_and_each_names_itself() -> None:
    chosen = Limits(keep_youngest=1, at_most=3, at_most_percent=50, survivors=3)
    assert ended(LINE, chosen) == {3}
    assert list(kept(LINE, chosen, 1)) == [Criterion.SURVIVOR]
    assert list(kept(LINE, chosen, 4)) == [Criterion.OVER_THE_SHARE, Criterion.SURVIVOR]
    assert list(kept(LINE, chosen, 2)) == [*LIMITS[1:]]


# --- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grouping", "mine", "yours"),
    [
        (Grouping.APPLICATION, {"application": "shop"}, {"application": ""}),
        (Grouping.USER, {"user": "anna"}, {"user": "Anna"}),
        (Grouping.CLIENT, {"client_address": "192.0.2.7"}, {"client_address": "192.0.2.8"}),
    ],
)
def test_each_group_has_limits_of_its_own(
    grouping: Grouping, mine: dict[str, str | None], yours: dict[str, str | None]
) -> None:
    look = [idle(1, 30, **mine), idle(2, 20, **mine), idle(3, 10, **mine), idle(4, 1, **yours), busy(5, **yours)]
    assert ended(look, Limits(group_by=(grouping,), keep_youngest=1)) == {1, 2}
    assert ended(look, Limits(group_by=(grouping,), at_most=1)) == {1, 4}
    assert ended(look, Limits(group_by=(grouping,), survivors=1)) == {1, 2, 4}
    assert ended(look, Limits(group_by=(grouping,), at_most_percent=50)) == {1, 4}
    assert ended(look, Limits(keep_youngest=1)) == {1, 2, 3}


def test_one_client_is_one_group_however_its_address_is_written() -> None:
    look = [idle(1, 30, client_address="192.0.2.7"), idle(2, 20, client_address="::ffff:192.0.2.7")]
    assert ended(look, Limits(group_by=(Grouping.CLIENT,), at_most=1)) == {1}


def test_a_group_by_several_facts_has_all_of_them_in_common() -> None:
    here, there = {"client_address": "192.0.2.7"}, {"client_address": "192.0.2.8"}
    look = [
        idle(1, 9, user="anna", **here),
        idle(2, 8, user="anna", **here),
        idle(3, 7, user="anna", **there),
        idle(4, 6, user="anna", **there),
        idle(5, 5, user="bob", **here),
        idle(6, 4, user="bob", client_address=None),
    ]
    by_both = (Grouping.USER, Grouping.CLIENT)
    assert ended(look, Limits(group_by=by_both, keep_youngest=1)) == {1, 3}
    assert ended(look, Limits(group_by=(Grouping.USER,), keep_youngest=1)) == {1, 2, 3}
    *_, nowhere = judged(look, Limits(group_by=by_both, at_most=9), GuardSettings(off=frozenset(GuardName)))
    assert nowhere.reason == "kept: its user or client is not known, so neither is its group"
    assert kept(look, Limits(group_by=by_both, keep_youngest=1), 2) == {
        "kept_youngest": "kept: the youngest of user 'anna' and client '192.0.2.7'"
    }


@pytest.mark.parametrize(
    ("grouping", "unknown"),
    [
        (Grouping.APPLICATION, idle_session(application=None)),
        (Grouping.USER, idle_session(user=None)),
        (Grouping.CLIENT, idle_session(client_address=None)),
        (Grouping.CLIENT, idle_session(client_address="db-1.example")),
    ],
)
def test_whoever_is_in_no_known_group_is_kept(grouping: Grouping, unknown: Session) -> None:
    off = GuardSettings(off=frozenset({GuardName.UNKNOWN, GuardName.NO_CLIENT_ADDRESS}))
    assert ended([unknown], Limits(group_by=(grouping,)), off) == {unknown.session_id}
    (verdict,) = judged([unknown], Limits(group_by=(grouping,), at_most=9), off)
    assert [o.by for o in verdict.objections] == [Criterion.GROUP_UNKNOWN]
    assert verdict.reason == f"kept: its {grouping} is not known, so neither is its group"


def test_the_words_say_how_many_and_of_what() -> None:
    look = [idle(pid, pid, application="shop") for pid in (1, 2, 3, 4)]
    chosen = Limits(group_by=(Grouping.APPLICATION,), keep_youngest=3, at_most=1, at_most_percent=20, survivors=4)
    assert kept(look, chosen, 1) == {
        "kept_youngest": "kept: one of the 3 youngest of application 'shop'",
        "over_the_count": "kept: at most 1 of application 'shop' are ended at once",
        "over_the_share": "kept: at most 20 % of the 4 client sessions of application 'shop' are ended at once",
        "survivor": "kept: 4 of the 4 client sessions of application 'shop' stay",
    }
    assert kept(look, Limits(keep_youngest=1), 1) == {"kept_youngest": "kept: the youngest of the component"}


# --- the line --------------------------------------------------------------------------------------------------------


def test_of_those_idle_for_the_same_time_the_one_that_began_first_goes_first() -> None:
    young = replace(idle(1, 5), backend_start=LOOK_AT - MINUTE)
    old = replace(idle(2, 5), backend_start=LOOK_AT - 2 * MINUTE)
    assert ended([young, old], Limits(at_most=1)) == ended([old, young], Limits(at_most=1)) == {2}


def test_of_those_alike_in_everything_the_lower_id_goes_first() -> None:
    assert ended([idle(8, 5), idle(7, 5)], Limits(at_most=1)) == {7}


def test_spared_sessions_do_not_stand_in_line() -> None:
    look = [idle(1, 90, user="backup"), *LINE[1:]]
    guards = GuardSettings(users=frozenset({"backup"}))
    assert ended(look, Limits(at_most=1), guards) == {3}
    (spared, *_) = judged(look, Limits(at_most=0), guards)
    assert [o.by for o in spared.objections] == [GuardName.PROTECTED_USER]


# --- what always holds -----------------------------------------------------------------------------------------------


@examples
@given(look=crowds, chosen=criteria, rule=limits, settings=guard_settings, where=surroundings)
def test_limits_never_add_a_victim_and_say_why_they_take_one_away(
    look: list[Session], chosen: Criteria, rule: Limits, settings: GuardSettings, where: Surroundings
) -> None:
    without = judge(look, chosen, settings, where)
    limited = judge(look, replace(chosen, limits=rule), settings, where)
    event("a limit kept somebody" if without != limited else "no limit kept anybody")
    for before, after in zip(without, limited, strict=True):
        assert (after.session, after.demand) == (before.session, before.demand)
        if before.objections:
            assert after == before
        else:
            assert {objection.by for objection in after.objections} <= set(LIMITS)
            assert all(o.reason and "None" not in o.reason for o in after.objections)


def group(session: Session, groupings: tuple[Grouping, ...]) -> tuple[str, ...] | None:
    known = [fact(session, grouping) for grouping in groupings]
    return None if None in known else tuple(map(str, known))


def fact(session: Session, grouping: Grouping) -> str | None:
    match grouping:
        case Grouping.APPLICATION:
            return session.application
        case Grouping.USER:
            return session.user
        case Grouping.CLIENT:
            address = parse(session.client_address or "")
            return None if address is None else str(address)


@examples
@given(look=crowds, rule=limits, settings=guard_settings)
def test_every_limit_holds_in_every_group(look: list[Session], rule: Limits, settings: GuardSettings) -> None:
    found = judge(look, Criteria(limits=rule), settings, COORDINATOR)
    candidates = [v.session for v in judge(look, Criteria(), settings, COORDINATOR) if not v.objections]
    gone = [v.session for v in found if not v.objections]
    for key in {group(session, rule.group_by) for session in look}:
        clients = [
            s
            for s in look
            if group(s, rule.group_by) == key and s.backend_type == "client backend" and not s.own
            if s.application != "vacate"
        ]
        mine = [s for s in gone if group(s, rule.group_by) == key]
        could = [s for s in candidates if group(s, rule.group_by) == key]
        if key is None:
            assert rule == Limits(group_by=rule.group_by) or not mine
            continue
        assert len(could) - len(mine) >= min(rule.keep_youngest, len(could))
        assert rule.at_most is None or len(mine) <= rule.at_most
        assert rule.at_most_percent is None or 100 * len(mine) <= rule.at_most_percent * len(clients)
        if mine and rule.survivors and not any(s.backend_type != "client backend" or s.own for s in mine):
            assert len([s for s in clients if s not in mine]) >= rule.survivors
        stay = [s.in_state_for for s in could if s not in mine]
        assert all(s.in_state_for >= other for s in mine for other in stay if s.in_state_for and other)


@examples
@given(look=crowds, rule=limits, data=st.data())
def test_who_goes_does_not_depend_on_the_order_of_the_look(
    look: list[Session], rule: Limits, data: st.DataObject
) -> None:
    assert ended(data.draw(st.permutations(look)), rule) == ended(look, rule)


@examples
@given(look=crowds, rule=limits)
def test_a_stricter_limit_never_adds_a_victim(look: list[Session], rule: Limits) -> None:
    before = ended(look, rule)
    assert ended(look, replace(rule, keep_youngest=rule.keep_youngest + 1)) <= before
    assert ended(look, replace(rule, survivors=rule.survivors + 1)) <= before
    if rule.at_most:
        assert ended(look, replace(rule, at_most=rule.at_most - 1)) <= before
    if rule.at_most_percent:
        assert ended(look, replace(rule, at_most_percent=rule.at_most_percent - 1)) <= before
