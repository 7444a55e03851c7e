"""The shapes of signing in: tokens, and temporary access keys made from them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

_LONGEST_NAME = 128
_LONGEST_PASSWORD = 4096
_LONGEST_TOKEN = 4096
LEAST_SECONDS = 900
MOST_SECONDS = 86400

NameText = Annotated[str, Meta(max_length=_LONGEST_NAME)]
InstantText = Annotated[
    str,
    Meta(description="A time in UTC, to the microsecond.", examples=["2026-01-03T03:04:05.678901Z"]),
]


class Named(Struct, frozen=True):
    """A domain, named by id or by name. Both are the same text here."""

    id: Annotated[NameText | None, Meta(description="The domain's id.", examples=["default"])] = None
    name: Annotated[NameText | None, Meta(description="The domain's name.", examples=["default"])] = None

    @property
    def text(self) -> str:
        """Whichever was sent; empty when none was."""
        return self.name or self.id or ""


class NamedProject(Struct, frozen=True):
    """A project, named by id or by name. The id wins."""

    id: Annotated[NameText | None, Meta(description="The project's id, 32 letters and digits.")] = None
    name: Annotated[NameText | None, Meta(description="The project's name.", examples=["ap-southeast-1"])] = None
    domain: Annotated[Named, Meta(description="The domain that a project named by name is in.")] = Named()


class PasswordUser(Struct, frozen=True):
    """Who signs in."""

    name: Annotated[NameText, Meta(description="The user's name.", examples=["olga"])]
    password: Annotated[str, Meta(description="The user's password.", max_length=_LONGEST_PASSWORD)]
    domain: Annotated[Named, Meta(description="The domain that the user is in.")] = Named()


class Password(Struct, frozen=True):
    """The method `password`."""

    user: Annotated[PasswordUser, Meta(description="Who signs in.")]


class Identity(Struct, frozen=True):
    """How the sender proves who they are: only by password."""

    methods: Annotated[tuple[str, ...], Meta(description="Exactly `password`.", examples=[["password"]])]
    password: Annotated[Password, Meta(description="The user and their password.")]


class Scope(Struct, frozen=True):
    """What the token is wanted for. A project wins over a domain; with neither the token is unscoped."""

    project: Annotated[NamedProject | None, Meta(description="The one project that the token opens.")] = None
    domain: Annotated[Named | None, Meta(description="The user's own domain. Such a token opens no project.")] = None


class Auth(Struct, frozen=True):
    """Who, and what for."""

    identity: Annotated[Identity, Meta(description="How the sender proves who they are.")]
    scope: Annotated[Scope | None, Meta(description="What the token is wanted for; none makes it unscoped.")] = None


class SignInRequest(Struct, frozen=True):
    """Body of a sign-in."""

    auth: Annotated[Auth, Meta(description="Who signs in, and what for.")]


class SignInQuery(Struct, frozen=True):
    """Query of a sign-in."""

    nocatalog: Annotated[str, Meta(description="With any value the answer leaves the catalog out.")] = ""


class TokenDomain(Struct, frozen=True):
    """A domain as a token describes it."""

    id: Annotated[str, Meta(description="The domain's id; the same text as its name.")]
    name: Annotated[str, Meta(description="The domain's name.", examples=["default"])]


class TokenUser(Struct, frozen=True):
    """The user that a token stands for."""

    id: Annotated[str, Meta(description="The user's id.")]
    name: Annotated[str, Meta(description="The user's name.", examples=["olga"])]
    domain: Annotated[TokenDomain, Meta(description="The domain that the user is in.")]
    password_expires_at: Annotated[str, Meta(description="Always empty: passwords do not expire.")] = ""


class TokenProject(Struct, frozen=True):
    """The project that a token opens."""

    id: Annotated[str, Meta(description="The project's id, 32 letters and digits.")]
    name: Annotated[str, Meta(description="The project's name.", examples=["ap-southeast-1"])]
    domain: Annotated[TokenDomain, Meta(description="The domain that the project is in.")]


class TokenRole(Struct, frozen=True):
    """A role that the user has in the project now."""

    id: Annotated[str, Meta(description="The same text as the name.")]
    name: Annotated[str, Meta(description="`viewer`, `operator` or `admin`.", examples=["operator"])]


class CatalogEndpoint(Struct, frozen=True):
    """Where a service is reached."""

    id: Annotated[str, Meta(description="An id that stays the same.")]
    interface: Annotated[str, Meta(description="Always `public`.")]
    region: Annotated[str, Meta(description="The region, `*` for all of them.", examples=["ap-southeast-1"])]
    region_id: Annotated[str, Meta(description="The same text as `region`.")]
    url: Annotated[str, Meta(description="The address that calls begin with.")]


class CatalogService(Struct, frozen=True):
    """A service of the catalog."""

    id: Annotated[str, Meta(description="An id that stays the same.")]
    type: Annotated[str, Meta(description="`iam` or `gaussdb-opengauss`.")]
    name: Annotated[str, Meta(description="The same text as the type.")]
    endpoints: Annotated[tuple[CatalogEndpoint, ...], Meta(description="Where it is reached, by region.")]


class Token(Struct, frozen=True):
    """What a token stands for. The token itself is in the header `X-Subject-Token`."""

    methods: Annotated[tuple[str, ...], Meta(description="How the user proved who they are.")]
    issued_at: Annotated[InstantText, Meta(description="When the user signed in.")]
    expires_at: Annotated[InstantText, Meta(description="When the token is over: 24 hours later.")]
    user: Annotated[TokenUser, Meta(description="The user that the token stands for.")]
    project: Annotated[TokenProject | UnsetType, Meta(description="The project that the token opens.")] = UNSET
    domain: Annotated[TokenDomain | UnsetType, Meta(description="The domain, if the token is for one.")] = UNSET
    roles: Annotated[tuple[TokenRole, ...], Meta(description="The user's roles in the project now.")] = ()
    catalog: Annotated[tuple[CatalogService, ...] | UnsetType, Meta(description="Services and addresses.")] = UNSET


class TokenResponse(Struct, frozen=True):
    """Answer to a sign-in, and to a question about a token."""

    token: Annotated[Token, Meta(description="What the token stands for.")]


class TokenIdentity(Struct, frozen=True):
    """A token to change for a temporary access key."""

    id: Annotated[
        Annotated[str, Meta(max_length=_LONGEST_TOKEN)] | None,
        Meta(description="The token; without it that of the header X-Auth-Token."),
    ] = None
    duration_seconds: Annotated[
        int,
        Meta(
            description="How long the key is good, in seconds; never longer than the token.",
            ge=LEAST_SECONDS,
            le=MOST_SECONDS,
        ),
    ] = LEAST_SECONDS


class SecurityTokenIdentity(Struct, frozen=True):
    """How the sender proves who they are: only by token."""

    methods: Annotated[tuple[str, ...], Meta(description="Exactly `token`.", examples=[["token"]])]
    token: Annotated[TokenIdentity, Meta(description="The token, and how long the key is wanted.")] = TokenIdentity()
    policy: Annotated[
        dict[str, object] | None,
        Meta(description="Refused: a key has the user's roles, no more and no less. Leave it out."),
    ] = None


class SecurityTokenAuth(Struct, frozen=True):
    """Who asks for a temporary access key."""

    identity: Annotated[SecurityTokenIdentity, Meta(description="How the sender proves who they are.")]


class SecurityTokenRequest(Struct, frozen=True):
    """Body of a request for a temporary access key."""

    auth: Annotated[SecurityTokenAuth, Meta(description="Who asks.")]


class Credential(Struct, frozen=True):
    """A temporary access key. It is shown this once."""

    access: Annotated[str, Meta(description="The access key.")]
    secret: Annotated[str, Meta(description="Its secret key.")]
    securitytoken: Annotated[str, Meta(description="What must be sent as X-Security-Token with every request.")]
    expires_at: Annotated[InstantText, Meta(description="When it is over.")]


class SecurityTokenResponse(Struct, frozen=True):
    """Answer to a request for a temporary access key."""

    credential: Annotated[Credential, Meta(description="The temporary access key.")]
