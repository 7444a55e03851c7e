"""Query strings are read in one place, as strictly as each door wants it."""

import pytest

from vacate.http.queries import QueryRules, QueryUnreadableError, query_values

STRICT = QueryRules(most_pairs=3)
LENIENT = QueryRules(most_pairs=3, last_counts=True, strict_text=False)
LISTS = QueryRules(most_pairs=9, lists=frozenset({"tags"}))


def test_a_parameter_is_decoded_once() -> None:
    assert query_values(b"a=1%2B1&b=x+y&c=%2525", STRICT) == {"a": "1+1", "b": "x y", "c": "%25"}


def test_a_parameter_without_a_value_is_there_and_empty() -> None:
    assert query_values(b"a=&b", STRICT) == {"a": "", "b": ""}


def test_an_empty_query_has_nothing() -> None:
    assert query_values(b"", STRICT) == {}


def test_only_what_is_known_is_read_where_that_is_said() -> None:
    assert query_values(b"a=1&b=2&b=3", STRICT, known=("a",)) == {"a": "1"}


def test_a_parameter_that_comes_twice_is_a_mistake_that_names_it() -> None:
    with pytest.raises(QueryUnreadableError, match="`a` is more than once"):
        query_values(b"a=1&a=1", STRICT)


def test_the_last_one_counts_where_the_door_wants_that() -> None:
    assert query_values(b"a=1&a=2", LENIENT) == {"a": "2"}


def test_a_list_is_one_value_with_commas_or_one_key_again_and_again() -> None:
    assert query_values(b"tags=a,b&tags=c&tags=", LISTS) == {"tags": ["a", "b", "c"]}


def test_too_many_parameters_are_a_mistake() -> None:
    for rules in (STRICT, LENIENT):
        with pytest.raises(QueryUnreadableError, match="cannot be read"):
            query_values(b"a=1&b=1&c=1&d=1", rules)


def test_encoded_bytes_that_are_no_text_are_a_mistake_or_a_mark() -> None:
    with pytest.raises(QueryUnreadableError):
        query_values(b"a=%ff", STRICT)
    assert query_values(b"a=%ff", LENIENT) == {"a": "\N{REPLACEMENT CHARACTER}"}


def test_bare_bytes_that_are_no_text_are_a_mistake_everywhere() -> None:
    for rules in (STRICT, LENIENT):
        with pytest.raises(QueryUnreadableError):
            query_values(b"a=\xff", rules)
