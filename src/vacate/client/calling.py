"""How every call is made: proved, sent, sent again where that is safe, and read."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from vacate.api.iam_v3 import calls as identity
from vacate.api.iam_v3 import sign_in as shapes
from vacate.api.operation import Operation
from vacate.client.credentials import AccessKey, Credentials, Password, Token, proved
from vacate.client.errors import ClientError, NoAnswerError, UnreachableError, UnreadableAnswerError
from vacate.client.exchange import Answer, Flow, Page, Pages, Pause, Request, Send, Unanswered
from vacate.client.requests import checked, decoded, endpoint_of, request_for
from vacate.client.retrying import Retries

ShapeT = TypeVar("ShapeT")
ItemT = TypeVar("ItemT")

SUBJECT_TOKEN_HEADER = "X-Subject-Token"  # noqa: S105 - a header's name
# A token is changed for a new one so long before its end.
_MARGIN = timedelta(minutes=5)
PAGE = 100
_UNAUTHENTICATED = 401


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Located(Protocol):
    """Whatever names a component: a row of `list_components`, a line of a plan, or a `Target`."""

    @property
    def instance_id(self) -> str:
        """The instance."""
        ...

    @property
    def node_id(self) -> str:
        """The node."""
        ...

    @property
    def component_id(self) -> str:
        """The component on that node."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One component, named by ids."""

    instance_id: str
    node_id: str
    component_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A token that was signed in for. It opens the project until `expires_at`."""

    token: str = field(repr=False)
    user: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What time it is, for signatures and tokens, and how much of it goes by, for waiting."""

    now: Callable[[], datetime] = _utc_now
    elapsed: Callable[[], float] = time.monotonic


class Caller:
    """What all calls share: the address, the project, the credential and the patience."""

    def __init__(
        self,
        endpoint: str,
        *,
        project_id: str,
        credentials: Credentials,
        retries: Retries,
        timeout: timedelta,
        clocks: Clocks,
    ) -> None:
        """Take what calls need; nothing is sent.

        Raises:
            ValueError: the endpoint is no address of a service.
        """
        self._endpoint = endpoint_of(endpoint)
        self._project_id = project_id
        self._credentials = credentials
        self._retries = retries
        self._timeout = timeout
        self._clocks = clocks
        self._token: SignedIn | None = None
        # Those that the client signed in for by itself, which it revokes when it is closed.
        self._tokens: list[Token] = []

    @property
    def endpoint(self) -> str:
        """The address that calls begin with."""
        return self._endpoint

    @property
    def project_id(self) -> str:
        """The project that calls are about."""
        return self._project_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._endpoint!r}, project_id={self._project_id!r})"

    # --- calls -------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        operation: Operation,
        shape: type[ShapeT],
        *,
        path: Mapping[str, str] | None = None,
        query: msgspec.Struct | None = None,
        body: msgspec.Struct | None = None,
    ) -> Flow[ShapeT]:
        """Make a call and read its answer."""
        answer = yield from self._call(operation, path=path, query=query, body=body)
        return decoded(answer, shape)

    def _call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: msgspec.Struct | None = None,
        body: msgspec.Struct | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Flow[Answer]:
        """Make a call."""
        named = {"project_id": self._project_id, **(path or {})}
        request = request_for(operation, endpoint=self._endpoint, path=named, query=query, body=body, headers=headers)
        credential = (yield from self._credential()) if operation.authenticated else None
        return (yield from self._exchange(operation, request, credential))

    def _exchange(self, operation: Operation, request: Request, credential: AccessKey | Token | None) -> Flow[Answer]:
        """Send a request, again where that is safe, and prove it anew each time: a signature is good once."""
        attempt = 0
        while True:
            now = self._clocks.now()
            reply = yield Send(request if credential is None else proved(request, credential, now))
            if reply is None:
                raise TypeError("a request was sent, and no reply was given")
            wait = self._retries.pause(operation, attempt, reply, now)
            if wait is None:
                break
            yield Pause(wait.total_seconds())
            attempt += 1
        if isinstance(reply, Unanswered):
            raise self._unanswered(operation, reply)
        if reply.status == _UNAUTHENTICATED:
            self._token = None
        return checked(reply, now)

    def _unanswered(self, operation: Operation, reply: Unanswered) -> ClientError:
        if not reply.sent:
            return UnreachableError(
                f"no connection to {self._endpoint}: {reply.problem}; check the address, the network and the "
                "service's certificate (`ca_file`)"
            )
        effect = (
            "it may have had its effect: look at `search_audit` before you call again"
            if operation.changes
            else "it changes nothing: call again"
        )
        return NoAnswerError(f"no answer from {self._endpoint} to `{operation.id}`: {reply.problem}; {effect}")

    def _pages(self, page: Callable[[int], Flow[tuple[Sequence[ItemT], int]]]) -> Pages[ItemT]:
        """The pages of a list that is counted from its beginning.

        Args:
            page: The entries from an offset on, and how many there are in all.
        """

        def pages(cursor: int | None) -> Flow[Page[ItemT]]:
            offset = cursor or 0
            entries, total = yield from page(offset)
            following = offset + len(entries)
            return entries, following if entries and following < total else None

        return pages

    # --- signing in --------------------------------------------------------------------------------------------------

    def _credential(self) -> Flow[AccessKey | Token]:
        """Who calls; with a password the client signs in first, unless it has a token that lasts."""
        if not isinstance(self._credentials, Password):
            return self._credentials
        if self._token is None or self._token.expires_at - _MARGIN <= self._clocks.now():
            self._token = yield from self._signed_in(self._credentials)
            self._tokens.append(Token(value=self._token.token))
        return Token(value=self._token.token)

    def _signed_in(self, who: Password) -> Flow[SignedIn]:
        body = shapes.SignInRequest(
            auth=shapes.Auth(
                identity=shapes.Identity(
                    methods=("password",),
                    password=shapes.Password(
                        user=shapes.PasswordUser(
                            name=who.user, password=who.password, domain=shapes.Named(name=who.domain)
                        )
                    ),
                ),
                scope=shapes.Scope(project=shapes.NamedProject(id=self._project_id)),
            )
        )
        query = shapes.SignInQuery(nocatalog="true")
        request = request_for(identity.SIGN_IN, endpoint=self._endpoint, path={}, query=query, body=body)
        answer = yield from self._exchange(identity.SIGN_IN, request, None)
        value = answer.headers.get(SUBJECT_TOKEN_HEADER.lower())
        if not value:
            raise UnreadableAnswerError("signing in was answered without a token; is a Vacate service at the address?")
        told = decoded(answer, shapes.TokenResponse).token
        try:
            expires_at = datetime.fromisoformat(told.expires_at)
        except ValueError as error:
            raise UnreadableAnswerError(f"the token's end is no time: {error}") from error
        return SignedIn(token=value, user=told.user.name, expires_at=expires_at)

    def _revoked(self, token: Token) -> Flow[None]:
        request = request_for(
            identity.REVOKE, endpoint=self._endpoint, path={}, headers={SUBJECT_TOKEN_HEADER: token.value}
        )
        yield from self._exchange(identity.REVOKE, request, token)

    def _farewell(self) -> Flow[None]:
        """Revoke the tokens that the client signed in for by itself; they end by themselves where that fails."""
        self._token = None
        while self._tokens:
            try:
                yield from self._revoked(self._tokens.pop())
            except ClientError:
                continue
