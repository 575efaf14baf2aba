"""Plotly's script, from the installed package: gzipped once for all starts, served from memory."""

import asyncio
import gzip
import importlib.util
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from server.answers import failure
from server.packed import Packed, tag_of

# Chromium's hint to compile every function while loading, off the main thread: it halves the time that the script's
# first run blocks the page (1.2 s to 0.6 s on a slow laptop's core). Other browsers see a comment.
_MEDIA_TYPE = "text/javascript; charset=utf-8"
COMPILE_HINT = b"//# allFunctionsCalledOnLoad\n"


class PlotlyScript:
    """Serves `/plotly.min.js`; the first request waits for the gzipping, unless `prepare` has been called."""

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._script: Packed | None = None
        self._lock = asyncio.Lock()

    async def prepare(self) -> Packed | None:
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
        # A versioned address (?v=) never changes its content; the plain one is asked for anew each day.
        age = "max-age=31536000, immutable" if "v" in request.query_params else "max-age=86400"
        return script.respond(request, f"public, {age}")


def script_path() -> Path | None:
    """Where the script is; the package itself is not imported, which would take half a second."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return path if path.is_file() else None


def _load(cache: Path | None) -> Packed | None:
    path = script_path()
    if path is None:
        return None
    plain = COMPILE_HINT + path.read_bytes()
    tag = tag_of(plain)
    kept = (cache or _cache_folder()) / f"plotly-{tag}.js.gz"
    with suppress(OSError):
        return Packed(plain, kept.read_bytes(), tag, _MEDIA_TYPE)
    gzipped = gzip.compress(plain, compresslevel=9, mtime=0)
    with suppress(OSError):  # a home that cannot be written to costs the gzipping at every start, no more
        _keep(kept, gzipped)
    return Packed(plain, gzipped, tag, _MEDIA_TYPE)


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
