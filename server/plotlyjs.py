"""Plotly's script, from the installed package: gzipped once for all starts, served from memory."""

import asyncio
import gzip
import hashlib
import importlib.util
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from server.answers import failure

# Chromium's hint to compile every function while loading, off the main thread: it halves the time that the script's
# first run blocks the page (1.2 s to 0.6 s on a slow laptop's core). Other browsers see a comment.
COMPILE_HINT = b"//# allFunctionsCalledOnLoad\n"


@dataclass(frozen=True)
class Script:
    """The script, plain and gzipped, and the tag that names its content."""

    plain: bytes
    gzipped: bytes
    tag: str


class PlotlyScript:
    """Serves `/plotly.min.js`; the first request waits for the gzipping, unless `prepare` has been called."""

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._script: Script | None = None
        self._lock = asyncio.Lock()

    async def prepare(self) -> Script | None:
        """Read and gzip the script in a thread; None when the package is not installed."""
        async with self._lock:
            if self._script is None:
                self._script = await asyncio.to_thread(_load, self._cache)
            return self._script

    async def respond(self, request: Request) -> Response:
        """The script, gzipped for those who take it."""
        script = await self.prepare()
        if script is None:
            return failure(404, "the plotly package is not installed; install wattrace anew")
        gzipped = _takes_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{script.tag}-gz"' if gzipped else f'"{script.tag}"'
        # A versioned address (?v=) never changes its content; the plain one is asked for anew each day.
        age = "max-age=31536000, immutable" if "v" in request.query_params else "max-age=86400"
        headers = {"etag": tag, "vary": "accept-encoding", "cache-control": f"public, {age}"}
        known = request.headers.get("if-none-match", "").split(",")
        if tag in {part.strip().removeprefix("W/") for part in known}:
            return Response(status_code=304, headers=headers)
        if gzipped:
            headers["content-encoding"] = "gzip"
        content = script.gzipped if gzipped else script.plain
        return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in accepted.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def script_path() -> Path | None:
    """Where the script is; the package itself is not imported, which would take half a second."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return path if path.is_file() else None


def _load(cache: Path | None) -> Script | None:
    path = script_path()
    if path is None:
        return None
    plain = COMPILE_HINT + path.read_bytes()
    tag = hashlib.sha256(plain).hexdigest()[:16]
    kept = (cache or _cache_folder()) / f"plotly-{tag}.js.gz"
    with suppress(OSError):
        return Script(plain, kept.read_bytes(), tag)
    gzipped = gzip.compress(plain, compresslevel=9, mtime=0)
    with suppress(OSError):  # a home that cannot be written to costs the gzipping at every start, no more
        _keep(kept, gzipped)
    return Script(plain, gzipped, tag)


def _keep(path: Path, content: bytes) -> None:
    """Written beside its place and moved there, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("wattrace")
