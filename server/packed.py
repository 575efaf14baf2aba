"""Content that is served from memory, gzipped once: 500 phones come within seconds, through one access point."""

import gzip
import hashlib
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True)
class Packed:
    """Content, plain and gzipped, and the tag that names it."""

    plain: bytes
    gzipped: bytes
    tag: str
    media_type: str

    @classmethod
    def of(cls, plain: bytes, media_type: str) -> "Packed":
        """That content; gzipped here."""
        return cls(plain, gzip.compress(plain, mtime=0), tag_of(plain), media_type)

    def respond(self, request: Request, cache_control: str) -> Response:
        """The content, gzipped for those who take it; 304 for those who have it."""
        gzipped = takes_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{self.tag}-gz"' if gzipped else f'"{self.tag}"'
        headers = {"etag": tag, "vary": "accept-encoding", "cache-control": cache_control}
        known = request.headers.get("if-none-match", "").split(",")
        if tag in {part.strip().removeprefix("W/") for part in known}:
            return Response(status_code=304, headers=headers)
        if gzipped:
            headers["content-encoding"] = "gzip"
        content = self.gzipped if gzipped else self.plain
        return Response(content, media_type=self.media_type, headers=headers)


def tag_of(content: bytes) -> str:
    """A name that no other content has."""
    return hashlib.sha256(content).hexdigest()[:16]


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in accepted.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
