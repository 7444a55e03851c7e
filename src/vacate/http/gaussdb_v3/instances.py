"""Which instances a project has. The list is served under four versions, because clients still call all of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from msgspec import UNSET
from starlette.responses import Response

from vacate.api.gaussdb_v3.errors import QueryError
from vacate.api.gaussdb_v3.fields import page
from vacate.api.gaussdb_v3.instance_rows import TYPES, InstanceRow, instance_row
from vacate.api.gaussdb_v3.instances import LISTS as DESCRIBED
from vacate.api.gaussdb_v3.instances import Instances, InstancesQuery
from vacate.api.operation import Operation
from vacate.domain.topology.components import Instance
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_query, project_of
from vacate.http.gaussdb_v3.served import Served

_WILDCARD = "*"

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


Handler = Callable[[Served, Call], Awaitable[Response]]
LISTS: tuple[tuple[Operation, Handler], ...] = tuple(
    (operation, partial(_list, shape, answer)) for operation, shape, answer in DESCRIBED
)
