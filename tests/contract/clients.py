"""The official clients, as their users hold them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.signer.algorithm import SigningAlgorithm
from huaweicloudsdkgaussdbforopengauss.v3 import (
    BaseOpsKeyViewRequestBody,
    GaussDBforopenGaussAsyncClient,
    GaussDBforopenGaussClient,
    StopFreeSessionRequest,
    StopFreeSessionResponse,
)
from huaweicloudsdkgaussdbforopengauss.v3.region.gaussdbforopengauss_region import GaussDBforopenGaussRegion

from tests.contract.calls import operation
from tests.contract.places import INSTANCE, NODES, PROJECT
from tests.support.service import COORDINATOR, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """One official client with one key, for one project."""

    client: Any
    asynchronous: bool = False

    def ask(self, request: object) -> Any:  # noqa: ANN401 - each request has an answer of its own class
        """Make any call: the method is the one that takes requests of this class."""
        name = operation(request)
        if self.asynchronous:
            return getattr(self.client, f"{name}_async")(request).result()
        return getattr(self.client, name)(request)

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
    algorithm: SigningAlgorithm = SigningAlgorithm.HMAC_SHA256,
    security_token: str | None = None,
) -> Generator[Official]:
    """Build a client the documented way, and let go of its sockets and threads at the end."""
    credentials = _credentials(key, project)
    if security_token is not None:
        credentials.with_security_token(security_token)
    builder = _builder(asynchronous=asynchronous).with_credentials(credentials).with_endpoint(endpoint)
    config: Any = HttpConfig
    config = config(ssl_ca_cert=certificate, timeout=(10, 60), signing_algorithm=algorithm)
    with _built(builder.with_http_config(config), asynchronous=asynchronous) as client:
        yield client


@contextmanager
def regional_client(
    region: str, key: Key, *, iam_endpoint: str | None = None, asynchronous: bool = False
) -> Generator[Official]:
    """Build a client from a key and a region, as most examples do. Where the region is, the environment says."""
    credentials = _credentials(key, None)
    if iam_endpoint is not None:
        credentials.with_iam_endpoint(iam_endpoint)
    builder = _builder(asynchronous=asynchronous).with_credentials(credentials)
    with _built(builder.with_region(GaussDBforopenGaussRegion.value_of(region)), asynchronous=asynchronous) as client:
        yield client


def _credentials(key: Key, project: str | None) -> Any:  # noqa: ANN401 - the client carries no types
    kind: Any = BasicCredentials
    return kind(key.access_key, key.secret_key, project)


def _builder(*, asynchronous: bool) -> Any:  # noqa: ANN401 - the client carries no types
    classes: dict[bool, Any] = {False: GaussDBforopenGaussClient, True: GaussDBforopenGaussAsyncClient}
    return classes[asynchronous].new_builder()


@contextmanager
def _built(builder: Any, *, asynchronous: bool) -> Generator[Official]:  # noqa: ANN401 - the client carries no types
    client = builder.build()
    try:
        yield Official(client=client, asynchronous=asynchronous)
    finally:
        client.get_http_client().close()
        client.get_http_client().executor.shutdown()
