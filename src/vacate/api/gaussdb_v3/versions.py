"""Which versions of the API there are; anybody may ask."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vacate.api.operation import Example, Operation

_FAMILY = "Versions"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version is described."""

    href: Annotated[str, Meta(description="The path, from the root of this service.", examples=["/v3.3"])]
    rel: Annotated[str, Meta(description="Always `self`.", examples=["self"])]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the API."""

    id: Annotated[str, Meta(description="The version, as paths begin with it.", examples=["v3"])]
    links: Annotated[list[Link], Meta(description="Where it is described; empty for `v3` and `v3.1`.", examples=[[]])]
    status: Annotated[
        Literal["CURRENT", "SUPPORTED", "DEPRECATED"],
        Meta(description="`CURRENT` for `v3`, which has every call; `SUPPORTED` for the others.", examples=["CURRENT"]),
    ]
    version: Annotated[str, Meta(description="The minor version; there is none.", examples=[""])]
    min_version: Annotated[str, Meta(description="The oldest minor version; there is none.", examples=[""])]
    updated: Annotated[
        str, Meta(description="When it was published; empty when not documented.", examples=["2017-02-07T17:34:02Z"])
    ]


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """Every version."""

    versions: Annotated[list[Version], Meta(description="The versions, from the oldest to the newest.")]


class OneVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    version: Annotated[Version, Meta(description="The version that was asked for.")]


def _later(name: str, *links: Link) -> Version:
    return Version(id=name, links=list(links), status="SUPPORTED", version="", min_version="", updated="")


VERSIONS = (
    Version(id="v3", links=[], status="CURRENT", version="", min_version="", updated="2017-02-07T17:34:02Z"),
    _later("v3.1"),
    _later("v3.2", Link(href="/v3.2", rel="self")),
    _later("v3.3", Link(href="/v3.3", rel="self")),
)


LIST_VERSIONS = Operation(
    id="list_api_versions",
    family=_FAMILY,
    title="List the versions of the API",
    description="Lists the versions that paths may begin with. No credential is needed.",
    method="GET",
    path="/",
    response=Versions,
    authenticated=False,
    examples=(Example(title="The versions", response=msgspec.to_builtins(Versions(versions=list(VERSIONS)))),),
)


def _show(version: Version) -> Operation:
    """One call for each version, so that no other path of one segment is taken for a version."""
    return Operation(
        id=f"show_api_version_{version.id.replace('.', '_')}",
        family=_FAMILY,
        title=f"Show version {version.id} of the API",
        description="Shows one version that paths may begin with. No credential is needed.",
        method="GET",
        path=f"/{version.id}",
        response=OneVersion,
        authenticated=False,
        examples=(Example(title=f"Version {version.id}", response=msgspec.to_builtins(OneVersion(version=version))),),
    )


SHOW_VERSION = tuple((_show(version), version) for version in VERSIONS)
