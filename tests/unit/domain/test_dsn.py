"""A DSN is read as the drivers read it, or refused without a word of it being repeated."""

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vacate.domain.topology.dsn import Address, Dsn, DsnInvalidError, host_and_port, parse_dsn, user_of

SECRET = "hunter2"  # noqa: S105 - what must not be repeated.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://u:p@db1:6000/shop", "db1:6000"),
        ("postgres://u:p@DB1/shop", "db1:5432"),
        ("postgresql://u@[FE80::1]:6000/", "[fe80::1]:6000"),
        ("postgresql://db1/shop?user=u", "db1:5432"),
        ("gaussdb://u:p@10.0.0.1:8000/postgres", "10.0.0.1:8000"),
        ("opengauss://u:p%40x@10.0.0.1:8000/postgres?sslmode=require", "10.0.0.1:8000"),
        ("postgresql://u:a,b@db1/shop", "db1:5432"),
    ],
)
def test_it_tells_its_address(text: str, address: str) -> None:
    assert str(parse_dsn(text, "DSN 1").address) == address


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("postgresql://u:p@db1/shop?sslmode=require", "postgresql://u:p@db1:5432/shop?sslmode=require"),
        ("postgresql://db1/shop?user=u", "postgresql://db1:5432/shop?user=u"),
        ("gaussdb://u@db1:8000/", "gaussdb://u@db1:8000/"),
    ],
)
def test_the_port_is_in_the_text_from_then_on(given: str, text: str) -> None:
    assert parse_dsn(given, "").text == text


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://u:p@db1:6000/shop", "db1", 6000),
        ("postgresql://u:a,b@db1/shop", "", 0),
        ("postgresql://u:p@db1/shop", "db1", 0),
        ("postgresql://db1,db2/shop", "", 0),
        ("postgresql:///shop", "", 0),
        ("host=db1 port=6000", "", 0),
        ("postgresql://u:p@db1:port/shop", "", 0),
        ("", "", 0),
    ],
)
def test_a_dsn_that_nobody_checked_tells_its_one_host_and_port_or_none(text: str, host: str, port: int) -> None:
    assert host_and_port(text) == (host, port)


def test_it_does_not_show_its_text() -> None:
    assert SECRET not in repr(parse_dsn(f"postgresql://u:{SECRET}@db1/shop", ""))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be a URL"),
        (SECRET, "must be a URL"),
        (f"host=db1 password={SECRET}", "postgresql://user:password@db1:5432/database"),
        (f"host=db1,password={SECRET}", "keywords and values"),
        (f"mysql://u:{SECRET}@db1/shop", "must be a URL"),
        (f"postgresql://u:{SECRET}@db1\n/shop", "cannot be printed"),
        (f"postgresql://u:{SECRET}@db1:port/shop", "no URL that can be read"),
        (f"postgresql://u:{SECRET}@db1:65536/shop", "no URL that can be read"),
        (f"postgresql://u:{SECRET}@[db1/shop", "no URL that can be read"),
        (f"postgresql://u:{SECRET}@db1:0/shop", "port 0"),
        (f"postgresql://u:{SECRET}@db1,db2/shop", "one host"),
        (f"postgresql://u:{SECRET}@db1:1,db2:2/shop", "can be read"),
        (f"postgresql://u:{SECRET}@/shop", "one host"),
        (f"postgresql://u:{SECRET}@%2Ftmp/shop", "one host"),
        ("postgresql://db1,db2/shop?user=u", "one host"),
        (f"postgresql://:{SECRET}@db1/shop", "names no user"),
        (f"gaussdb://u:{SECRET}@db1/shop", "names no port"),
        (f"postgresql://u:{SECRET}@db1/shop?host=db2", "parameter host"),
        (f"postgresql://u:{SECRET}@db1/shop?host=", "parameter host"),
        (f"postgresql://u:{SECRET}@db1/shop?port=1", "parameter port"),
        (f"postgresql://u:{SECRET}@db1/shop?service=x", "parameter service"),
        (f"postgresql://u:{SECRET}#x@db1/shop", "can be read"),
        (f"postgresql://u:{SECRET}/x@db1/shop", "can be read"),
        (f"postgresql://u:12@{SECRET}@db1/shop", "%40"),
        (f"postgresql://u:12/{SECRET}@db1/shop", "%2F"),
        (f"postgresql://u:12?{SECRET}@db1/shop", "%3F"),
        (f"postgresql://u:12#{SECRET}@db1/shop", "%23"),
        ("postgresql://\udcffu@db1/shop", "cannot be printed"),
    ],
)
def test_what_does_not_lead_to_one_server_is_refused_and_not_repeated(text: str, reason: str) -> None:
    with pytest.raises(DsnInvalidError) as refused:
        parse_dsn(text, "DSN 2")
    said = str(refused.value)
    assert said.startswith("DSN 2 ")
    assert reason in said
    assert SECRET not in said
    assert refused.value.__cause__ is None


@given(password=st.text(min_size=1), host=st.sampled_from(["db1", "10.0.0.1", "fe80::1"]), port=st.integers(1, 65535))
def test_at_another_address_it_is_the_same_login(password: str, host: str, port: int) -> None:
    try:
        encoded = quote(password, safe="")
    except UnicodeEncodeError:
        return
    before = parse_dsn(f"postgresql://u:{encoded}@db0:1/shop?sslmode=require", "")
    after = before.at(Address(host=host, port=port))
    parts, wanted = urlsplit(after.text), urlsplit(before.text)
    assert (parts.hostname, parts.port) == (host, port)
    assert (parts.username, parts.password, parts.path, parts.query) == ("u", wanted.password, "/shop", wanted.query)
    assert parse_dsn(after.text, "") == after == Dsn(text=after.text, address=Address(host=host, port=port))


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("postgresql://vacate:secret@db:5432/postgres", "vacate"),
        ("gaussdb://Sess%40Mgr@db/postgres", "Sess@Mgr"),
        ("postgresql://db/postgres?user=vacate&sslmode=require", "vacate"),
        ("postgresql://db/postgres", ""),
        ("sqlite:////var/lib/vacate.db", ""),
        ("postgresql://[broken/postgres", ""),
    ],
)
def test_the_user_of_a_login_is_read_from_its_url(text: str, user: str) -> None:
    assert user_of(text) == user
