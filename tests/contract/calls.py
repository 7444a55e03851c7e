"""Every call of the contract, as the official client is asked for it and as it then is on the wire."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huaweicloudsdkcore.utils.http_utils import sanitize_for_serialization
from huaweicloudsdkgaussdbforopengauss import v3
from huaweicloudsdkgaussdbforopengauss.v3 import GaussDBforopenGaussClient

from tests.contract.shop import COORDINATOR, DISTRIBUTED, NODES, PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A call without its headers. `query` may name one thing several times; `body` is JSON to be."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a call is about. Two sessions that never are stand in for real ones."""

    project: str = PROJECT
    instance: str = DISTRIBUTED
    node: str = NODES[COORDINATOR]
    component: str = COORDINATOR
    session_ids: tuple[int, ...] = (2147480001, 2147480002)

    @property
    def place(self) -> Mapping[str, str]:
        """Node and component, as bodies name them."""
        return {"node_id": self.node, "component_id": self.component}


HERE = Where()


def operation(request: object) -> str:
    """The name of the client's method that takes a request of this class."""
    name = type(request).__name__.removesuffix("Request")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def http_info(request: object) -> dict[str, Any]:
    """What the official client itself makes of a request, before it is signed."""
    return getattr(GaussDBforopenGaussClient, f"_{operation(request)}_http_info")(request)


def wire(request: object, where: Where = HERE) -> Wire:
    """The call as any client would send it."""
    info = http_info(request)
    path = info["resource_path"].replace("{project_id}", where.project)
    for name, value in info["path_params"].items():
        path = path.replace(f"{{{name}}}", value)
    pairs: list[tuple[str, str]] = []
    for name, value in info["query_params"]:
        values: list[object] = value if isinstance(value, list) else [value]
        pairs += [(name, str(each)) for each in values if each is not None]
    return Wire(
        method=info["method"],
        path=path,
        query=tuple(sorted(pairs)),
        body=sanitize_for_serialization(info["body"]) if info["method"] == "POST" else None,
    )


_Make = Callable[[Where], object]

# One request of every operation, with everything that is mandatory.
REQUESTS: Mapping[str, _Make] = {
    "stop_free_session": lambda at: v3.StopFreeSessionRequest(
        instance_id=at.instance, body=v3.BaseOpsKeyViewRequestBody(**at.place)
    ),
    "stop_session": lambda at: v3.StopSessionRequest(
        instance_id=at.instance,
        body=v3.KillSessionRequestBody(**at.place, session_ids=[str(each) for each in at.session_ids]),
    ),
    "list_real_time_sessions": lambda at: v3.ListRealTimeSessionsRequest(
        instance_id=at.instance, body=v3.ListRealTimeSessionsRequestBody(**at.place)
    ),
    "list_key_view_execute_node": lambda at: v3.ListKeyViewExecuteNodeRequest(instance_id=at.instance, body={}),
    "show_session_overview": lambda at: v3.ShowSessionOverviewRequest(instance_id=at.instance),
    "list_session_statistics": lambda at: v3.ListSessionStatisticsRequest(instance_id=at.instance, dimension="usename"),
    "list_session_top_sql_statistics": lambda at: v3.ListSessionTopSqlStatisticsRequest(
        instance_id=at.instance, offset=0, limit=100
    ),
    "list_session_wait_event_statistics": lambda at: v3.ListSessionWaitEventStatisticsRequest(
        instance_id=at.instance, offset=0, limit=100
    ),
    "list_session_memory_context": lambda at: v3.ListSessionMemoryContextRequest(
        instance_id=at.instance, node_id=at.node, session_id=str(at.session_ids[0]), offset=0, limit=100
    ),
    "list_transaction": lambda at: v3.ListTransactionRequest(
        instance_id=at.instance, body=v3.ListTransactionRequestBody(**at.place, limit=10, offset=0)
    ),
    "stop_transaction": lambda at: v3.StopTransactionRequest(
        instance_id=at.instance, body=v3.StopTransactionRequsetBody(**at.place, session_ids=list(at.session_ids))
    ),
    "show_auto_kill_transaction_config": lambda at: v3.ShowAutoKillTransactionConfigRequest(
        instance_id=at.instance, type="exec_time"
    ),
    "list_component_infos": lambda at: v3.ListComponentInfosRequest(instance_id=at.instance),
    "list_cn_infos_before_reduce": lambda at: v3.ListCnInfosBeforeReduceRequest(instance_id=at.instance),
    "list_database_instances": lambda _: v3.ListDatabaseInstancesRequest(),
    "list_instance_details": lambda _: v3.ListInstanceDetailsRequest(),
    "list_instances_details": lambda _: v3.ListInstancesDetailsRequest(),
    "list_instances": lambda _: v3.ListInstancesRequest(),
}

# Documented, and in no client: they are asked for by hand.
PLAIN: Mapping[str, Wire] = {
    "list_api_versions": Wire(method="GET", path="/"),
    "show_api_version_v3": Wire(method="GET", path="/v3"),
}

INSTANCE_LISTS = ("list_database_instances", "list_instance_details", "list_instances_details", "list_instances")


def every_wire(where: Where = HERE) -> dict[str, Wire]:
    """Every call on the wire, by its name."""
    return {**{name: wire(make(where), where) for name, make in REQUESTS.items()}, **PLAIN}
