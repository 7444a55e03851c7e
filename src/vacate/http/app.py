"""Joins the doors to one application."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from vacate.api.errors import ErrorRow
from vacate.api.language import language_of
from vacate.http.answers import error_response
from vacate.http.envelope import AccessLog, Envelope

NO_SUCH_API = ErrorRow(
    status=404,
    code="APIGW.0101",
    message="The API does not exist or has not been published in the environment.",
    chinese="API不存在或未发布到环境。",
)


def build_app(routes: Iterable[BaseRoute], access_log: AccessLog) -> ASGIApp:
    """The application: routed exactly as written, never redirected to another spelling of a path."""
    handlers = {HTTPException: _no_such_api, Exception: _left_to_the_envelope}
    app = Starlette(routes=list(routes), exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Envelope(app, access_log)


async def _no_such_api(request: Request, _: Exception) -> Response:
    """Only an unknown path or method comes here; clients are used to one answer for both."""
    return error_response(
        NO_SUCH_API,
        "",
        request_id=request.state.request_id,
        language=language_of(request.scope["headers"]),
    )


async def _left_to_the_envelope(_: Request, error: Exception) -> Response:
    """Without this the framework would answer in its own words before the envelope's last resort could."""
    raise error
