"""The Gauss family's login: which driver can do it, what every failure looks like, and why the challenge is read first.

What is said here of openGauss is said by the shim, which stands for it. PostgreSQL is PostgreSQL.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.gauss.login_shim import (
    BY_MD5,
    BY_SHA256,
    BY_SM3,
    IAM,
    MD5_SHA256,
    SHA256,
    SHA256_RFC,
    SM3,
    LoginShim,
)
from tests.support.postgres import PASSWORD, VACATE, LiveServer, eventually, installation_of
from vacate.components.challenge import Challenge, read_challenge
from vacate.components.drivers import (
    Connection,
    Driver,
    UnanswerableError,
    gauss_driver,
    postgresql_driver,
    sqlstate,
    with_scheme,
)
from vacate.demo.servers import HOST, Certificate, Workplace

# MD5 is told over TLS alone unless the DSN allows it.
ALLOWED = "?require_auth=md5,sha256"
NOTHING = dict[str, str]()
WITHIN_S = 10.0
ENCRYPTING = 15


@pytest.fixture(scope="module")
def behind(workplace: Workplace) -> Generator[LiveServer]:
    """The PostgreSQL behind the shim."""
    live = LiveServer.start(workplace, "behind-the-login-shim", installation_of(18))
    yield live
    live.server.stop("immediate")


@pytest.fixture
async def shim(behind: LiveServer) -> AsyncGenerator[LoginShim]:
    async with LoginShim(behind.port, {VACATE: PASSWORD}) as opened:
        yield opened


@pytest.fixture
async def connection(shim: LoginShim) -> AsyncGenerator[Connection]:
    opened = await gauss_driver().connect(shim.dsn(VACATE, PASSWORD), {"application_name": "vacate"})
    yield opened
    opened.terminate()


async def _refusal(driver: Driver, dsn: str) -> Exception:
    """What a login that must fail fails with, of those that a driver says it raises."""
    with pytest.raises(driver.errors) as caught:
        await driver.connect(dsn, NOTHING)
    return caught.value


# --- what works ------------------------------------------------------------------------------------------------------


async def test_the_gauss_driver_logs_in_and_the_server_knows_it_by_its_settings(
    shim: LoginShim, connection: Connection
) -> None:
    (row,) = await connection.fetch("SELECT current_user AS login, current_setting('application_name') AS name")

    assert dict(row) == {"login": VACATE, "name": "vacate"}
    assert list(row) == [VACATE, "vacate"]
    assert dict(shim.logins) == {"3.51": 1}


@pytest.mark.parametrize("scheme", ["gaussdb", "opengauss", "postgresql", "postgres", "GaussDB"])
async def test_each_driver_takes_a_dsn_of_every_scheme(behind: LiveServer, shim: LoginShim, scheme: str) -> None:
    for driver, dsn in (
        (gauss_driver(), shim.dsn(VACATE, PASSWORD, scheme=scheme)),
        (postgresql_driver(), f"{scheme}{behind.dsn().removeprefix('postgresql')}"),
    ):
        opened = await driver.connect(dsn, NOTHING)
        await opened.close(timeout=WITHIN_S)
        assert opened.is_closed()


async def test_parameters_of_every_kind_that_statements_use_come_back_as_they_went(connection: Connection) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    values = ("ä", ["a", "b,c"], at, timedelta(seconds=3), 2**62, [at, None], IPv4Address("10.0.0.1"))
    (row,) = await connection.fetch(
        "SELECT $1::text, $2::text[], $3::timestamptz, $4::interval, $5::bigint, $6::timestamptz[], $7::inet", *values
    )

    assert tuple(row) == values


@pytest.mark.parametrize("name", ["gauss", "postgresql"])
async def test_a_statement_for_each_row_of_arguments_is_one_transaction(
    behind: LiveServer, shim: LoginShim, name: str
) -> None:
    driver = {"gauss": gauss_driver, "postgresql": postgresql_driver}[name]()
    opened = await driver.connect(shim.dsn(VACATE, PASSWORD) if driver.speaks_gauss else behind.dsn(), NOTHING)
    try:
        rows = await opened.fetchmany(
            "SELECT $1::bigint AS number, $2::text[] AS names, transaction_timestamp() AS began,"
            " statement_timestamp() AS stated",
            [(1, ["a"]), (2, []), (3, ["b", "c"])],
        )
        assert [(row["number"], row["names"]) for row in rows] == [(1, ["a"]), (2, []), (3, ["b", "c"])]
        assert len({row["began"] for row in rows}) == 1
        assert len({row["stated"] for row in rows}) == 3

        with pytest.raises(driver.errors) as caught:
            await opened.fetchmany("SELECT 1 / $1::int AS one", [(1,), (0,), (1,)])
        assert sqlstate(caught.value) == "22012"
        assert dict((await opened.fetch("SELECT 1 AS one"))[0]) == {"one": 1}
    finally:
        opened.terminate()


async def test_a_statement_that_is_given_up_is_cancelled_on_the_server(
    behind: LiveServer, shim: LoginShim, connection: Connection
) -> None:
    async def asleep() -> bool:
        return bool(await behind.pids("query LIKE 'SELECT pg_sleep%' AND state = 'active'"))

    async def awake() -> bool:
        return not await asleep()

    sleeping = asyncio.create_task(_fetch(connection, "SELECT pg_sleep(600)"))
    await eventually(asleep)
    sleeping.cancel()
    with suppress(asyncio.CancelledError):
        await sleeping
    await eventually(awake)

    assert shim.cancelled == 1


async def _fetch(connection: Connection, statement: str) -> None:
    await connection.fetch(statement)


async def test_a_password_that_is_stored_as_md5_satisfies_both_drivers(shim: LoginShim) -> None:
    shim.stored_method = BY_MD5
    for driver in (gauss_driver(), postgresql_driver()):
        opened = await driver.connect(shim.dsn(VACATE, PASSWORD) + ALLOWED, NOTHING)
        await opened.close(timeout=WITHIN_S)

    assert dict(shim.logins) == {"3.51": 1, "3.0": 1}


# --- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [(VACATE, "wrong"), ("nobody", PASSWORD)], ids=["password", "user"])
@pytest.mark.parametrize("stored", [BY_MD5, 2], ids=["md5", "sha256"])
async def test_a_wrong_login_is_denied(shim: LoginShim, login: tuple[str, str], stored: int) -> None:
    shim.stored_method = stored
    error = await _refusal(gauss_driver(), shim.dsn(*login) + ALLOWED)

    assert sqlstate(error) == "28P01"
    assert str(error) == "Invalid username/password,login denied."
    assert not shim.logins


async def test_what_the_server_says_after_the_proof_arrives(shim: LoginShim) -> None:
    error = await _refusal(gauss_driver(), shim.dsn(VACATE, PASSWORD, "nowhere"))

    assert sqlstate(error) == "3D000"


async def test_the_driver_of_postgresql_finds_no_way_to_log_in_that_it_knows(shim: LoginShim) -> None:
    error = await _refusal(postgresql_driver(), shim.dsn(VACATE, PASSWORD))

    assert str(error) == "unsupported SASL Authentication methods requested by the server: ''"
    assert sqlstate(error) is None


async def test_the_gauss_driver_takes_scram_for_a_way_to_store_passwords(behind: LiveServer) -> None:
    error = await _refusal(gauss_driver(), behind.dsn())

    assert str(error) == "The password-stored method 1396920897 is not supported, must be plain, md5 or sha256."
    assert sqlstate(error) is None


async def test_the_gauss_driver_is_denied_where_a_right_password_has_other_iterations(shim: LoginShim) -> None:
    """The driver's own fault: it counts to 10000 whatever the server says. When it is mended, this fails."""
    import async_gaussdb  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - without what Vacate reads first.

    shim.iterations = 20000
    with pytest.raises(gauss_driver().errors) as caught:
        await async_gaussdb.connect(shim.dsn(VACATE, PASSWORD))  # pyright: ignore[reportUnknownMemberType]

    assert sqlstate(caught.value) == "28P01"


@pytest.mark.parametrize(
    ("code", "stored", "iterations", "remedy"),
    [
        pytest.param(SHA256, 2, 20000, "auth_iteration_count = 10000", id="other_iterations"),
        pytest.param(SHA256, BY_SM3, 10000, "password_encryption_type = 2", id="stored_as_sm3"),
        pytest.param(SM3, BY_SM3, 10000, "password_encryption_type = 2", id="sm3"),
        pytest.param(SM3, BY_SHA256, 10000, "pg_hba.conf says sm3", id="sm3_for_a_password_in_sha256"),
        pytest.param(MD5_SHA256, 2, 10000, "pg_hba.conf say sha256", id="md5_of_sha256"),
        pytest.param(SHA256_RFC, 2, 10000, "pg_hba.conf say sha256", id="rfc"),
        pytest.param(IAM, 2, 10000, "pg_hba.conf say sha256", id="token"),
    ],
)
async def test_a_challenge_that_no_password_satisfies_is_refused_with_its_remedy(
    shim: LoginShim, code: int, stored: int, iterations: int, remedy: str
) -> None:
    shim.code, shim.stored_method, shim.iterations = code, stored, iterations

    with pytest.raises(UnanswerableError, match=remedy):
        await gauss_driver().connect(shim.dsn(VACATE, PASSWORD), NOTHING)


@pytest.mark.parametrize("module", ["async_gaussdb", "asyncpg"])
async def test_one_challenge_ends_the_process_of_either_driver(shim: LoginShim, module: str) -> None:
    """Why the challenge is read first. When a driver is mended, this fails, and it need not be read for it."""
    shim.code = MD5_SHA256
    dsn = shim.dsn(VACATE, PASSWORD, scheme="gaussdb" if module == "async_gaussdb" else "postgresql")
    program = f"import asyncio, {module} as driver\nasyncio.run(driver.connect({dsn!r}))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=subprocess.DEVNULL)

    assert await asyncio.wait_for(process.wait(), 60) < 0


# --- servers that do not answer --------------------------------------------------------------------------------------


async def test_a_server_whose_workers_are_all_held_takes_the_link_and_never_the_login(shim: LoginShim) -> None:
    shim.silent = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await gauss_driver().connect(shim.dsn(VACATE, PASSWORD), NOTHING)
    assert await read_challenge(shim.dsn(VACATE, PASSWORD), within_s=0.2) is None

    shim.silent = False
    opened = await gauss_driver().connect(shim.dsn(VACATE, PASSWORD), NOTHING)
    await opened.close(timeout=WITHIN_S)


async def test_sessions_end_with_the_shim(behind: LiveServer) -> None:
    async with LoginShim(behind.port, {VACATE: PASSWORD}) as opened:
        connection = await gauss_driver().connect(opened.dsn(VACATE, PASSWORD), {"application_name": "leaves"})
        assert await behind.pids("application_name = 'leaves'")

    async def none_is_left() -> bool:
        return connection.is_closed() and not await behind.pids("application_name = 'leaves'")

    await eventually(none_is_left)


# --- the challenge ---------------------------------------------------------------------------------------------------


async def test_the_challenge_tells_how_the_password_is_stored(shim: LoginShim) -> None:
    shim.iterations = 20000
    challenge = await read_challenge(shim.dsn(VACATE, "whatever"), within_s=WITHIN_S)

    assert challenge == Challenge(code=10, stored_method=2, iterations=20000)
    assert not shim.logins


async def test_the_challenge_of_postgresql_is_its_code_alone(behind: LiveServer) -> None:
    assert await read_challenge(behind.dsn(), within_s=WITHIN_S) == Challenge(code=10)


async def test_a_server_that_is_not_there_has_no_challenge() -> None:
    listener = await asyncio.start_server(lambda _reader, _writer: None, HOST, 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()

    assert await read_challenge(f"gaussdb://vacate:x@{HOST}:{port}/postgres", within_s=WITHIN_S) is None


async def test_a_server_that_cannot_encrypt_is_not_asked_where_the_dsn_wants_it(shim: LoginShim) -> None:
    dsn = shim.dsn(VACATE, PASSWORD)
    answers = {
        mode: await read_challenge(f"{dsn}?sslmode={mode}", within_s=WITHIN_S)
        for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
    }

    asked = Challenge(code=10, stored_method=2, iterations=10000)
    assert answers == {
        "disable": asked,
        "allow": asked,
        "prefer": asked,
        "require": None,
        "verify-ca": None,
        "verify-full": None,
    }


async def test_an_encrypted_challenge_is_read_from_the_server_that_the_dsn_trusts(
    workplace: Workplace, tmp_path: Path
) -> None:
    live = LiveServer.start(workplace, "encrypted-challenge", installation_of(ENCRYPTING))
    live.server.encrypt(_self_signed(tmp_path))
    await asyncio.to_thread(live.server.restart)
    dsn = with_scheme(live.dsn(), "gaussdb")
    trusted = f"sslrootcert={tmp_path}/server.crt"
    answers = {
        said: await read_challenge(f"{dsn}?sslmode={said}", within_s=WITHIN_S)
        for said in ("prefer", "require", "verify-full", "verify-full&sslrootcert=/nowhere")
    }
    named = f"{dsn.replace(HOST, 'localhost')}?{trusted}&sslmode="
    encrypted = [
        await read_challenge(f"{dsn}?sslmode=verify-full&{trusted}", within_s=WITHIN_S),
        await read_challenge(f"{named}verify-ca", within_s=WITHIN_S),
        await read_challenge(f"{named}verify-full", within_s=WITHIN_S),
    ]
    live.server.stop("immediate")

    found = Challenge(code=10)
    nothing = {"verify-full": None, "verify-full&sslrootcert=/nowhere": None}
    assert answers == {"prefer": found, "require": found} | nothing
    # The certificate is for the address, and not for the name.
    assert encrypted == [found, found, None]


def _self_signed(directory: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server.example.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(certificate=directory / "server.crt", key=directory / "server.key")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files


async def test_whoever_loses_patience_while_it_hangs_up_leaves_no_link() -> None:
    arrived, hung_up = asyncio.Event(), asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        with suppress(OSError):
            while True:
                await reader.read(1024)
                # It does not hang up itself; once nobody is at the other end, this fails.
                writer.write(b"N")
                await writer.drain()
                await asyncio.sleep(0.01)
        hung_up.set()

    server = await asyncio.start_server(listen, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        asking = asyncio.create_task(
            read_challenge(f"gaussdb://vacate:x@{HOST}:{port}/postgres?sslmode=disable", within_s=None)
        )
        await arrived.wait()
        while not asking.done():
            asking.cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await hung_up.wait()
