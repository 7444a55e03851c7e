"""The catalog: which services there are and where, for clients that are told nothing else."""

import re
import uuid
from collections.abc import Sequence

from vacate.api.iam_v3.discovery import DATABASES, IAM, IDENTITY
from vacate.api.iam_v3.sign_in import CatalogEndpoint, CatalogService
from vacate.operations.access.ports import Presented, Project, Region

# What a Host header may be to be repeated in an answer.
_HOST = re.compile(rb"[0-9A-Za-z.:\[\]_-]{1,255}")


class Addresses:
    """Under which addresses the service is reached."""

    def __init__(self, *, endpoint: str, regions: Sequence[Region]) -> None:
        """Take the configured public address; an empty one leaves it to what each caller used."""
        self._endpoint = endpoint.rstrip("/")
        self.regions = tuple(regions)

    def base(self, request: Presented) -> str:
        """The service's own address, without a slash at its end; empty if nobody can tell."""
        if self._endpoint:
            return self._endpoint
        hosts = [value.strip() for name, value in request.headers if name == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return ""
        return f"{request.scheme}://{hosts[0].decode('ascii')}"

    def catalog(self, request: Presented, project: Project | None) -> tuple[CatalogService, ...]:
        """Signing in for everybody, and a project's databases for who has one."""
        base = self.base(request)
        if not base:
            return ()
        services = [_service(name, "*", f"{base}/v3") for name in (IAM, IDENTITY)]
        if project:
            place = next((region.endpoint for region in self.regions if region.id == project.region), "") or base
            services.append(_service(DATABASES, project.region or "*", f"{place}/v3/{project.id}"))
        return tuple(services)


def _service(name: str, region: str, url: str) -> CatalogService:
    endpoint = CatalogEndpoint(id=_id(name, region), interface="public", region=region, region_id=region, url=url)
    return CatalogService(id=_id(name), type=name, name=name, endpoints=(endpoint,))


def _id(*parts: str) -> str:
    """The same parts make the same id, in every process."""
    return uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)).hex
