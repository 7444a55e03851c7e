"""Which instances a project has. The list is served under four versions, because clients still call all of them."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vacate.api.gaussdb_v3.errors import OF_A_PAGE
from vacate.api.gaussdb_v3.examples import STATE
from vacate.api.gaussdb_v3.fields import Paging
from vacate.api.gaussdb_v3.instance_rows import EarlierInstanceRow, InstanceRow, instance_row
from vacate.api.operation import Example, Operation
from vacate.domain.errors import PermissionDeniedError

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


# --- the calls -------------------------------------------------------------------------------------------------------


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


# Each with the shapes of its rows and of its answer.
LISTS: tuple[tuple[Operation, type[InstanceRow], type[Instances]], ...] = tuple(
    (_described(id_, version, shape, answer), shape, answer)
    for id_, version, shape, answer in (
        ("list_database_instances", "v3.3", InstanceRow, Instances),
        ("list_instance_details", "v3.2", InstanceRow, Instances),
        ("list_instances_details", "v3.1", EarlierInstanceRow, EarlierInstances),
        ("list_instances", "v3", EarlierInstanceRow, EarlierInstances),
    )
)
