"""The shapes of finding one's way: projects, domains, regions, the catalog, and who one is."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from vacate.api.iam_v3.sign_in import CatalogService

# Signing in has two names: the vendor's own, and the one that clients of OpenStack look for.
IAM = "iam"
IDENTITY = "identity"
DATABASES = "gaussdb-opengauss"

MOST_PER_PAGE = 5000

# Left out is another thing than empty, and than the four letters "null".
_Text = Annotated[str, Meta(max_length=128)]


class Links(Struct, frozen=True):
    """Where the list itself is. There is never a page before or after to be fetched by address."""

    self: Annotated[str, Meta(description="The address of this answer.")]
    previous: Annotated[str | None, Meta(description="Always null.")] = None
    next: Annotated[str | None, Meta(description="Always null.")] = None


class SelfLink(Struct, frozen=True):
    """Where something is described."""

    self: Annotated[str, Meta(description="Its address.")]


class ProjectsQuery(Struct, frozen=True):
    """Which of the caller's projects are wanted: all that is given must fit."""

    name: Annotated[_Text | UnsetType, Meta(description="The project's name.", examples=["ap-southeast-1"])] = UNSET
    domain_id: Annotated[_Text | UnsetType, Meta(description="The domain that the project is in.")] = UNSET
    parent_id: Annotated[
        _Text | UnsetType, Meta(description="The same as `domain_id`: no project is below another one.")
    ] = UNSET
    enabled: Annotated[bool | None, Meta(description="Every project is enabled, so `false` finds none.")] = None
    is_domain: Annotated[bool | None, Meta(description="No project is a domain, so `true` finds none.")] = None
    page: Annotated[int, Meta(description="Which page, from 1 on.", ge=1, le=2**31 - 1)] = 1
    per_page: Annotated[int, Meta(description="How many projects a page has.", ge=1, le=MOST_PER_PAGE)] = MOST_PER_PAGE


class ProjectRow(Struct, frozen=True):
    """A project in which the caller has a role."""

    id: Annotated[str, Meta(description="The project's id, 32 letters and digits.")]
    name: Annotated[str, Meta(description="The project's name.", examples=["ap-southeast-1"])]
    domain_id: Annotated[str, Meta(description="The domain that the project is in.")]
    parent_id: Annotated[str, Meta(description="The same as `domain_id`.")]
    links: Annotated[SelfLink, Meta(description="The project's address.")]
    is_domain: Annotated[bool, Meta(description="Always false.")] = False
    enabled: Annotated[bool, Meta(description="Always true.")] = True
    description: Annotated[str, Meta(description="Always empty.")] = ""


class ProjectsResponse(Struct, frozen=True):
    """The caller's projects."""

    projects: Annotated[tuple[ProjectRow, ...], Meta(description="In the order of the configuration.")]
    links: Annotated[Links, Meta(description="The address of the list.")]


class DomainRow(Struct, frozen=True):
    """The caller's domain."""

    id: Annotated[str, Meta(description="The domain's id; the same text as its name.")]
    name: Annotated[str, Meta(description="The domain's name.", examples=["default"])]
    links: Annotated[SelfLink, Meta(description="The domain's address.")]
    enabled: Annotated[bool, Meta(description="Always true.")] = True
    description: Annotated[str, Meta(description="Always empty.")] = ""


class DomainsResponse(Struct, frozen=True):
    """The domains that the caller may sign in to: their own."""

    domains: Annotated[tuple[DomainRow, ...], Meta(description="Exactly one.")]
    links: Annotated[Links, Meta(description="The address of the list.")]


class RegionRow(Struct, frozen=True):
    """A region of the configuration."""

    id: Annotated[str, Meta(description="What clients name.", examples=["ap-southeast-1"])]
    links: Annotated[SelfLink, Meta(description="The region's address.")]
    locales: Annotated[dict[str, str], Meta(description="The region's name, by language.")]
    type: Annotated[str, Meta(description="Always `public`.")] = "public"
    description: Annotated[str, Meta(description="The region's name.")] = ""
    parent_region_id: Annotated[str | None, Meta(description="Always null.")] = None


class RegionsResponse(Struct, frozen=True):
    """The regions of the configuration."""

    regions: Annotated[tuple[RegionRow, ...], Meta(description="In the order of the configuration.")]
    links: Annotated[Links, Meta(description="The address of the list.")]


class CatalogResponse(Struct, frozen=True):
    """The services and where they are reached."""

    catalog: Annotated[tuple[CatalogService, ...], Meta(description="The services.")]
    links: Annotated[Links, Meta(description="The address of the list.")]


class CallerIdentityResponse(Struct, frozen=True):
    """Who the caller is."""

    account_id: Annotated[str, Meta(description="The id of the user's domain.", examples=["default"])]
    principal_id: Annotated[str, Meta(description="The user's id.")]
    principal_urn: Annotated[str, Meta(description="Domain and name of the user.", examples=["iam::default:user:olga"])]
