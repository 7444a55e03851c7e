"""Tokens: `POST`, `HEAD` and `DELETE /v3/auth/tokens`."""

from datetime import datetime

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from vacate.domain.errors import AuthenticationError, CredentialsMissingError, PermissionDeniedError
from vacate.domain.topology import ProjectId
from vacate.http.answers import json_response
from vacate.http.gate import Gate, OpenCall
from vacate.http.iam_v3.errors import ERRORS, SignInRequestError, SubjectUnknownError
from vacate.operations.access import IssuedToken, TokenRecord, Tokens

_PATH = "/v3/auth/tokens"


class Named(msgspec.Struct, frozen=True):
    """Something that may be named by id or by name."""

    id: str | None = None
    name: str | None = None


class PasswordUser(msgspec.Struct, frozen=True):
    """`auth.identity.password.user`."""

    name: str
    password: str
    domain: Named = Named()


class Password(msgspec.Struct, frozen=True):
    """`auth.identity.password`."""

    user: PasswordUser


class Identity(msgspec.Struct, frozen=True):
    """`auth.identity`: only the method `password` is served."""

    methods: tuple[str, ...]
    password: Password


class Scope(msgspec.Struct, frozen=True):
    """`auth.scope`: a token is for one project."""

    project: Named


class Auth(msgspec.Struct, frozen=True):
    """`auth`."""

    identity: Identity
    scope: Scope


class SignIn(msgspec.Struct, frozen=True):
    """Body of `POST /v3/auth/tokens`."""

    auth: Auth


class TokensDoor:
    """Issues, checks and revokes tokens."""

    def __init__(self, *, gate: Gate, tokens: Tokens, project_names: dict[ProjectId, str]) -> None:
        self._gate = gate
        self._tokens = tokens
        self._project_names = project_names

    def routes(self) -> list[Route]:
        """Every call of this door."""
        return [
            Route(_PATH, self._gate.open(_PATH, handler, ERRORS), methods=[method])
            for method, handler in (("POST", self._issue), ("HEAD", self._check), ("DELETE", self._revoke))
        ]

    async def _issue(self, call: OpenCall) -> Response:
        sign_in = _decode(call.presented.body).auth
        project = sign_in.scope.project.id or sign_in.scope.project.name
        if sign_in.identity.methods != ("password",) or not project:
            raise SignInRequestError("the method must be password, and the scope a project by id or by name")
        user = sign_in.identity.password.user
        # A domain's id is its name here, so a client may send back either.
        domain = user.domain.name or user.domain.id or ""
        issued = await self._tokens.issue(user=user.name, domain=domain, password=user.password, project=project)
        return json_response(self._token(issued), status=201, headers={"X-Subject-Token": issued.value})

    async def _check(self, call: OpenCall) -> Response:
        await self._tokens.inspect(_header(call, b"x-auth-token"))
        await self._subject(call)
        return Response(status_code=200)

    async def _revoke(self, call: OpenCall) -> Response:
        """A user may end their own tokens."""
        caller = await self._tokens.inspect(_header(call, b"x-auth-token"))
        if (await self._subject(call)).user.id != caller.user.id:
            raise PermissionDeniedError(role="user", permission="revoke another user's token")
        await self._tokens.revoke(_header(call, b"x-subject-token"))
        return Response(status_code=204)

    async def _subject(self, call: OpenCall) -> TokenRecord:
        try:
            return await self._tokens.inspect(_header(call, b"x-subject-token"))
        except AuthenticationError as error:
            raise SubjectUnknownError from error

    def _token(self, issued: IssuedToken) -> object:
        record = issued.record
        domain = {"name": record.user.domain, "id": record.user.domain}
        return {
            "token": {
                "methods": ["password"],
                "issued_at": _instant(record.issued_at),
                "expires_at": _instant(record.expires_at),
                "user": {
                    "id": record.user.id,
                    "name": record.user.name,
                    "domain": domain,
                    "password_expires_at": "",
                },
                "project": {
                    "id": record.project_id,
                    "name": self._project_names.get(record.project_id, ""),
                    "domain": domain,
                },
                "roles": [
                    {"id": grant.role, "name": grant.role}
                    for grant in record.user.grants
                    if grant.project_id == record.project_id
                ],
                "catalog": [],
            }
        }


def _decode(body: bytes) -> SignIn:
    try:
        return msgspec.json.decode(body, type=SignIn)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SignInRequestError(str(error) or "it is nested too deeply") from error


def _header(call: OpenCall, name: bytes) -> str:
    values = [value for header, value in call.presented.headers if header == name]
    if len(values) != 1:
        raise CredentialsMissingError
    return values[0].decode("latin-1")


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
