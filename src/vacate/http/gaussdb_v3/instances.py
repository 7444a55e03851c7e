"""Which instances a project has. The list is served under four versions, because clients still call all of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from vacate.domain.errors import PermissionDeniedError
from vacate.domain.topology import Instance
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.errors import OF_A_PAGE, QueryError
from vacate.http.gaussdb_v3.examples import STATE
from vacate.http.gaussdb_v3.fields import Paging, page
from vacate.http.gaussdb_v3.instance_rows import TYPES, EarlierInstanceRow, InstanceRow, instance_row
from vacate.http.gaussdb_v3.reading import decode_query, project_of
from vacate.http.gaussdb_v3.served import Served
from vacate.http.operation import Example, Operation

_WILDCARD = "*"
_MOST_TAGS = 10


class InstancesQuery(Paging, frozen=True, kw_only=True):
    """Which instances, and which page: all that is given must hold, and what is empty leaves the choice open."""

    id: Annotated[
        str, Meta(description="The id; after a leading `*`, a part of it.", examples=["*18788b54a919bab6"])
    ] = ""
    name: Annotated[str, Meta(description="The name; after a leading `*`, a part of it.", examples=["*sho"])] = ""
    type: Annotated[
        Literal["Enterprise", "Ha"] | UnsetType,
        Meta(description="`Enterprise` for instances with coordinators, `Ha` for those without.", examples=["Ha"]),
    ] = UNSET
    datastore_type: Annotated[
        Literal["GaussDB"] | UnsetType, Meta(description="The one value there is.", examples=["GaussDB"])
    ] = UNSET
    vpc_id: Annotated[
        str, Meta(description="The label of the configuration.", examples=["490a4a08-ef4b-44c5-94be-3051ef9e4fce"])
    ] = ""
    subnet_id: Annotated[
        str, Meta(description="The label of the configuration.", examples=["0e2eda62-1d42-4d64-a9d1-4e9aa9cd994f"])
    ] = ""
    charge_mode: Annotated[
        Literal["postPaid", "prePaid"] | UnsetType,
        Meta(description="The label of the configuration.", examples=["postPaid"]),
    ] = UNSET
    tags: Annotated[
        tuple[str, ...],
        Meta(
            max_length=_MOST_TAGS,
            description=(
                "Tags as `key:value`, each in a parameter of its own or joined by commas; an empty value stands for "
                "any. Every key must fit, and of one key's values one must."
            ),
            examples=[["team:checkout"]],
        ),
    ] = ()


Total = Annotated[int, Meta(description="How many instances there are, on this page and on the others.", examples=[1])]


class Instances(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the instances."""

    instances: Annotated[
        Sequence[InstanceRow], Meta(description="The instances of this page, in the configuration's order.")
    ]
    total_count: Total


class EarlierInstances(Instances, frozen=True, kw_only=True):
    """A page of the instances, as the first two versions of the list give it."""

    instances: Annotated[
        Sequence[EarlierInstanceRow], Meta(description="The instances of this page, in the configuration's order.")
    ]


# --- which instances -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A query, understood."""

    asked: InstancesQuery
    tags: dict[str, set[str]]

    @classmethod
    def read(cls, asked: InstancesQuery) -> Self:
        """Understand a query.

        Raises:
            QueryError: a lone `*`, or a tag without a key.
        """
        for name, pattern in (("id", asked.id), ("name", asked.name)):
            if pattern == _WILDCARD:
                raise QueryError(f"`{name}` is a lone *; send what is to follow it, or leave `{name}` out")
        tags: dict[str, set[str]] = {}
        for tag in asked.tags:
            key, _, value = tag.partition(":")
            if not key.strip():
                raise QueryError("a tag in `tags` has no key; send key:value")
            tags.setdefault(key.strip(), set()).add(value.strip())
        return cls(asked=asked, tags=tags)

    def fits(self, instance: Instance) -> bool:
        """Whether an instance is one of those asked for."""
        asked, labels, own = self.asked, instance.labels, dict(instance.labels.tags)
        return (
            _matches(asked.id, instance.id)
            and _matches(asked.name, instance.name)
            and asked.type in {UNSET, TYPES[instance.kind]}
            and asked.vpc_id in {"", labels.vpc_id}
            and asked.subnet_id in {"", labels.subnet_id}
            and asked.charge_mode in {UNSET, labels.charge_mode}
            and all(key in own and not values.isdisjoint({"", own[key]}) for key, values in self.tags.items())
        )


def _matches(pattern: str, text: str) -> bool:
    if pattern.startswith(_WILDCARD):
        return pattern.removeprefix(_WILDCARD) in text
    return pattern in {"", text}


# --- the calls -------------------------------------------------------------------------------------------------------


async def _list(shape: type[InstanceRow], answer: type[Instances], served: Served, call: Call) -> Response:
    project = await project_of(served, call)
    wanted = Wanted.read(decode_query(call.presented.query, InstancesQuery))
    states = await served.describe_instances(call.actor, project)
    found = [state for state in states if wanted.fits(state.instance)]
    rows = [instance_row(state, shape) for state in page(found, offset=wanted.asked.offset, limit=wanted.asked.limit)]
    return json_response(answer(instances=rows, total_count=len(found)))


def _described(id_: str, version: str, shape: type[InstanceRow], answer: type[Instances]) -> Operation:
    return Operation(
        id=id_,
        family="Instances",
        title=f"List the instances of a project ({version})",
        description=(
            "Lists the instances of the configuration, with their nodes and how their components were at the last "
            "check. Fields about machines, backups and payment, of which Vacate knows nothing, are empty."
        ),
        method="GET",
        path=f"/{version}/{{project_id}}/instances",
        query=InstancesQuery,
        response=answer,
        errors=(PermissionDeniedError, *OF_A_PAGE),
        examples=(
            Example(
                title="The instances whose name contains `sho`",
                query=(("name", "*sho"),),
                response={"instances": [msgspec.to_builtins(instance_row(STATE, shape))], "total_count": 1},
            ),
        ),
    )


Handler = Callable[[Served, Call], Awaitable[Response]]
LISTS: tuple[tuple[Operation, Handler], ...] = tuple(
    (_described(id_, version, shape, answer), partial(_list, shape, answer))
    for id_, version, shape, answer in (
        ("list_database_instances", "v3.3", InstanceRow, Instances),
        ("list_instance_details", "v3.2", InstanceRow, Instances),
        ("list_instances_details", "v3.1", EarlierInstanceRow, EarlierInstances),
        ("list_instances", "v3", EarlierInstanceRow, EarlierInstances),
    )
)
