"""The double answers as real openGauss servers did: every step of what was recorded on them is played on it.

`NOT_PLAYED` lists the steps that a schema on PostgreSQL cannot answer so, and why. A step of the list that begins to
match fails the test as well as one that ceases to.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.gauss.login_shim import LoginShim
from tests.support.postgres import PASSWORD, eventually
from vacate.components.drivers import Connection, gauss_driver, sqlstate
from vacate.demo.servers import Installation, Workplace

Rows = list[dict[str, Any]]
Step = dict[str, Any]

CORPUS = Path(__file__).parents[1] / "support" / "gauss" / "corpus"
RECORDED = sorted(path.stem for path in CORPUS.glob("*.json"))
STREAM_THREADS = 12

NOT_PLAYED = {
    "internal threads": "PostgreSQL has none of the family's; a test puts in those that it is about",
}
"""Steps that the double does not answer as the servers did, each with the reason."""

TRANSLATED: Sequence[tuple[str, str]] = (
    # SHOW knows PostgreSQL's settings alone.
    (r"^show (\w+)$", r"""SELECT current_setting('\1') AS "\1" """),
    # The double's own schema stands before PostgreSQL's.
    (r"'pg_catalog\.pg_stat_activity'::regclass", "'gauss.pg_stat_activity'::regclass"),
    (r"nspname='pg_catalog'", "nspname='gauss'"),
)
"""What is said in other words to the double, because its grammar is PostgreSQL's."""

IDS = re.compile(r"pg_terminate_session\((\d+),(\d+)\)")
NOBODY = {("0", "0"), ("12345", "99999999")}
USERS = {
    "MONADMIN": "rec_mon",
    "MONADMIN without the right": "rec_look",
    "plain user": "rec_other",
    "sysadmin": "admin",
}
"""Who asks, by how the corpus names them."""


def read(name: str) -> tuple[str, list[Step]]:
    """The version that a server said, and its steps, with every row by itself."""
    recorded = json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
    steps: list[Step] = recorded["steps"]
    for step in steps:
        if step.get("sql") == "the view":
            step["sql"] = recorded["view"]
        if "rows" in step:
            step["rows"] = [
                {key: value for key, value in row.items() if key != "times"}
                for row in step["rows"]
                for _ in range(row.get("times", 1))
            ]
    return steps[0]["rows"][0]["version"], steps


def setting(steps: list[Step], name: str) -> str:
    """What a recorded server answered to SHOW."""
    (step,) = [step for step in steps if step.get("sql") == f"show {name}"]
    return str(step["rows"][0][name])


class Player:
    """Plays the steps on a double, in order: arranges what a step is about, asks, and gives the answer."""

    def __init__(self, double: GaussDouble, shim: LoginShim) -> None:
        self.double = double
        self.shim = shim
        self.sessions: dict[str, Connection] = {}
        self.running: asyncio.Task[object] | None = None
        self.ids: dict[str, tuple[int, int]] = {}

    async def open(self, user: str, application: str, password: str = PASSWORD) -> Connection:
        """A session that logs in and does nothing."""
        connection = await gauss_driver().connect(self.shim.dsn(user, password), {"application_name": application})
        self.sessions[application] = connection
        return connection

    async def close(self) -> None:
        """End what is open."""
        await self.stop()
        for connection in self.sessions.values():
            connection.terminate()

    async def settles(self, application: str, state: str) -> None:
        """Wait until PostgreSQL itself says that a session is in a state."""
        await eventually(lambda: self.double.pids("application_name = $1 AND state = $2", application, state))

    async def run(self, application: str, *statements: str, ends: str = "idle") -> None:
        """Have a session run statements; one that fails is a part of what is played."""
        for statement in statements:
            with suppress(*gauss_driver().errors):
                await self.sessions[application].fetch(statement)
        await self.settles(application, ends)

    async def idle(self, application: str, *statements: str, ends: str = "idle") -> None:
        """A session of the application that ran its statements."""
        await self.open("rec_app", application)
        await self.run(application, *statements, ends=ends)

    async def busy(self, application: str, statement: str) -> None:
        """Have a session run a statement that lasts."""
        self.running = asyncio.create_task(self._last(application, statement))
        await self.settles(application, "active")

    async def _last(self, application: str, statement: str) -> object:
        return await self.sessions[application].fetch(statement)

    async def stop(self) -> None:
        """Cancel the statement that lasts."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
            self.running = None

    async def ids_of(self, application: str) -> tuple[int, int]:
        """The pid and the id of a session as an administrator is shown them."""
        question = "SELECT pid, sessionid FROM pg_stat_activity WHERE application_name = $1 AND client_port IS NOT NULL"
        (row,) = await self.sessions["rec_admin"].fetch(question, application)
        return row["pid"], row["sessionid"]

    async def ask(self, step: Step) -> Step:
        """What the double answers."""
        sql = str(step["sql"])
        for pattern, words in TRANSLATED:
            sql = re.sub(pattern, words, sql)
        told = IDS.search(sql)
        if told and told.groups() not in NOBODY:
            pid, session_id = await self._named(step["step"])
            # A pid that belongs to nobody was wrong on purpose.
            wrong = "12345" if told[1] == "12345" else str(pid)
            sql = IDS.sub(f"pg_terminate_session({wrong},{session_id})", sql)
        arguments = (self.application,) if "$1" in sql else ()
        connection = self.sessions[_asks(step)]
        try:
            rows = await connection.fetch(sql, *arguments)
        except gauss_driver().errors as error:
            return {"error": _error(error)}
        return {"rows": [dict(row) for row in rows]}

    application = ""
    """Whose rows the view is asked for."""

    async def _named(self, step: str) -> tuple[int, int]:
        """Whom a step ends. Who is gone already is named as it was."""
        application = VICTIMS[step]
        if application not in self.ids:
            self.ids[application] = await self.ids_of(application)
        return self.ids[application]

    async def is_alive(self, application: str) -> bool:
        """Whether a session can still run a statement."""
        try:
            await self.sessions[application].fetch("select 1")
        except (OSError, *gauss_driver().errors):
            return False
        return True

    async def log_in(self, user: str, application: str, password: str = PASSWORD) -> Step:
        """What becomes of a login."""
        try:
            connection = await self.open(user, application, password)
        except gauss_driver().errors as error:
            return {"error": _error(error)}
        connection.terminate()
        return {"rows": [{"let_in": True}]}


def _error(error: Exception) -> dict[str, str | None]:
    return {"sqlstate": sqlstate(error), "message": str(error).splitlines()[0]}


def _asks(step: Step) -> str:
    """The application by which whoever asks is connected."""
    user = USERS[step["as"]]
    return "rec_admin" if user == "admin" else user


VICTIMS = {
    "terminate without gs_role_signal_backend: pg_terminate_session(pid, sessionid) of an idle session": "rec_idle",
    "pg_terminate_session(a wrong pid, the right sessionid) of an idle session": "rec_idle",
    "pg_terminate_session(pid, sessionid) of an idle session": "rec_idle",
    "the same once more, when it is gone": "rec_idle",
    "terminate the session with a temporary table": "rec_temp",
    "a MONADMIN with gs_role_signal_backend ends a SYSADMIN session": "rec_sys",
}
"""Whom a step ends, by application."""


async def _never(player: Player) -> None:
    await player.open("rec_app", "rec_never")


async def _active(player: Player) -> None:
    await player.idle("rec_active", "select 1")
    await player.busy("rec_active", "select 7 from pg_sleep(3)")


async def _aborted(player: Player) -> None:
    await player.run("rec_intx", "select 1/0", "select * from nowhere", ends="idle in transaction (aborted)")


async def _advisory(player: Player) -> None:
    await player.run("rec_intx", "rollback")
    await player.idle("rec_advisory", "select pg_advisory_lock(42)")


async def _administrator(player: Player) -> None:
    await player.open("rec_sys", "rec_sys")
    await player.run("rec_sys", "select 1")


async def _parallel(player: Player) -> None:
    player.double.parallel("rec_parallel", STREAM_THREADS)
    player.double.server.psql(
        "CREATE VIEW public.rec_big AS SELECT 1 AS i, CAST(pg_sleep(600) AS text) AS t;"
        "GRANT SELECT ON public.rec_big TO PUBLIC;"
    )
    await player.open("rec_app", "rec_parallel")
    await player.busy(
        "rec_parallel",
        "select count(*) from public.rec_big a join public.rec_big b using(i) where length(a.t||b.t)>0",
    )


async def _after_parallel(player: Player) -> None:
    await player.stop()
    await player.settles("rec_parallel", "idle")


ARRANGED: dict[str, Callable[[Player], Awaitable[None]]] = {
    "logged in, never ran a statement": _never,
    "idle after a statement": lambda player: player.idle("rec_idle", "select 1"),
    "active": _active,
    "idle in transaction": lambda player: player.idle("rec_intx", "begin", "select 1", ends="idle in transaction"),
    "idle in transaction (aborted)": _aborted,
    "idle with a session-level advisory lock": _advisory,
    "idle with a temporary table": lambda player: player.idle(
        "rec_temp", "create temp table rec_t(i int)", "select count(*) from rec_t"
    ),
    "a MONADMIN with gs_role_signal_backend ends a SYSADMIN session": _administrator,
    "a parallel statement (query_dop=4): one row per stream thread, all with the same sessionid": _parallel,
    "… after it": _after_parallel,
}
"""What is done before a step asks."""

SEEN = {
    "logged in, never ran a statement": "rec_never",
    "idle after a statement": "rec_idle",
    "active": "rec_active",
    "idle in transaction": "rec_intx",
    "idle in transaction (aborted)": "rec_intx",
    "idle with a session-level advisory lock": "rec_advisory",
    "idle with a temporary table": "rec_temp",
    "track_activities off in the session": "rec_disabled",
    "a parallel statement (query_dop=4): one row per stream thread, all with the same sessionid": "rec_parallel",
    "… after it": "rec_parallel",
}
"""Whose rows a step asks for."""


async def _untracked(player: Player) -> Step:
    connection = await player.open("rec_app", "rec_disabled")
    try:
        await connection.fetch("set track_activities=off")
    except gauss_driver().errors as error:
        return {"error": _error(error)}
    finally:
        await player.settles("rec_disabled", "idle")
    return {}


async def _wrong(player: Player, attempts: int) -> Step:
    answer: Step = {}
    for _ in range(attempts):
        answer = await player.log_in("rec_other", "rec_wrong", "wrong")
    return answer


async def _cut_off(player: Player) -> Step:
    return {"rows": [{"alive": await player.is_alive("rec_idle")}]}


DONE: dict[str, Callable[[Player], Awaitable[Step]]] = {
    "set track_activities=off": _untracked,
    "… is its client cut off": _cut_off,
    "login with a wrong password, attempt 1": lambda player: _wrong(player, 1),
    "login with a wrong password, attempt 11": lambda player: _wrong(player, 10),
    "then with the right one": lambda player: player.log_in("rec_other", "rec_wrong"),
}
"""Steps that ask nothing, and what they are instead."""


async def play(player: Player, step: Step) -> Step:
    """Play one step."""
    title = step["step"]
    if arrange := ARRANGED.get(title):
        await arrange(player)
    if title.startswith("log in as application "):
        answer = await player.log_in(step["as"], title.removeprefix("log in as application "))
    elif done := DONE.get(title):
        answer = await done(player)
    else:
        player.application = SEEN.get(title, "")
        answer = await player.ask(step)
    if title == "active":
        await player.stop()
    return answer


def settled(answer: Step) -> Step:
    """An answer whose rows stand in an order of their own: the server's collation is not the double's."""
    rows: Rows | None = answer.get("rows")
    return {
        "error": answer.get("error"),
        "rows": None if rows is None else sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str)),
    }


@asynccontextmanager
async def played_on(double: GaussDouble) -> AsyncGenerator[Player]:
    """A player on the double, with the users of the corpus."""
    for user in ("rec_app", "rec_other"):
        double.user(user)
    for user in ("rec_mon", "rec_look"):
        double.monadmin(user)
    for user in ("admin", "rec_sys"):
        double.sysadmin(user)
    double.signaller("rec_mon")
    users = ("rec_app", "rec_other", "rec_mon", "rec_look", "rec_sys", "admin")
    async with AsyncExitStack() as stack:
        shim = await stack.enter_async_context(LoginShim(double.port, dict.fromkeys(users, PASSWORD)))
        player = Player(double, shim)
        stack.push_async_callback(player.close)
        await player.open("admin", "rec_admin")
        for user in ("rec_mon", "rec_look", "rec_other"):
            await player.open(user, user)
        yield player


@pytest.mark.parametrize("name", RECORDED)
async def test_the_double_answers_every_step_as_the_server_did(
    workplace: Workplace, installation: Installation, name: str
) -> None:
    version, steps = read(name)
    double = GaussDouble.start(
        workplace,
        f"corpus-{name}-{installation.major}",
        installation,
        engine="opengauss",
        pool=setting(steps, "enable_thread_pool") == "on",
        version=version,
        node_name=setting(steps, "pgxc_node_name"),
    )
    otherwise: dict[str, object] = {}
    try:
        async with played_on(double) as player:
            for step in steps:
                answer = settled(await play(player, step))
                if answer != settled(step):
                    otherwise[step["step"]] = {"the server": settled(step), "the double": answer}
    finally:
        double.server.stop("immediate")
    assert len(steps) == 68
    assert {step: told for step, told in otherwise.items() if step not in NOT_PLAYED} == {}
    assert set(otherwise) == set(NOT_PLAYED), "what is listed as not played is played by now"
