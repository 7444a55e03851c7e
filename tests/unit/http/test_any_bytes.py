"""Whatever bytes arrive, the answer is one of ours, and never that the server failed."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fakes import Switch
from tests.support.memory_credentials import MemoryCredentials
from tests.support.memory_requests import MemoryRequests
from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.support.set_clock import SetClock
from tests.unit.http import admin_door
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.compatible_door import Operations
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Doorman, Tally
from tests.unit.http.test_health import UP, writable
from vacate.api.operation import Operation
from vacate.api.signing import sign
from vacate.http.admin.routes import AdminDoor
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.gaussdb_v3.routes import GaussdbV3Door
from vacate.http.health import AuditProblems, HealthDoor
from vacate.http.iam_v3.routes import OPERATIONS as SIGN_IN_CALLS
from vacate.http.iam_v3.routes import IamV3Door
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.iam.limits import sign_in_limits
from vacate.iam.lockout import Lockout
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import TokenService
from vacate.operations.access.ports import Project

KILL = f"/v3/{PROJECT}/instances/{INSTANCE.id}/kill-free-session"


@dataclass(kw_only=True)
class House:
    """Every door there is, over the real ways to tell who asks."""

    runner: asyncio.Runner
    passwords: Passwords = field(
        default_factory=lambda: Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    )
    credentials: MemoryCredentials = field(default_factory=MemoryCredentials)
    clock: SetClock = field(default_factory=SetClock)
    sealer: Sealer = field(default_factory=lambda: Sealer(bytes(32)))

    def __post_init__(self) -> None:
        self.projects = KnownProjects([Project(id=PROJECT, name="north-1")], self.credentials)
        # A lock would answer everything that comes after a few wrong guesses.
        limits = sign_in_limits(lockout_after=0, lockout_for=timedelta(0), per_second=0, seconds=self.clock.seconds)
        self.tokens = TokenService(
            credentials=self.credentials,
            passwords=self.passwords,
            projects=self.projects,
            limits=limits,
            clock=self.clock,
        )
        directory = UserDirectory(
            credentials=self.credentials, passwords=self.passwords, sealer=self.sealer, clock=self.clock
        )
        self.key = self.runner.run(self._furnish(directory))

    async def _furnish(self, directory: UserDirectory) -> IssuedAccessKey:
        await directory.add_user(name="olga", domain="default", password="long secret")  # noqa: S106 - the tests' own
        return await directory.create_access_key(name="olga", domain="default")

    def _temporary_keys(self) -> TemporaryKeyService:
        return TemporaryKeyService(
            credentials=self.credentials,
            tokens=self.tokens,
            sealer=self.sealer,
            throttle=Throttle(per_second=0),
            clock=self.clock,
        )

    def ask(
        self,
        method: str,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        parts: list[bytes],
        *,
        known: bool = False,
    ) -> Answer:
        """Send it; with `known` the sender is taken at their word, so that the call gets further."""
        real = RequestAuthenticator(
            credentials=self.credentials,
            sealer=self.sealer,
            tokens=self.tokens,
            lockout=Lockout(after=0, hold=timedelta(0), seconds=self.clock.seconds),
            throttle=Throttle(per_second=0),
            replays=Replays(seen=MemoryRequests(), clock=self.clock, seconds=self.clock.seconds),
            clock=self.clock,
        )
        gate = Gate(Doorman() if known else real, Tally())
        operations = Operations()
        routes = [
            *GaussdbV3Door(gate=gate, served=operations.served).routes(),
            *AdminDoor(gate=gate, served=admin_door.Operations().served).routes(),
            *IamV3Door(
                gate=gate, tokens=self.tokens, temporary_keys=self._temporary_keys(), projects=self.projects
            ).routes(),
            *HealthDoor(
                health=lambda: [UP],
                freezes=Switch().standing,
                check_store=writable,
                audit=AuditProblems,
                failures=Tally(),
                exposition=lambda: b"",
                content_type="text/plain",
            ).routes(),
        ]
        log = RememberingLog()
        caller = Caller(parts=parts or [b""])
        answer = self.runner.run(call(build_app(routes, log), method, target, headers=headers, caller=caller))
        assert log.failures == []
        assert answer.status < 500
        if answer.status >= 400:
            assert answer.refusal[0] == answer.status
        assert not 300 <= answer.status < 400
        assert answer.status == log.answers[0]["status"]
        return answer


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with asyncio.Runner() as runner:
        built = House(runner=runner)
        yield built
        built.passwords.close()


# --- what is sent ----------------------------------------------------------------------------------------------------

SCHEME = b"SDK-HMAC-SHA256 "
NAMES = st.sampled_from(
    [
        *(
            b"authorization",
            b"x-sdk-date",
            b"x-sdk-content-sha256",
            b"x-auth-token",
            b"x-subject-token",
            b"x-security-token",
            b"x-project-id",
            b"x-request-id",
        ),
        *(b"host", b"content-length", b"content-type", b"transfer-encoding", b"connection"),
    ]
)
VALUES = st.binary(max_size=40) | st.sampled_from(
    [b"", b"0", b"20260102T030405Z", b"UNSIGNED-PAYLOAD", b"9" * 5000, SCHEME, b"Bearer x", "é".encode()]
)


@st.composite
def authorizations(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """What looks like an Authorization header, with parts of any bytes."""
    access_key = draw(st.binary(max_size=10) | st.just(b"KEY"))
    names = b";".join(draw(st.lists(NAMES | st.binary(max_size=10), max_size=4)))
    signature = draw(st.binary(max_size=10) | st.just(b"0" * 64))
    return b"authorization", SCHEME + b"Access=%b, SignedHeaders=%b, Signature=%b" % (access_key, names, signature)


HEADERS = st.lists(st.tuples(NAMES | st.binary(max_size=12), VALUES) | authorizations(), max_size=6)

SEGMENTS = st.sampled_from(KILL.encode().split(b"/") + b"/v3/auth/tokens/healthz/%2F/%00/../?".split(b"/"))
TARGETS = (
    st.sampled_from([KILL.encode(), b"/healthz", b"/readyz", b"/metrics"])
    | st.sampled_from([call.path.encode() for call in SIGN_IN_CALLS])
    | st.lists(SEGMENTS | st.binary(max_size=8), max_size=7).map(b"/".join)
    | st.binary(max_size=60)
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"]) | st.text(max_size=6)

SIGN_IN = {
    "auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": "olga", "password": "long secret"}}},
        "scope": {"project": {"name": "north-1"}},
    }
}
TEMPORARY_KEY = {"auth": {"identity": {"methods": ["token"], "token": {"id": "x", "duration_seconds": 900}}}}
GOOD_BODIES = [
    json.dumps({"node_id": COMPONENT.node_id, "component_id": COMPONENT.id}).encode(),
    json.dumps(SIGN_IN).encode(),
    json.dumps(TEMPORARY_KEY).encode(),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body with some bytes of it replaced by others, or by more, or by none."""
    body = draw(st.sampled_from(GOOD_BODIES))
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 12)))
    return body[:start] + draw(st.binary(max_size=12)) + body[end:]


BODIES = st.lists(st.binary(max_size=60) | st.sampled_from(GOOD_BODIES) | damaged(), max_size=3)
many = settings(deadline=None, max_examples=300)


@many
@given(method=METHODS, target=TARGETS, headers=HEADERS, parts=BODIES)
def test_whatever_arrives_gets_an_answer_of_ours(
    house: House, method: str, target: bytes, headers: list[tuple[bytes, bytes]], parts: list[bytes]
) -> None:
    house.ask(method, target, headers, parts)


@many
@given(project=st.binary(max_size=40), instance=st.binary(max_size=40), body=damaged() | st.binary(max_size=80))
def test_whatever_a_known_sender_names_gets_an_answer_of_ours(
    house: House, project: bytes, instance: bytes, body: bytes
) -> None:
    target = b"/v3/" + (project or PROJECT.encode()) + b"/instances/" + (instance or INSTANCE.id.encode())
    house.ask("POST", target + b"/kill-free-session", [], [body], known=True)
    house.ask("POST", KILL.encode(), [], [body], known=True)
    house.ask("POST", b"/v3/auth/tokens", [], [body])
    house.ask("POST", b"/v3.0/OS-CREDENTIAL/securitytokens", [], [body])


QUERIES = st.lists(
    st.tuples(
        st.sampled_from([b"name", b"page", b"per_page", b"enabled", b"is_domain", b"domain_id", b"nocatalog"]),
        st.binary(max_size=20) | st.sampled_from([b"1", b"0", b"-1", b"true", b"null", b"9" * 5000, b"%ff", b"%00"]),
    ).map(b"=".join),
    max_size=5,
).map(b"&".join)


@many
@given(query=QUERIES | st.binary(max_size=40), host=VALUES, operation=st.sampled_from(SIGN_IN_CALLS))
def test_whatever_a_known_sender_asks_for_gets_an_answer_of_ours(
    house: House, query: bytes, host: bytes, operation: Operation
) -> None:
    target = operation.path.encode() + b"?" + query
    house.ask(operation.method, target, [(b"host", host)], [b""], known=True)


@many
@given(header=st.sampled_from(["authorization", "x-sdk-date", "host"]), data=st.data())
def test_a_signed_call_with_one_damaged_header_is_refused(house: House, header: str, data: st.DataObject) -> None:
    body = GOOD_BODIES[0]
    signed = sign(
        method="POST",
        url="http://service.test" + KILL,
        headers={"Content-Type": "application/json"},
        body=body,
        access_key=house.key.access_key,
        secret=house.key.secret_key.encode(),
        at=house.clock(),
    )
    headers = {name.lower(): value.encode() for name, value in signed.items()}
    assert house.ask("POST", KILL.encode(), _pairs(headers), [body]).json == {"success": True}

    value = headers[header]
    at = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.binary(max_size=3).filter(lambda new: new.strip() != value[at : at + 1].strip()))
    headers[header] = value[:at] + other + value[at + 1 :]
    if _reads_the_same(headers[header], value):
        return
    assert house.ask("POST", KILL.encode(), _pairs(headers), [body]).status == 401


def _pairs(headers: dict[str, bytes]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in headers.items()]


def _reads_the_same(damaged_value: bytes, value: bytes) -> bool:
    """White space around a value, and after the commas of an Authorization, means nothing."""
    return b"".join(damaged_value.split(b" ")).strip() == b"".join(value.split(b" ")).strip()
