"""The official clients, as their users hold them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkgaussdbforopengauss.v3 import (
    BaseOpsKeyViewRequestBody,
    GaussDBforopenGaussAsyncClient,
    GaussDBforopenGaussClient,
    StopFreeSessionRequest,
    StopFreeSessionResponse,
)

from tests.contract.places import INSTANCE, NODES, PROJECT
from tests.support.service import COORDINATOR, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """One official client with one key, for one project."""

    client: Any
    asynchronous: bool = False

    def kill(
        self, component: str = COORDINATOR, *, node: str | None = None, instance: str | None = INSTANCE
    ) -> StopFreeSessionResponse:
        """Make the call for a component; by default on its own node of the main instance."""
        return self.send(BaseOpsKeyViewRequestBody(node_id=node or NODES[component], component_id=component), instance)

    def send(
        self,
        body: object,
        instance: str | None = INSTANCE,
        *,
        language: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> StopFreeSessionResponse:
        """Make the call with whatever for a body; the client sends a text as it is, and nothing for `None`."""
        request = StopFreeSessionRequest(instance_id=instance, x_language=language, body=body)
        if self.asynchronous:
            return self.client.stop_free_session_async(request).result()
        invoker = self.client.stop_free_session_invoker(request)
        for name, value in (headers or {}).items():
            invoker.add_header(name, value)
        return invoker.invoke()


@contextmanager
def official_client(
    endpoint: str,
    key: Key,
    *,
    project: str | None = PROJECT,
    asynchronous: bool = False,
    certificate: str | None = None,
) -> Generator[Official]:
    """Build a client the documented way, and let go of its sockets and threads at the end."""
    classes: dict[bool, Any] = {False: GaussDBforopenGaussClient, True: GaussDBforopenGaussAsyncClient}
    credentials: Any = BasicCredentials
    config: Any = HttpConfig
    client = (
        classes[asynchronous]
        .new_builder()
        .with_credentials(credentials(key.access_key, key.secret_key, project))
        .with_http_config(config(ssl_ca_cert=certificate, timeout=(10, 60)))
        .with_endpoint(endpoint)
        .build()
    )
    try:
        yield Official(client=client, asynchronous=asynchronous)
    finally:
        client.get_http_client().close()
        client.get_http_client().executor.shutdown()
