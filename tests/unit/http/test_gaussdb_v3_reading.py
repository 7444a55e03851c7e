"""How the compatible door reads what a call names: bodies, queries and ids, whatever bytes they are."""

import json
from typing import Annotated, Literal
from urllib.parse import quote_plus, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.place import COMPONENT, INSTANCE, PROJECT, TARGET
from vacate.api.gaussdb_v3.errors import (
    BodyEmptyError,
    ComponentIdFormatError,
    IdFormatError,
    LimitError,
    OffsetError,
    ParameterError,
    QueryError,
)
from vacate.api.gaussdb_v3.fields import ComponentNamedTwice, Paging
from vacate.domain.errors import ComponentUnknownError, NodeUnknownError, VacateError
from vacate.domain.topology.components import Target
from vacate.http.gaussdb_v3.reading import Place, decode_body, decode_query, misspelt, session_ids

PLACE = Place(project_id=PROJECT, instance_id=INSTANCE.id)
BODY = json.dumps({"node_id": COMPONENT.node_id, "component_id": COMPONENT.id}).encode()


def read(body: bytes) -> Target:
    return PLACE.target(decode_body(body, ComponentNamedTwice))


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_ids_are_taken_as_they_are() -> None:
    assert read(BODY) == TARGET


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", BodyEmptyError),
        (b" \t\r\n", BodyEmptyError),
        (b"{}", ParameterError),
        (b"[" * 200_000, ParameterError),
        (b'{"a":' * 200_000, ParameterError),
        (BODY.replace(b"}", b', "instance_id": "other"}'), ParameterError),
        (BODY.replace(b"no14", b"n" * 200), ParameterError),
        (BODY.replace(b"cn_5001", b"c" * 200), ParameterError),
        (BODY.replace(b"cn_5001", b"\xff"), ParameterError),
    ],
)
def test_a_body_that_cannot_be_read_is_named_by_its_kind(body: bytes, error: type[VacateError]) -> None:
    with pytest.raises(error):
        read(body)


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
    except (BodyEmptyError, ParameterError):
        return
    assert (found.project_id, found.instance_id) == (PROJECT, INSTANCE.id)
    named = json.loads(body)
    assert (found.node_id, found.component_id) == (named["node_id"], named["component_id"])


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


# --- the ids of sessions ---------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=20))
def test_sessions_may_be_named_by_numbers_or_by_their_digits(ids: list[int]) -> None:
    assert session_ids(ids) == session_ids([str(id_) for id_ in ids]) == tuple(dict.fromkeys(ids))


@given(st.lists(st.integers() | st.text(), max_size=5))
def test_sessions_are_named_or_the_list_is_refused(named: list[int | str]) -> None:
    try:
        found = session_ids(named)
    except ParameterError:
        return
    assert found
    assert all(0 < id_ < 2**63 for id_ in found)


# --- queries ---------------------------------------------------------------------------------------------------------


class Asked(Paging, frozen=True, kw_only=True):
    """A query of every kind."""

    name: Annotated[str, msgspec.Meta(max_length=20)] = ""
    order: Literal["ASC", "DESC"] = "ASC"
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (b"", Asked()),
        (b"&&", Asked()),
        (b"name=a+b%20c%2Bd", Asked(name="a b c+d")),
        (b"name=%C3%A9", Asked(name="é")),
        ("name=é".encode(), Asked(name="é")),
        (b"name=a=b", Asked(name="a=b")),
        (b"name=*x", Asked(name="*x")),
        (b"%6eame=x", Asked(name="x")),
        (b"NAME=x", Asked()),
        (b"name", Asked()),
        (b"name=null", Asked(name="null")),
        (b"name=1", Asked(name="1")),
        (b"limit=7&offset=3", Asked(limit=7, offset=3)),
        (b"limit=%37", Asked(limit=7)),
        (b"x=1&x=2&order=DESC", Asked(order="DESC")),
        (b"tags=k1%3Av1&tags=k2%3Av%202", Asked(tags=("k1:v1", "k2:v 2"))),
        (b"tags=a,b&tags=c,", Asked(tags=("a", "b", "c"))),
    ],
)
def test_a_query_is_decoded_once_and_completely(query: bytes, asked: Asked) -> None:
    assert decode_query(query, Asked) == asked


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        (b"name=a&name=a", QueryError, "`name` is more than once"),
        (b"name=a&%6eame=b", QueryError, "`name` is more than once"),
        (b"name=" + b"a" * 21, QueryError, "`$.name`"),
        (b"order=", QueryError, "`$.order`"),
        (b"name=%ff", QueryError, "cannot be read"),
        (b"name=\xff", QueryError, "cannot be read"),
        (b"&".join(b"x=1" for _ in range(201)), QueryError, "cannot be read"),
        (b"limit=0", LimitError, "`$.limit`"),
        (b"limit=1e1", LimitError, "`$.limit`"),
        (b"offset=%2D1", OffsetError, "`$.offset`"),
    ],
)
def test_a_query_that_cannot_be_read_is_named_by_its_kind(query: bytes, error: type[VacateError], says: str) -> None:
    with pytest.raises(error) as caught:
        decode_query(query, Asked)
    assert says in str(caught.value)


@given(
    st.binary(max_size=60)
    | st.lists(
        st.tuples(st.sampled_from(["name", "limit", "offset", "order", "tags"]) | st.text(max_size=3), st.text()),
        max_size=5,
    ).map(lambda pairs: urlencode(pairs, quote_via=quote_plus, errors="surrogatepass").encode())
)
def test_a_query_is_read_or_one_of_the_doors_own_errors(query: bytes) -> None:
    try:
        asked = decode_query(query, Asked)
    except (QueryError, LimitError, OffsetError):
        return
    assert 1 <= asked.limit <= 100
    assert 0 <= asked.offset < 2**31
