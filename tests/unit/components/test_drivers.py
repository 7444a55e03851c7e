"""The drivers' common shape: DSNs under one scheme, SQLSTATEs without classes, and an extra that may be missing."""

import sys

import asyncpg
import pytest

from vacate.components.drivers import DriverMissingError, gauss_driver, postgresql_driver, sqlstate, with_scheme
from vacate.domain.errors import ComponentUnreachableError


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "gaussdb", "opengauss", "OpenGauss"])
def test_a_dsn_keeps_everything_but_its_scheme(scheme: str) -> None:
    rest = "://us%40er:pa%3Ass@[::1]:8000/da%2Fta?sslmode=verify-full&options=a://b"

    assert with_scheme(f"{scheme}{rest}", "gaussdb") == f"gaussdb{rest}"


@pytest.mark.parametrize("dsn", ["mysql://h/d", "postgresql:/h/d", "h/d", ""])
def test_a_dsn_of_no_known_scheme_is_left_to_the_driver(dsn: str) -> None:
    assert with_scheme(dsn, "postgresql") == dsn


def test_only_a_servers_error_has_an_sqlstate() -> None:
    assert sqlstate(asyncpg.InvalidPasswordError("no")) == "28P01"
    assert [sqlstate(error) for error in (asyncpg.InterfaceError("closed"), OSError(), ValueError())] == [None] * 3


def test_a_server_that_gives_no_sqlstate_with_its_error_gives_none() -> None:
    assert sqlstate(asyncpg.PostgresError("odd")) is None


def test_each_driver_says_which_logins_it_speaks() -> None:
    assert (postgresql_driver().name, postgresql_driver().speaks_gauss) == ("asyncpg", False)
    assert (gauss_driver().name, gauss_driver().speaks_gauss) == ("async-gaussdb", True)


def test_the_drivers_share_no_class_of_error() -> None:
    ours = postgresql_driver().errors
    assert not any(issubclass(theirs, ours) for theirs in gauss_driver().errors)


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "async_gaussdb", None)
    gauss_driver.cache_clear()

    with pytest.raises(DriverMissingError, match=r"pip install 'vacate\[gaussdb\]' .*Python 3\.11 to 3\.13") as caught:
        gauss_driver()
    assert isinstance(caught.value, ComponentUnreachableError)


def test_a_driver_that_was_missing_is_found_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "async_gaussdb", None)
        gauss_driver.cache_clear()
        with pytest.raises(DriverMissingError):
            gauss_driver()

    assert gauss_driver().speaks_gauss
