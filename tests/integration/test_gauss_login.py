"""Logins that servers of the Gauss family make wait or refuse, and in which words that is told."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.gauss.login_shim import BY_SHA256, SM3, LoginShim
from tests.support.in_process import vacate
from tests.support.postgres import PASSWORD, VACATE, eventually
from vacate.components.agent import GatewaySettings
from vacate.components.timeouts import Timeouts
from vacate.domain.errors import ComponentUnreachableError

in_the_pool = pytest.mark.parametrize("gauss_server", [True], indirect=True, ids=["pool"], scope="module")
either_scheme = pytest.mark.parametrize("scheme", ["gaussdb", "postgresql"])
pytestmark = in_the_pool


def through(shim: LoginShim, double: GaussDouble, *, scheme: str = "gaussdb", more: str = "") -> str:
    return f"{shim.dsn(VACATE, PASSWORD, scheme=scheme)}?{double.dsn().partition('?')[2]}{more}"


async def test_a_server_that_makes_more_workers_first_is_waited_for(gauss_server: GaussDouble, tmp_path: Path) -> None:
    timeouts = Timeouts(connect=timedelta(seconds=0.2), gauss_connect=timedelta(seconds=30))
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        shim.answers_after_s = 0.5
        async with vacate(tmp_path, through(shim, gauss_server), timeouts=timeouts) as service:
            await service.sweep()
        assert shim.logins.total() == 1


async def test_a_server_without_a_free_worker_sends_nobody_to_a_port_that_takes_nobody(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    timeouts = Timeouts(gauss_connect=timedelta(seconds=0.5))
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}, silent=True) as shim,
        vacate(tmp_path, through(shim, gauss_server), timeouts=timeouts) as service,
    ):
        with pytest.raises(ComponentUnreachableError) as refused:
            await service.sweep()
    said = str(refused.value)
    assert "no login within 0.5 s; open transactions may hold every worker" in said
    assert "try again" in said
    assert "SYSADMIN" in said
    assert "Unix socket of the HA port" in said
    assert "takes nobody over TCP" in said


@either_scheme
async def test_a_full_server_names_the_family_s_own_way_in(
    gauss_server: GaussDouble, tmp_path: Path, scheme: str
) -> None:
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        shim.full = True
        async with vacate(tmp_path, through(shim, gauss_server, scheme=scheme)) as service:
            with pytest.raises(ComponentUnreachableError) as refused:
                await service.sweep()
    said = str(refused.value)
    assert "current: 400, max_connections/reserved: 400/3" in said
    assert "sysadmin_reserved_connections" in said
    assert "MONADMIN is not enough" in said
    assert "pg_use_reserved_connections" not in said


@either_scheme
async def test_a_locked_role_is_not_tried_again_until_a_call_comes(
    gauss_server: GaussDouble, tmp_path: Path, scheme: str
) -> None:
    settings = GatewaySettings(check_every=timedelta(seconds=0.01))
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        shim.locks_after = 0
        async with vacate(tmp_path, through(shim, gauss_server, scheme=scheme), settings=settings) as service:
            service.gateway.start()

            async def is_told() -> bool:
                return "The account has been locked" in str(service.problem())

            await eventually(is_told)
            asked = shim.asked.total()
            await asyncio.sleep(0.3)
            assert shim.asked.total() == asked
            assert "only a call tries again" in str(service.problem())
            shim.locks_after = 10
            await service.sweep()
            assert service.problem() is None


@pytest.mark.parametrize(
    ("scheme", "more"), [("gaussdb", ""), ("gaussdb", "&sslmode=require"), ("postgresql", "&sslmode=require")]
)
async def test_a_server_that_agrees_to_encrypt_and_does_not_is_told_in_our_words(
    gauss_server: GaussDouble, tmp_path: Path, scheme: str, more: str
) -> None:
    async with LoginShim(gauss_server.port, {VACATE: PASSWORD}) as shim:
        shim.no_certificate = True
        async with vacate(tmp_path, through(shim, gauss_server, scheme=scheme, more=more)) as service:
            with pytest.raises(ComponentUnreachableError, match="cannot load its certificate") as refused:
                await service.sweep()
    assert "WRONG_VERSION" not in str(refused.value)
    assert "sslmode=disable" in str(refused.value)


@either_scheme
async def test_a_rule_that_says_sm3_is_not_taken_for_a_password_that_is_stored_so(
    gauss_server: GaussDouble, tmp_path: Path, scheme: str
) -> None:
    async with (
        LoginShim(gauss_server.port, {VACATE: PASSWORD}, code=SM3, stored_method=BY_SHA256) as shim,
        vacate(tmp_path, through(shim, gauss_server, scheme=scheme)) as service,
    ):
        with pytest.raises(ComponentUnreachableError, match=r"pg_hba\.conf says sm3"):
            await service.sweep()
