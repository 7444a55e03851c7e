"""`/openapi.json`, and `/docs` with its files. Everything is made or read once, and served from memory."""

import asyncio
import gzip
from collections.abc import Mapping
from importlib import resources

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

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


# So many large files are sent at once, piece by piece. Whoever asks for them again and again takes turns with others
# who do, and a call that ends sessions waits for the pieces of a few and not of all.
_AT_ONCE = 4
_PIECE = 65_536


class _InTurn(Response):
    """A file that may be large; it is sent when its turn comes, and no faster than its peer reads."""

    turns: asyncio.Semaphore

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        body = bytes(self.body)
        if len(body) <= _PIECE:
            await super().__call__(scope, receive, send)
            return
        async with self.turns:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for at in range(0, len(body), _PIECE):
                more = at + _PIECE < len(body)
                await send({"type": "http.response.body", "body": body[at : at + _PIECE], "more_body": more})
                # A peer that reads at once would get all of it in one turn of the event loop.
                await asyncio.sleep(0)


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

        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._files = {path: (kind, content, gzip.compress(content)) for path, (kind, content) in files.items()}

    def routes(self) -> list[Route]:
        """A fixed path for each file: nothing of a request's path is ever looked up in a folder."""
        return [Route(path, self._file, methods=["GET"]) for path in self._files]

    async def _file(self, request: Request) -> Response:
        path = request.scope["path"]
        request.state.route = path
        media_type, content, packed = self._files[path]
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            answer = _InTurn(packed, media_type=media_type, headers={**_HEADERS, "Content-Encoding": "gzip"})
        else:
            answer = _InTurn(content, media_type=media_type, headers=_HEADERS)
        answer.turns = self._turns
        return answer


def _takes_gzip(accepted: str) -> bool:
    """Whether a client can unpack gzip; one that gives it a weight, such as `gzip;q=0`, gets the plain file."""
    return "gzip" in {each.strip().lower() for each in accepted.split(",")}
