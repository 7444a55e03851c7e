"""The calls: each operation with what answers it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vacate.api.iam_v3 import calls
from vacate.api.iam_v3.discovery import (
    CallerIdentityResponse,
    CatalogResponse,
    DomainRow,
    DomainsResponse,
    Links,
    ProjectRow,
    ProjectsQuery,
    ProjectsResponse,
    RegionRow,
    RegionsResponse,
    SelfLink,
)
from vacate.api.iam_v3.errors import (
    ERRORS,
    ProjectCreationError,
    QueryInvalidError,
    SignInRequestError,
    SubjectUnknownError,
)
from vacate.api.iam_v3.sign_in import (
    Credential,
    Scope,
    SecurityTokenRequest,
    SecurityTokenResponse,
    SignInQuery,
    SignInRequest,
    Token,
    TokenDomain,
    TokenProject,
    TokenResponse,
    TokenRole,
    TokenUser,
)
from vacate.api.operation import Operation
from vacate.domain.errors import AuthenticationError, CredentialsMissingError, PermissionDeniedError
from vacate.http.answers import json_response
from vacate.http.gate import Call, Endpoint, Gate, OpenCall
from vacate.http.iam_v3.catalog import Addresses
from vacate.http.queries import QueryRules, query_values
from vacate.operations.access.ports import (
    DomainScope,
    Project,
    Projects,
    ProjectScope,
    Region,
    TemporaryKeys,
    TokenRecord,
    Tokens,
)

OPERATIONS = calls.OPERATIONS
TRACE_ID_HEADER = "X-IAM-Trace-Id"

_QUERIES = QueryRules(most_pairs=100, last_counts=True, strict_text=False)
_ShapeT = TypeVar("_ShapeT", bound=msgspec.Struct)


class IamV3Door:
    """Signing in, temporary access keys, and finding one's project, as the vendor's identity service has them."""

    def __init__(
        self,
        *,
        gate: Gate,
        tokens: Tokens,
        temporary_keys: TemporaryKeys,
        projects: Projects,
        regions: Sequence[Region] = (),
        endpoint: str = "",
    ) -> None:
        """Take who answers. `endpoint` is the service's public address; empty leaves it to what each caller used."""
        self._gate = gate
        self._tokens = tokens
        self._temporary_keys = temporary_keys
        self._projects = projects
        self._addresses = Addresses(endpoint=endpoint, regions=regions)

    def routes(self) -> list[Route]:
        """Every call of this door."""
        open_calls: tuple[tuple[Operation, Callable[[OpenCall], Awaitable[Response]]], ...] = (
            (calls.SIGN_IN, self._sign_in),
            (calls.TEMPORARY_KEY, self._temporary_key),
        )
        # To the router a call with GET takes HEAD too, so the one call that is HEAD comes first.
        proved_calls: tuple[tuple[Operation, Callable[[Call], Awaitable[Response]]], ...] = (
            (calls.CHECK, self._check),
            (calls.SHOW, self._show),
            (calls.REVOKE, self._revoke),
            (calls.PROJECTS, self._list_projects),
            (calls.CREATE_PROJECT, self._create_project),
            (calls.OWN_PROJECTS, self._list_own_projects),
            (calls.DOMAINS, self._list_domains),
            (calls.REGIONS, self._list_regions),
            (calls.CATALOG, self._catalog),
            (calls.CALLER_IDENTITY, self._caller_identity),
        )
        return [
            *(_route(op, self._gate.open(op.path, handler, ERRORS)) for op, handler in open_calls),
            *(_route(op, self._gate.authenticated(op, handler, ERRORS)) for op, handler in proved_calls),
        ]

    # --- tokens ------------------------------------------------------------------------------------------------------

    async def _sign_in(self, call: OpenCall) -> Response:
        query = _query(call, SignInQuery)
        auth = _body(call, SignInRequest).auth
        if auth.identity.methods != ("password",):
            raise SignInRequestError("the method must be password")
        user = auth.identity.password.user
        issued = await self._tokens.issue(
            user=user.name,
            domain=user.domain.text,
            password=user.password,
            scope=_scope(auth.scope),
            source=call.presented.source_address,
        )
        answer = self._token(call, issued.record, with_catalog=not query.nocatalog)
        return json_response(answer, status=201, headers={"X-Subject-Token": issued.value})

    async def _check(self, call: Call) -> Response:
        await self._subject(call)
        return Response(status_code=200)

    async def _show(self, call: Call) -> Response:
        query = _query(call, SignInQuery)
        value, record = await self._subject(call)
        answer = self._token(call, record, with_catalog=not query.nocatalog)
        return json_response(answer, headers={"X-Subject-Token": value})

    async def _revoke(self, call: Call) -> Response:
        """A user may end their own tokens."""
        value, record = await self._subject(call)
        if record.user.id != call.actor.user_id:
            raise PermissionDeniedError(role="user", permission="revoke another user's token")
        await self._tokens.revoke(value)
        return Response(status_code=204)

    async def _subject(self, call: Call) -> tuple[str, TokenRecord]:
        """The token that is asked about."""
        try:
            value = _header(call, b"x-subject-token")
            return value, await self._tokens.inspect(value)
        except AuthenticationError as error:
            raise SubjectUnknownError from error

    def _token(self, call: OpenCall, record: TokenRecord, *, with_catalog: bool) -> TokenResponse:
        user, project_id = record.user, record.project_id
        project = self._projects.known(project_id) if project_id else None
        domain = _domain(user.domain)
        return TokenResponse(
            token=Token(
                methods=("password",),
                issued_at=_instant(record.issued_at),
                expires_at=_instant(record.expires_at),
                user=TokenUser(id=user.id, name=user.name, domain=domain),
                project=TokenProject(
                    id=project_id,
                    name=project.name if project else "",
                    domain=_domain(project.domain) if project else domain,
                )
                if project_id
                else UNSET,
                domain=domain if record.for_domain else UNSET,
                roles=tuple(
                    TokenRole(id=grant.role, name=grant.role) for grant in user.grants if grant.project_id == project_id
                ),
                catalog=self._addresses.catalog(call.presented, project) if with_catalog else UNSET,
            )
        )

    async def _temporary_key(self, call: OpenCall) -> Response:
        identity = _body(call, SecurityTokenRequest).auth.identity
        if identity.methods != ("token",):
            raise SignInRequestError("the method must be token")
        if identity.policy is not None:
            raise SignInRequestError("a key cannot be given less than its user's roles; leave the policy out")
        issued = await self._temporary_keys.issue(
            token=identity.token.id or _header(call, b"x-auth-token"),
            lifetime=timedelta(seconds=identity.token.duration_seconds),
        )
        return json_response(
            SecurityTokenResponse(
                credential=Credential(
                    access=issued.access_key,
                    secret=issued.secret_key,
                    securitytoken=issued.security_token,
                    expires_at=_instant(issued.expires_at),
                )
            ),
            status=201,
        )

    # --- finding one's way -------------------------------------------------------------------------------------------

    async def _list_projects(self, call: Call) -> Response:
        wanted = _query(call, ProjectsQuery)
        found = [project for project in await self._projects.of(call.actor) if _fits(project, wanted)]
        first = (wanted.page - 1) * wanted.per_page
        return self._projects_response(call, calls.PROJECTS, found[first : first + wanted.per_page])

    async def _list_own_projects(self, call: Call) -> Response:
        return self._projects_response(call, calls.OWN_PROJECTS, await self._projects.of(call.actor))

    def _projects_response(self, call: Call, operation: Operation, found: Sequence[Project]) -> Response:
        base = self._addresses.base(call.presented)
        rows = tuple(
            ProjectRow(
                id=project.id,
                name=project.name,
                domain_id=project.domain,
                parent_id=project.domain,
                links=SelfLink(f"{base}/v3/projects/{project.id}"),
            )
            for project in found
        )
        return json_response(ProjectsResponse(projects=rows, links=Links(base + operation.path)))

    async def _create_project(self, call: Call) -> Response:
        del call
        raise ProjectCreationError

    async def _list_domains(self, call: Call) -> Response:
        base, own = self._addresses.base(call.presented), call.actor.domain
        row = DomainRow(id=own, name=own, links=SelfLink(f"{base}/v3/domains/{own}"))
        return json_response(DomainsResponse(domains=(row,), links=Links(base + calls.DOMAINS.path)))

    async def _list_regions(self, call: Call) -> Response:
        base = self._addresses.base(call.presented)
        rows = tuple(
            RegionRow(
                id=region.id,
                links=SelfLink(f"{base}/v3/regions/{region.id}"),
                locales={"en-us": region.name or region.id, "zh-cn": region.name or region.id},
                description=region.name,
            )
            for region in self._addresses.regions
        )
        return json_response(RegionsResponse(regions=rows, links=Links(base + calls.REGIONS.path)))

    async def _catalog(self, call: Call) -> Response:
        base = self._addresses.base(call.presented)
        catalog = self._addresses.catalog(call.presented, await self._project_of(call))
        return json_response(CatalogResponse(catalog=catalog, links=Links(base + calls.CATALOG.path)))

    async def _project_of(self, call: Call) -> Project | None:
        """The project that a call is about: the one it names, else the only one there is for the sender."""
        mine = await self._projects.of(call.actor)
        named = [value.decode("latin-1") for name, value in call.presented.headers if name == b"x-project-id"]
        if named:
            mine = tuple(project for project in mine if project.id == named[0])
        return mine[0] if len(mine) == 1 else None

    async def _caller_identity(self, call: Call) -> Response:
        actor = call.actor
        return json_response(
            CallerIdentityResponse(
                account_id=actor.domain,
                principal_id=actor.user_id,
                principal_urn=f"iam::{actor.domain}:user:{actor.user_name}",
            )
        )


def _route(operation: Operation, endpoint: Endpoint) -> Route:
    async def traced(request: Request) -> Response:
        """Clients print this header when they do not find what they look for."""
        response = await endpoint(request)
        response.headers[TRACE_ID_HEADER] = request.state.request_id
        return response

    return Route(operation.path, traced, methods=[operation.method])


def _body(call: OpenCall, shape: type[_ShapeT]) -> _ShapeT:
    try:
        return msgspec.json.decode(call.presented.body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SignInRequestError(str(error) or "it is nested too deeply") from error


def _query(call: OpenCall, shape: type[_ShapeT]) -> _ShapeT:
    """The query's parameters; those that the call does not know are passed over, as the vendor does."""
    try:
        return msgspec.convert(query_values(call.presented.query, _QUERIES), type=shape, strict=False)
    except (msgspec.MsgspecError, ValueError) as error:
        raise QueryInvalidError(str(error)) from error


def _scope(scope: Scope | None) -> ProjectScope | DomainScope | None:
    if scope is None:
        return None
    if (project := scope.project) is not None:
        if not project.id and not project.name:
            raise SignInRequestError("auth.scope.project needs an id or a name")
        return ProjectScope(id=project.id or "", name=project.name or "", domain=project.domain.text)
    if scope.domain is None:
        return None
    if not scope.domain.text:
        raise SignInRequestError("auth.scope.domain needs an id or a name")
    return DomainScope(domain=scope.domain.text)


def _fits(project: Project, wanted: ProjectsQuery) -> bool:
    return (
        wanted.name in {UNSET, project.name}
        and wanted.domain_id in {UNSET, project.domain}
        and wanted.parent_id in {UNSET, project.domain}
        and wanted.enabled is not False
        and wanted.is_domain is not True
    )


def _domain(name: str) -> TokenDomain:
    """A domain's id is its name here, so a client may send back either."""
    return TokenDomain(id=name, name=name)


def _header(call: OpenCall, name: bytes) -> str:
    values = [value for header, value in call.presented.headers if header == name]
    if len(values) != 1:
        raise CredentialsMissingError
    return values[0].decode("latin-1")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
