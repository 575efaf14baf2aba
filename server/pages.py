"""The pages and their files, and the headers and the Host check that every response goes through."""

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from re import compile as pattern

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.answers import failure
from server.joined import JoinedPages
from server.joining import STATIC
from server.packed import takes_gzip
from server.plotlyjs import PlotlyScript

_FOREVER = "public, max-age=31536000, immutable"
_HOST = pattern(r"[a-z0-9.\-_:\[\]]{1,255}")

# Scripts of ours only, and sockets to this very host (some browsers do not count ws: as 'self').
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_OF_DOCUMENTS = {
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class _Files(StaticFiles):
    """Files that browsers keep, but ask about each time: an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.endswith((".py", ".pyc")):  # static is a package, so that wheels carry it
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers.setdefault("cache-control", "no-cache")
        response.headers.setdefault("vary", "accept-encoding")
        if isinstance(response, FileResponse) and takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            return _packed(response)
        return response


def _packed(plain: FileResponse) -> Response:
    """The same file in a third of the bytes: a hall shares one access point."""
    stat = plain.stat_result
    assert stat is not None, "StaticFiles has looked"
    headers = {name: value for name, value in plain.headers.items() if name not in {"content-length", "accept-ranges"}}
    body = _gzipped(str(plain.path), stat.st_mtime_ns, stat.st_size)
    return Response(body, headers=headers | {"content-encoding": "gzip"})


@lru_cache(maxsize=256)
def _gzipped(path: str, mtime_ns: int, size: int) -> bytes:
    """Packed once: 500 phones come within seconds. A changed file has another time or size."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)


class Pages:
    """The pages, their parts and files, and Plotly."""

    def __init__(self, plotly: PlotlyScript) -> None:
        self.plotly = plotly
        self._joined = JoinedPages()
        self._files = _Files(directory=STATIC, check_dir=False)

    def page(self, name: str, request: Request, cache_control: str = "no-cache") -> Response:
        """One of the pages; browsers ask each time whether there is a newer one."""
        return self._joined.page(name).respond(request, cache_control)

    def routes(self) -> list[BaseRoute]:
        """`/`, `/joined/...`, `/static/...` and `/plotly.min.js`."""
        return [
            Route("/", self._index),
            Route("/plotly.min.js", self.plotly.respond),
            Route("/joined/{name}", self._part),
            Mount("/static", self._files, name="static"),
        ]

    async def _index(self, request: Request) -> Response:
        return self.page("index.html", request)

    async def _part(self, request: Request) -> Response:
        part = self._joined.part(request.path_params["name"])
        if part is None:
            return failure(404, "this part is of another version of the page; load the page anew")
        return part.respond(request, _FOREVER)


class Shield:
    """Middleware: requests for other hosts are refused, and every response gets the security headers."""

    def __init__(self, app: ASGIApp, allowed: Callable[[HTTPConnection], bool]) -> None:
        self.app, self.allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, shielded."""
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        allowed = self.allowed(connection)
        policy = _policy(connection.headers.get("host", "").lower() if allowed else "")

        async def send_shielded(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                # To scripts and style sheets the others mean nothing, and forty of them come with each phone.
                if not (scope["path"].startswith(("/static/", "/joined/")) and scope["path"].endswith((".js", ".css"))):
                    headers.update({**_OF_DOCUMENTS, "content-security-policy": policy})
            await send(message)

        return await (self.app if allowed else self._refuse)(scope, receive, send_shielded)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        sentence = "this server is not known by that host name; add it to WATTRACE_HOSTS to allow it"
        await failure(421, sentence)(scope, receive, send)


@lru_cache(maxsize=64)
def _policy(host: str) -> str:
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return _POLICY.format(sockets=sockets)
