"""Criteria as people write them: every form is understood, and every mistake names its place."""

import json
from datetime import timedelta
from ipaddress import ip_network

import pytest

from vacate.domain.errors import CriteriaError
from vacate.domain.judging.criteria import Criteria, Networks, Selection, StateThreshold, idle_for
from vacate.domain.judging.limits import Grouping, Limits
from vacate.domain.judging.patterns import Regex
from vacate.operations.patterns import glob
from vacate.operations.wanted import CriteriaShape, decode_criteria, read_criteria


def criteria(**written: object) -> Criteria:
    return decode_criteria(json.dumps(written), "criteria")


def test_nothing_written_means_whoever_is_idle() -> None:
    assert criteria() == Criteria() == read_criteria(CriteriaShape(), "anywhere")


def test_each_state_has_its_own_threshold() -> None:
    found = criteria(states={"idle in transaction (aborted)": "90s", "idle": "15min", "idle in transaction": "1h"})
    assert found.states == (
        *idle_for(timedelta(minutes=15)),
        StateThreshold(state="idle in transaction", at_least=timedelta(hours=1)),
        StateThreshold(state="idle in transaction (aborted)", at_least=timedelta(seconds=90)),
    )


def test_names_come_as_they_are_by_glob_and_by_expression() -> None:
    patterns = criteria(users={"include": ["app", {"glob": "app_*"}, {"regex": "^b+$"}]}).users.include
    assert patterns is not None
    assert (patterns[0], patterns[1]) == ("app", glob("app_*", "here"))
    regex = patterns[2]
    assert isinstance(regex, Regex)
    assert [regex.matches(name) for name in ("bbb", "abbb")] == [True, False]


def test_an_empty_include_is_no_open_choice() -> None:
    assert criteria(databases={"include": []}).databases == Selection(include=())
    assert criteria(databases={}).databases == Selection()


def test_clients_are_networks_and_a_mapped_network_is_the_network_it_maps() -> None:
    found = criteria(clients={"include": ["10.0.0.0/8", "::ffff:10.1.0.0/112"], "exclude": ["10.0.0.5"]}).clients
    assert found == Networks(
        include=(ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16")), exclude=(ip_network("10.0.0.5/32"),)
    )


def test_limits_are_read_as_they_stand() -> None:
    found = criteria(group_by="client", keep_youngest=2, at_most=10, at_most_percent=50, survivors=5)
    assert found.limits == Limits(
        group_by=(Grouping.CLIENT,), keep_youngest=2, at_most=10, at_most_percent=50, survivors=5
    )


MISTAKES: list[tuple[dict[str, object], str]] = [
    (
        {"min_idle": "5min"},
        "criteria: Object contains unknown field `min_idle`; thresholds stand with their states",
    ),
    ({"user": {}}, "criteria: Object contains unknown field `user`"),
    ({"users": {"included": []}}, "criteria.users: Object contains unknown field `included`"),
    ({"users": ["app"]}, "criteria.users: Expected `object`, got `array`"),
    ({"users": {"include": "app"}}, "criteria.users.include: Expected `array | null`, got `str`"),
    ({"users": {"include": [1]}}, "criteria.users.include[0]"),
    ({"users": {"include": [{"glob": "x"}] * 51}}, "criteria.users.include: at most 50 globs and expressions"),
    (
        {name: {"include": [{"glob": "x"}] * 34} for name in ("users", "databases", "statements")},
        "criteria: there are 102 globs and expressions; at most 100 can be in all lists together",
    ),
    (
        {"statements": {"include": [{"regex": "x" * 4097}]}},
        "criteria.statements.include[0].regex: 'xxx",
    ),
    (
        {"statements": {"include": [{"glob": "*" * 4097}]}},
        "criteria.statements.include[0].glob: '***",
    ),
    (
        {"statements": {"include": [{"glob": "*a" * 2000}] * 9}},
        "criteria: globs and expressions have 36000 bytes; at most 32768 can be in all lists together",
    ),
    ({"statements": {"include": [{"glob": "*a?" * 1200}]}}, "criteria.statements.include[0].glob: '*a?"),
    ({"users": {"include": ["x", {}]}}, "criteria.users.include[1]: write either glob or regex"),
    (
        {"users": {"exclude": [{"glob": "a", "regex": "b"}]}},
        "criteria.users.exclude[0]: write either glob or regex",
    ),
    ({"statements": {"include": [{"regex": "(?=x)"}]}}, "criteria.statements.include[0].regex: '(?=x)' is no"),
    ({"statements": {"include": [{"regex": ""}]}}, "criteria.statements.include[0].regex: the expression is empty"),
    ({"fingerprints": {"include": ["XYZ"]}}, "criteria.fingerprints.include[0]"),
    ({"states": {}}, "criteria.states: no state is named"),
    ({"states": {"active": "1s"}}, "criteria.states: sessions whose state is 'active' are never chosen"),
    ({"states": {"idle": "soon"}}, "criteria.states.idle"),
    ({"states": {"idle in transaction": "5 min of it"}}, 'criteria.states."idle in transaction"'),
    ({"clients": {"include": ["10.0.0.1/8"]}}, "criteria.clients.include[0]: '10.0.0.1/8' is no network"),
    ({"clients": {"exclude": ["db1"]}}, "criteria.clients.exclude[0]: 'db1' is no network"),
    ({"group_by": "database"}, "criteria.group_by"),
    ({"group_by": ["user", "database"]}, "criteria.group_by[1]"),
    ({"keep_youngest": -1}, "criteria.keep_youngest"),
    ({"at_most_percent": 101}, "criteria.at_most_percent"),
    ({"survivors": 1.5}, "criteria.survivors"),
]


@pytest.mark.parametrize(("written", "words"), MISTAKES)
def test_a_mistake_names_its_place(written: dict[str, object], words: str) -> None:
    with pytest.raises(CriteriaError) as refused:
        criteria(**written)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"users": {"include": ["\\ud800"]', "\x00", "[" * 100_000])
def test_what_is_no_object_in_json_is_refused(text: str) -> None:
    with pytest.raises(CriteriaError, match=r"^criteria"):
        decode_criteria(text, "criteria")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(CriteriaError, match=r"^criteria"):
        decode_criteria(b'{"users": {"include": ["\xff"]}}', "criteria")


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ('{"users": {"exclude": ["app_*"]}}', "criteria.users.exclude[0]: 'app_*' is compared letter by letter"),
        ('{"applications": {"include": ["café"]}}', "applications.include[0]: no session is ever called 'café'"),
        ('{"databases": {"include": [""]}}', "criteria.databases.include[0]: no database has an empty name"),
    ],
)
def test_a_name_that_no_session_can_have_is_refused(criteria: str, said: str) -> None:
    with pytest.raises(CriteriaError) as refused:
        decode_criteria(criteria, "criteria")
    assert said in str(refused.value)


def test_a_star_in_a_statement_is_a_star() -> None:
    assert decode_criteria('{"statements": {"include": ["SELECT * FROM t"]}}', "criteria").statements.include == (
        "SELECT * FROM t",
    )
