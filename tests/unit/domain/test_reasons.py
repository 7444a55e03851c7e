"""What is said of a session that is spared, word for word: people read it at night, and the audit keeps it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from tests.support.sessions import (
    COORDINATOR,
    DATA_NODE,
    GAUSS_COORDINATOR,
    GAUSS_DATA_NODE,
    idle_session,
    session_in_transaction,
)
from vacate.domain.judging.criteria import Criteria, Networks, Selection, StateThreshold, idle_for
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.judge import judge, judge_named, rules, rules_named
from vacate.domain.judging.limits import Grouping, Limits, answers
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sessions.session import Demand, Session
from vacate.operations.patterns import glob

DAY = timedelta(days=1)
PROTECTING = GuardSettings(users=frozenset({"app"}), applications=frozenset({"web"}))


def reasons(
    session: Session,
    criteria: Criteria | None = None,
    settings: GuardSettings | None = None,
    where: Surroundings = COORDINATOR,
) -> list[tuple[str, str]]:
    (verdict,) = judge([session], criteria or Criteria(), settings or GuardSettings(), where)
    return said(verdict)


def said(verdict: Verdict) -> list[tuple[str, str]]:
    return [(objection.by.value, objection.reason) for objection in verdict.objections]


# --- guards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "where", "expected"),
    [
        (idle_session(own=True), COORDINATOR, ("own_session", "it belongs to Vacate")),
        (
            idle_session(backend_type="walsender"),
            COORDINATOR,
            ("not_a_client", "it is no client session: walsender"),
        ),
        (
            idle_session(application="cm_agent"),
            GAUSS_COORDINATOR,
            ("cluster_tool", "it belongs to the cluster itself: cm_agent"),
        ),
        (
            idle_session(client_address=None),
            COORDINATOR,
            ("no_client_address", "it has no client address (a local socket or an internal session)"),
        ),
        (idle_session(superuser=True), COORDINATOR, ("superuser", "user 'app' is a superuser")),
        (
            idle_session(user="rdsAdmin"),
            GAUSS_COORDINATOR,
            ("platform_user", "user 'rdsAdmin' belongs to the vendor's platform"),
        ),
        (idle_session(query="LISTEN jobs"), COORDINATOR, ("listener", "it waits for notifications (LISTEN)")),
        (idle_session(holds_advisory_lock=True), COORDINATOR, ("advisory_lock", "it holds an advisory lock")),
        (
            idle_session(application="cn_5001"),
            DATA_NODE,
            ("coordinator_link", "it is a coordinator's pooled link (cn_5001)"),
        ),
        (
            idle_session(client_address="192.0.2.1"),
            GAUSS_DATA_NODE,
            ("peer_node", "it comes from another node of the instance (192.0.2.1)"),
        ),
        (
            idle_session(client_address="db1"),
            GAUSS_DATA_NODE,
            ("peer_node", "it cannot be told whether 'db1' is one of the instance's own nodes"),
        ),
        (
            idle_session(),
            replace(GAUSS_DATA_NODE, peer_addresses=None),
            ("peer_node", "it is not known which addresses are the instance's own nodes"),
        ),
        (idle_session(database=None), COORDINATOR, ("unknown", "not known: database")),
        (
            idle_session(user=None, superuser=None),
            COORDINATOR,
            ("unknown", "not known: user, superuser"),
        ),
    ],
)
def test_a_guard_says_what_it_protects(session: Session, where: Surroundings, expected: tuple[str, str]) -> None:
    assert reasons(session, where=where) == [expected]


def test_what_the_instance_protects_is_named() -> None:
    assert reasons(idle_session(), settings=PROTECTING) == [
        ("protected_user", "user 'app' is protected"),
        ("protected_application", "application 'web' is protected"),
    ]


def test_a_client_that_is_no_other_node_is_not_protected_as_one() -> None:
    assert reasons(idle_session(client_address="198.51.100.7"), where=GAUSS_DATA_NODE) == []


def test_a_session_whose_beginning_or_wait_is_hidden_is_told_so() -> None:
    hidden = "the server hides when it began or since when it is idle"
    for session in (idle_session(backend_start=None), idle_session(state_change=None)):
        assert ("not_idle", hidden) in reasons(session, settings=GuardSettings(off=frozenset(GuardName)))


@pytest.mark.parametrize(
    ("session", "demand", "expected"),
    [
        (idle_session(), Demand.SAME_TRANSACTION, ("no_transaction", "it is idle, so no transaction is open")),
        (
            idle_session(state="idle in transaction (aborted)"),
            Demand.SAME_TRANSACTION,
            ("no_transaction", "its transaction has failed and is rolled back already"),
        ),
        (
            idle_session(state="active"),
            Demand.SAME_TRANSACTION,
            ("no_transaction", "no transaction is open (state: active)"),
        ),
        (
            idle_session(state="disabled"),
            Demand.SAME_TRANSACTION,
            ("unknown", "the server hides whether a transaction is open"),
        ),
        (idle_session(backend_start=None), Demand.SAME_SESSION, ("unknown", "the server hides when it began")),
    ],
)
def test_a_named_session_that_stays_is_told_why(session: Session, demand: Demand, expected: tuple[str, str]) -> None:
    (verdict,) = judge_named([session], GuardSettings(), COORDINATOR, demand=demand)
    assert expected in said(verdict)


def test_a_victim_in_a_transaction_must_still_be_in_its_wait_there() -> None:
    meant = Criteria(states=(StateThreshold(state="idle in transaction"), *idle_for(timedelta(0))))
    waiting, idle = judge([session_in_transaction(), idle_session()], meant, GuardSettings(), COORDINATOR)
    assert (waiting.demand, idle.demand) == (Demand.SAME_IDLE_TRANSACTION, Demand.SAME_IDLE_PERIOD)
    (named,) = judge_named([session_in_transaction()], GuardSettings(), COORDINATOR)
    assert named.victim is not None
    assert named.victim.since is None


def test_every_rule_says_what_it_is_about() -> None:
    about = [(rule.by.value, rule.about, rule.moot_after) for rule in rules(Criteria(), GuardSettings())]
    assert [each for each in about if each[1]] == [
        ("not_idle", "state", None),
        ("too_fresh", "time in the state", Criterion.NOT_IDLE),
        ("not_selected", "user", None),
        ("not_selected", "database", None),
        ("not_selected", "application", None),
        ("not_selected", "client", None),
        ("not_selected", "statement", None),
        ("not_selected", "fingerprint", None),
        ("not_idle", "identity", None),
    ]
    named = [(rule.by.value, rule.about) for rule in rules_named(GuardSettings(), Demand.SAME_TRANSACTION)]
    assert [each for each in named if each[1]] == [
        ("no_transaction", "transaction"),
        ("unknown", "transaction"),
        ("unknown", "identity"),
    ]


# --- criteria --------------------------------------------------------------------------------------------------------


def test_only_waiting_states_can_be_meant() -> None:
    with pytest.raises(ValueError, match=r"^no sweep chooses a session whose state is 'active'$"):
        StateThreshold(state="active")


@pytest.mark.parametrize(
    ("session", "criteria", "expected"),
    [
        (idle_session(state=None), Criteria(), [("not_idle", "its state is not known")]),
        (
            idle_session(in_state_for=None),
            Criteria(),
            [("too_fresh", "since when it is idle is not known")],
        ),
        (
            idle_session(in_state_for=timedelta(seconds=1.25)),
            Criteria(states=idle_for(timedelta(minutes=1))),
            [("too_fresh", "idle for 1.2 s, less than 60 s")],
        ),
        (
            idle_session(),
            Criteria(users=Selection(exclude=("app",)), databases=Selection(include=("other",))),
            [("not_selected", "user 'app' is excluded"), ("not_selected", "database 'shop' is not included")],
        ),
        (
            idle_session(),
            Criteria(applications=Selection(exclude=(glob("w*", "here"),))),
            [("not_selected", "application 'web' is excluded")],
        ),
        (
            idle_session(),
            Criteria(statements=Selection(include=("COMMIT",)), fingerprints=Selection(include=("0" * 16,))),
            [
                ("not_selected", "its last statement is not included"),
                ("not_selected", "the fingerprint of its last statement is not included"),
            ],
        ),
        (
            idle_session(),
            Criteria(statements=Selection(exclude=("SELECT 1",))),
            [("not_selected", "its last statement is excluded")],
        ),
        (
            idle_session(),
            Criteria(fingerprints=Selection(exclude=(fingerprint("select 2"),))),
            [("not_selected", "the fingerprint of its last statement is excluded")],
        ),
    ],
)
def test_a_missed_criterion_says_what_was_wanted(
    session: Session, criteria: Criteria, expected: list[tuple[str, str]]
) -> None:
    assert [each for each in reasons(session, criteria) if each[0] != "unknown"] == expected


def test_a_hidden_statement_is_selected_by_no_list() -> None:
    chosen = Criteria(statements=Selection(exclude=("x",)), fingerprints=Selection(exclude=("0" * 16,)))
    unknown = ("not_selected", "its last statement is unknown")
    assert [each for each in reasons(idle_session(query=None), chosen) if each[0] == "not_selected"] == [unknown] * 2


def test_nobody_is_asked_where_the_choice_is_open() -> None:
    assert Selection().refusal("user", None) is None
    assert Networks().refusal(None) is None
    assert Networks().refusal("db1") is None


NETWORKS = Networks(
    include=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")), exclude=(ip_network("192.0.2.9"),)
)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("192.0.2.7", None),
        ("::ffff:192.0.2.7", None),
        ("2001:db8::7", None),
        ("192.0.2.9", "client '192.0.2.9' is excluded"),
        ("::ffff:192.0.2.9", "client '::ffff:192.0.2.9' is excluded"),
        ("198.51.100.1", "client '198.51.100.1' is not included"),
        ("db1", "its client 'db1' is at no address that could be compared"),
        (None, "its client is unknown"),
    ],
)
def test_a_client_is_selected_by_its_address(client: str | None, expected: str | None) -> None:
    assert NETWORKS.refusal(client) == expected
    found = [
        words
        for by, words in reasons(idle_session(client_address=client), Criteria(clients=NETWORKS))
        if by == "not_selected"
    ]
    assert found == ([] if expected is None else [expected])


def test_an_exclude_alone_leaves_everybody_else_selected() -> None:
    assert Networks(exclude=(ip_network("192.0.2.9"),)).refusal("198.51.100.1") is None


# --- limits ----------------------------------------------------------------------------------------------------------

CROWD = [idle_session(pid=pid, in_state_for=timedelta(minutes=60 - pid)) for pid in range(1, 7)]


def kept(limits: Limits, crowd: Iterable[Session] = CROWD) -> dict[int, list[tuple[str, str]]]:
    verdicts = judge(list(crowd), Criteria(limits=limits), GuardSettings(), COORDINATOR)
    return {verdict.session.pid: said(verdict) for verdict in verdicts if verdict.objections}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(keep_youngest=1), {6: [("kept_youngest", "kept: the youngest of the component")]}),
        (
            Limits(keep_youngest=2, group_by=(Grouping.USER,)),
            {pid: [("kept_youngest", "kept: one of the 2 youngest of user 'app'")] for pid in (5, 6)},
        ),
        (
            Limits(at_most=5),
            {6: [("over_the_count", "kept: at most 5 of the component are ended at once")]},
        ),
        (
            Limits(at_most_percent=99, group_by=(Grouping.APPLICATION,)),
            {
                6: [
                    (
                        "over_the_share",
                        "kept: at most 99 % of the 6 client sessions of application 'web' are ended at once",
                    )
                ]
            },
        ),
        (
            Limits(survivors=1, group_by=(Grouping.CLIENT,)),
            {6: [("survivor", "kept: 1 of the 6 client sessions of client '192.0.2.7' stay")]},
        ),
    ],
)
def test_a_limit_says_how_many_stay_of_whom(limits: Limits, expected: dict[int, list[tuple[str, str]]]) -> None:
    assert kept(limits) == expected


def test_who_is_in_no_known_group_stays_and_nothing_else_is_asked() -> None:
    nowhere = idle_session(client_address="db1")
    found = answers(Limits(group_by=(Grouping.CLIENT,), keep_youngest=1), [nowhere], [0])[0]
    words = "kept: its client is not known, so neither is its group"
    assert [(answer.by, answer.asked, answer.objection) for answer in found] == [
        (Criterion.GROUP_UNKNOWN, True, words),
        (Criterion.KEPT_YOUNGEST, False, ""),
        (Criterion.OVER_THE_COUNT, False, ""),
        (Criterion.OVER_THE_SHARE, False, ""),
        (Criterion.SURVIVOR, False, ""),
    ]


def test_only_limits_that_are_set_are_asked() -> None:
    def asked(limits: Limits) -> list[str]:
        return [answer.by.value for answer in answers(limits, CROWD, range(6))[0] if answer.asked]

    assert asked(Limits(group_by=(Grouping.USER,))) == []
    assert asked(Limits(at_most=3)) == ["over_the_count"]
    assert asked(Limits(group_by=(Grouping.USER,), at_most=3)) == ["group_unknown", "over_the_count"]
    assert asked(Limits(keep_youngest=1)) == ["kept_youngest"]
    assert asked(Limits(survivors=1)) == ["survivor"]
    assert asked(Limits(at_most_percent=10)) == ["over_the_share"]


def test_a_limit_without_objection_has_no_words() -> None:
    found = answers(Limits(group_by=(Grouping.USER,), keep_youngest=1, at_most=5), CROWD, range(6))
    assert {answer.objection for answer in found[0]} == {""}
