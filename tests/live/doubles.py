"""The doubles that the suite runs on where there is no real server."""

import asyncio
import threading
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.live.server import FamilyServer
from tests.support.gauss.double import GaussDouble
from tests.support.gauss.login_shim import LoginShim
from tests.support.postgres import APP, PASSWORD, VACATE, installation_of
from vacate.components.drivers import gauss_driver, postgresql_driver
from vacate.components.recognition import recognise
from vacate.demo.servers import Workplace

T = TypeVar("T")

_PATIENCE_S = 15.0
_TAKES = (
    "DELETE FROM gauss.attributes WHERE role = CAST('vacate' AS regrole)",
    "REVOKE gs_role_signal_backend FROM vacate",
)
_GIVES = (
    """INSERT INTO gauss.attributes (role, monitor_admin) SELECT CAST('vacate' AS regrole), true
        ON CONFLICT (role) DO UPDATE SET monitor_admin = true""",
    "GRANT gs_role_signal_backend TO vacate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """A double on one PostgreSQL, with its thread pool on or off.

    With `own_login` everybody logs in as the family does, over the family's own driver.
    """

    major: int
    pool: bool
    own_login: bool = False

    def __str__(self) -> str:
        return f"{'pool' if self.pool else 'threads'}-{self.major}{'-own-login' if self.own_login else ''}"

    @contextmanager
    def started(self, workplace: Workplace) -> Generator[FamilyServer]:
        """It runs inside the block."""
        engine = "gaussdb" if self.pool else "opengauss"
        settings = {"max_connections": "120"}
        double = GaussDouble.start(
            workplace, f"live-{self}", installation_of(self.major), engine=engine, pool=self.pool, settings=settings
        )
        shim = LoginShim(double.port, {VACATE: PASSWORD, APP: PASSWORD}) if self.own_login else None
        with _in_background(shim) if shim else nullcontext():
            yield FamilyServer(
                name=str(recognise(double.server.psql("SELECT gauss.version()"))),
                administrator=_as_superuser(double),
                vacate=_dsn(double, shim, VACATE),
                app=_dsn(double, shim, APP),
                driver=gauss_driver() if shim else postgresql_driver(),
                takes_rights=_TAKES,
                gives_rights=_GIVES,
            )
        double.server.stop("immediate")


DOUBLES = (
    Double(major=15, pool=True, own_login=True),
    Double(major=18, pool=True),
    Double(major=18, pool=False),
)


def _dsn(double: GaussDouble, shim: LoginShim | None, user: str) -> str:
    dsn = double.dsn(user)
    if shim is None:
        return dsn
    return dsn.replace("postgresql://", "gaussdb://").replace(f":{double.port}/", f":{shim.port}/")


def _as_superuser(double: GaussDouble) -> str:
    return f"{double.server.superuser_dsn}?{double.dsn().partition('?')[2]}"


@contextmanager
def _in_background(shim: LoginShim) -> Generator[None]:
    """The shim outlives the event loops of the tests, so it has a loop of its own, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(_PATIENCE_S)

    try:
        run(shim.__aenter__())
        try:
            yield
        finally:
            run(shim.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
