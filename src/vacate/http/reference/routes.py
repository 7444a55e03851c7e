"""`/openapi.json`, and `/docs` with its files. Everything is made or read once, and served from memory."""

import gzip
from collections.abc import Mapping
from importlib import resources

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_DOCUMENT = "/openapi.json"
_PAGE = "/docs"

# The pages load from this service alone, run no script but their own, and fit in no other page's frame. Swagger UI's
# icons are data inside its styles.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=300",
    "Vary": "Accept-Encoding",
}
_JSON, _HTML, _SCRIPT, _STYLE = "application/json", "text/html", "text/javascript", "text/css"


class ReferenceDoor:
    """Open to everybody who reaches the port: it tells what calls there are, and nothing about anybody's clusters."""

    def __init__(self, *, document: Mapping[str, object]) -> None:
        ours = resources.files("vacate.http.reference")
        # The one folder's name tells the version.
        (theirs,) = resources.files("swagger_ui_bundle").joinpath("vendor").iterdir()
        files = {
            _DOCUMENT: (_JSON, msgspec.json.encode(document)),
            _PAGE: (_HTML, ours.joinpath("page.html").read_bytes()),
            f"{_PAGE}/start.js": (_SCRIPT, ours.joinpath("start.js").read_bytes()),
            f"{_PAGE}/swagger-ui-bundle.js": (_SCRIPT, theirs.joinpath("swagger-ui-bundle.js").read_bytes()),
            f"{_PAGE}/swagger-ui.css": (_STYLE, theirs.joinpath("swagger-ui.css").read_bytes()),
        }

        self._files = {path: (kind, content, gzip.compress(content)) for path, (kind, content) in files.items()}

    def routes(self) -> list[Route]:
        """A fixed path for each file: nothing of a request's path is ever looked up in a folder."""
        return [Route(path, self._file, methods=["GET"]) for path in self._files]

    async def _file(self, request: Request) -> Response:
        path = request.scope["path"]
        request.state.route = path
        media_type, content, packed = self._files[path]
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(packed, media_type=media_type, headers={**_HEADERS, "Content-Encoding": "gzip"})
        return Response(content, media_type=media_type, headers=_HEADERS)


def _takes_gzip(accepted: str) -> bool:
    """Whether a client can unpack gzip; one that gives it a weight, such as `gzip;q=0`, gets the plain file."""
    return "gzip" in {each.strip().lower() for each in accepted.split(",")}
