"""Which versions of the API there are; anybody may ask."""

from functools import partial

from starlette.responses import Response

from vacate.api.gaussdb_v3.versions import SHOW_VERSION as DESCRIBED
from vacate.api.gaussdb_v3.versions import VERSIONS, OneVersion, Version, Versions
from vacate.http.answers import json_response
from vacate.http.gate import OpenCall


async def list_versions(_: OpenCall) -> Response:
    """List every version."""
    return json_response(Versions(versions=list(VERSIONS)))


async def _show_version(version: Version, _: OpenCall) -> Response:
    return json_response(OneVersion(version=version))


SHOW_VERSION = tuple((operation, partial(_show_version, version)) for operation, version in DESCRIBED)
