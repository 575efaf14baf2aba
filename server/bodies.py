"""What a request brings: a small JSON object of known keys, checked strictly."""

import asyncio
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from engine.errors import WattraceError

MOST_BYTES = 4096
_BODY_SECONDS = 10.0


class BadRequest(WattraceError):
    """The request's body is not what the route takes."""


async def content(request: Request, known: set[str]) -> dict[str, Any]:
    """The request's JSON object, {} without a body. Raises BadRequest for anything else, and unknown keys."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise BadRequest(f"the body is longer than {MOST_BYTES} bytes")
    except ClientDisconnect:
        raise BadRequest("the body was cut off") from None
    except TimeoutError:
        raise BadRequest(f"the body has not come within {_BODY_SECONDS:.0f} s") from None
    try:
        found = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object")
    if unknown := sorted(found.keys() - known):
        raise BadRequest(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known)) or 'none'}")
    return found


async def flag(request: Request, name: str) -> bool:
    """The one boolean that the request brings. Raises BadRequest."""
    value = (await content(request, {name})).get(name)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false")
    return value
