"""Every call of the door, described."""

from vacate.api.iam_v3.discovery import (
    IAM,
    IDENTITY,
    CallerIdentityResponse,
    CatalogResponse,
    DomainsResponse,
    ProjectsQuery,
    ProjectsResponse,
    RegionsResponse,
)
from vacate.api.iam_v3.errors import ProjectCreationError, QueryInvalidError, SignInRequestError, SubjectUnknownError
from vacate.api.iam_v3.sign_in import (
    SecurityTokenRequest,
    SecurityTokenResponse,
    SignInQuery,
    SignInRequest,
    TokenResponse,
)
from vacate.api.operation import Example, Operation
from vacate.domain import errors as domain

_TOKENS = "tokens"
_KEYS = "temporary access keys"
_DISCOVERY = "discovery"

_TOKEN_PATH = "/v3/auth/tokens"  # noqa: S105 - a path, no secret

_PROJECT = {"id": "0611f1bd8b00d5d32f17c017f15b599f", "name": "ap-southeast-1"}
_DOMAIN = {"id": "default", "name": "default"}
_HERE = "http://127.0.0.1:8686"
_USER = {"name": "olga", "password": "a long password", "domain": {"name": "default"}}
_TOKEN = {
    "token": {
        "methods": ["password"],
        "issued_at": "2026-01-02T03:04:05.678901Z",
        "expires_at": "2026-01-03T03:04:05.678901Z",
        "user": {
            "id": "5b1c0f6e0d1f4a7b8a4de3a1c2b49f10",
            "name": "olga",
            "domain": _DOMAIN,
            "password_expires_at": "",
        },
        "project": {**_PROJECT, "domain": _DOMAIN},
        "roles": [{"id": "operator", "name": "operator"}],
    }
}
_PROJECTS = {
    "projects": [
        {
            **_PROJECT,
            "domain_id": "default",
            "parent_id": "default",
            "links": {"self": f"{_HERE}/v3/projects/{_PROJECT['id']}"},
            "is_domain": False,
            "enabled": True,
            "description": "",
        }
    ],
    "links": {"self": f"{_HERE}/v3/projects", "previous": None, "next": None},
}

SIGN_IN = Operation(
    id="create_token",
    family=_TOKENS,
    title="Sign in with a password",
    description=(
        "Gives a token in the header X-Subject-Token. It stands for the user for 24 hours: in one project, or, without "
        "a project in the scope, for finding projects and for making temporary access keys only. A new token leaves "
        "the older ones valid."
    ),
    method="POST",
    path=_TOKEN_PATH,
    query=SignInQuery,
    request=SignInRequest,
    response=TokenResponse,
    status=201,
    authenticated=False,
    headers=("X-Subject-Token",),
    errors=(
        SignInRequestError,
        QueryInvalidError,
        domain.PasswordInvalidError,
        domain.UserLockedError,
        domain.ThrottledError,
        domain.ProjectMismatchError,
    ),
    examples=(
        Example(
            title="A token for one project",
            query=(("nocatalog", "true"),),
            request={
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": _USER}},
                    "scope": {"project": {"name": "ap-southeast-1"}},
                }
            },
            response=_TOKEN,
        ),
    ),
)
CHECK = Operation(
    id="check_token",
    family=_TOKENS,
    title="Check a token",
    description="Whether the token in the header X-Subject-Token works. The sender proves themselves as for any call.",
    method="HEAD",
    path=_TOKEN_PATH,
    response=None,
    request_headers=("X-Subject-Token",),
    errors=(SubjectUnknownError,),
)
SHOW = Operation(
    id="show_token",
    family=_TOKENS,
    title="Show what a token stands for",
    description="User, scope, roles and end of the token in the header X-Subject-Token.",
    method="GET",
    path=_TOKEN_PATH,
    query=SignInQuery,
    response=TokenResponse,
    request_headers=("X-Subject-Token",),
    headers=("X-Subject-Token",),
    errors=(SubjectUnknownError, QueryInvalidError),
    examples=(Example(title="A project's token", query=(("nocatalog", "true"),), response=_TOKEN),),
)
REVOKE = Operation(
    id="revoke_token",
    family=_TOKENS,
    title="Revoke a token",
    description=(
        "Ends one of the sender's own tokens, in the header X-Subject-Token, before its time, and the temporary access "
        "keys that were made from it."
    ),
    method="DELETE",
    path=_TOKEN_PATH,
    response=None,
    status=204,
    request_headers=("X-Subject-Token",),
    errors=(SubjectUnknownError, domain.PermissionDeniedError),
)
TEMPORARY_KEY = Operation(
    id="create_temporary_access_key",
    family=_KEYS,
    title="Make a temporary access key",
    description=(
        "Changes a token for an access key that works for a while. It stands for the token's user with the roles the "
        "user has at each request: in the token's project, or in all of theirs when the token is for none. It ends "
        "with the token at the latest, also when that is revoked. Every request signed with it carries its "
        "X-Security-Token."
    ),
    method="POST",
    path="/v3.0/OS-CREDENTIAL/securitytokens",
    request=SecurityTokenRequest,
    response=SecurityTokenResponse,
    status=201,
    authenticated=False,
    request_headers=("X-Auth-Token",),
    errors=(
        SignInRequestError,
        domain.CredentialsMissingError,
        domain.TokenInvalidError,
        domain.TokenExpiredError,
        domain.ThrottledError,
    ),
    examples=(
        Example(
            title="A key for an hour",
            request={
                "auth": {
                    "identity": {"methods": ["token"], "token": {"id": "gAAAAABk…", "duration_seconds": 3600}},
                }
            },
            response={
                "credential": {
                    "access": "TEMP7Q2M5XK9R4T1B8ZC6YVD",
                    "secret": "kq3J…",
                    "securitytoken": "hW9f…",
                    "expires_at": "2026-01-02T04:04:05.678901Z",
                }
            },
        ),
    ),
)
PROJECTS = Operation(
    id="list_projects",
    family=_DISCOVERY,
    title="Find projects",
    description=(
        "The projects in which the sender has a role, filtered. SDKs that only know a region look for the project of "
        "that name. A credential that is for one project finds that one only."
    ),
    method="GET",
    path="/v3/projects",
    query=ProjectsQuery,
    response=ProjectsResponse,
    errors=(QueryInvalidError,),
    examples=(Example(title="The project of a region", query=(("name", "ap-southeast-1"),), response=_PROJECTS),),
)
CREATE_PROJECT = Operation(
    id="create_project",
    family=_DISCOVERY,
    title="Make a project",
    description=(
        "Always refused: projects are made in the configuration. A client that finds not exactly one project of its "
        "region's name tries this, and is told what to do instead."
    ),
    method="POST",
    read_only=True,
    path="/v3/projects",
    response=None,
    status=403,
    errors=(ProjectCreationError,),
)
OWN_PROJECTS = Operation(
    id="list_own_projects",
    family=_DISCOVERY,
    title="List the sender's projects",
    description="The projects in which the sender has a role.",
    method="GET",
    path="/v3/auth/projects",
    response=ProjectsResponse,
    examples=(
        Example(
            title="One project",
            response={**_PROJECTS, "links": {"self": f"{_HERE}/v3/auth/projects", "previous": None, "next": None}},
        ),
    ),
)
DOMAINS = Operation(
    id="list_own_domains",
    family=_DISCOVERY,
    title="List the sender's domains",
    description="The domain that the sender's user is in. Its id and its name are the same text.",
    method="GET",
    path="/v3/auth/domains",
    response=DomainsResponse,
    examples=(
        Example(
            title="The default domain",
            response={
                "domains": [
                    {
                        **_DOMAIN,
                        "links": {"self": f"{_HERE}/v3/domains/default"},
                        "enabled": True,
                        "description": "",
                    }
                ],
                "links": {"self": f"{_HERE}/v3/auth/domains", "previous": None, "next": None},
            },
        ),
    ),
)
REGIONS = Operation(
    id="list_regions",
    family=_DISCOVERY,
    title="List regions",
    description="The regions of the configuration.",
    method="GET",
    path="/v3/regions",
    response=RegionsResponse,
    examples=(
        Example(
            title="One region",
            response={
                "regions": [
                    {
                        "id": "ap-southeast-1",
                        "links": {"self": f"{_HERE}/v3/regions/ap-southeast-1"},
                        "locales": {"en-us": "Data centre 1", "zh-cn": "Data centre 1"},
                        "type": "public",
                        "description": "Data centre 1",
                        "parent_region_id": None,
                    }
                ],
                "links": {"self": f"{_HERE}/v3/regions", "previous": None, "next": None},
            },
        ),
    ),
)
CATALOG = Operation(
    id="show_catalog",
    family=_DISCOVERY,
    title="Show the catalog",
    description=(
        "The services and their addresses. The databases are listed for one project: that of the credential, that of "
        "the header X-Project-Id, or the only one in which the sender has a role."
    ),
    method="GET",
    path="/v3/auth/catalog",
    response=CatalogResponse,
    request_headers=("X-Project-Id",),
    examples=(
        Example(
            title="Without a project",
            response={
                "catalog": [
                    {
                        "id": "f1f5a0b3f1ba5d3da4b6f7ce7b9a1d0c",
                        "type": name,
                        "name": name,
                        "endpoints": [
                            {
                                "id": "0c5c1f5ba3c35b1c8b8a55b2e7a3e0aa",
                                "interface": "public",
                                "region": "*",
                                "region_id": "*",
                                "url": f"{_HERE}/v3",
                            }
                        ],
                    }
                    for name in (IAM, IDENTITY)
                ],
                "links": {"self": f"{_HERE}/v3/auth/catalog", "previous": None, "next": None},
            },
        ),
    ),
)
CALLER_IDENTITY = Operation(
    id="show_caller_identity",
    family=_DISCOVERY,
    title="Show who the sender is",
    description="The sender's user and domain.",
    method="GET",
    path="/v5/caller-identity",
    response=CallerIdentityResponse,
    examples=(
        Example(
            title="A user",
            response={
                "account_id": "default",
                "principal_id": "5b1c0f6e0d1f4a7b8a4de3a1c2b49f10",
                "principal_urn": "iam::default:user:olga",
            },
        ),
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    SIGN_IN,
    CHECK,
    SHOW,
    REVOKE,
    TEMPORARY_KEY,
    PROJECTS,
    CREATE_PROJECT,
    OWN_PROJECTS,
    DOMAINS,
    REGIONS,
    CATALOG,
    CALLER_IDENTITY,
)
