"""A server that speaks OpenAI's API as badly as its modes say: `python rude_server.py PORT MODE ...`.

silent-usage      tells no usage, whatever is asked for
fat-chunks        tells a usage at the end that is twice the number of its chunks
refuses-options   answers 400 to a request with stream_options
key               wants the key in RUDE_KEY, and sends back what it got
tells-key         its chat fails with status 500, and its answer has the request's headers in it
no-models         has no /v1/models
many-models       has two models
odd-models        lists its models in a way of its own
loading           answers 503 to its first three requests
dribbles          cuts its bytes anywhere, with comments and blank lines in between
dies              ends its process in the middle of the third answer
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

PORT, MODES = int(sys.argv[1]), set(sys.argv[2:])
WORDS = ["Because ", "of ", "the ", "light, ", "my ", "friend."]
TOKENS = 2 * len(WORDS) if "fat-chunks" in MODES else len(WORDS) + 1  # the end of the text is one, too
counts = {"requests": 0, "answers": 0}


def refused(request: Request) -> Response | None:
    counts["requests"] += 1
    if "loading" in MODES and counts["requests"] <= 3:
        return PlainTextResponse("loading the model", status_code=503)
    given = request.headers.get("authorization", "none")
    if "key" in MODES and given != f"Bearer {os.environ['RUDE_KEY']}":
        return JSONResponse({"error": {"message": f"wrong key: {given}"}}, status_code=401)
    return None


async def models(request: Request) -> Response:
    if response := refused(request):
        return response
    if "no-models" in MODES:
        return PlainTextResponse("not found", status_code=404)
    if "odd-models" in MODES:
        return JSONResponse({"models": [{"name": "rude"}]})
    names = ["rude", "ruder"] if "many-models" in MODES else ["rude"]
    return JSONResponse({"object": "list", "data": [{"id": name} for name in names]})


async def chat(request: Request) -> Response:
    if response := refused(request):
        return response
    body = await request.json()
    if body["model"] not in ("rude", "ruder"):
        return JSONResponse({"error": {"message": f"no model {body['model']}"}}, status_code=404)
    if "tells-key" in MODES:
        return PlainTextResponse(f"something broke: {dict(request.headers)}", status_code=500)
    if "refuses-options" in MODES and "stream_options" in body:
        return JSONResponse({"error": {"message": "stream_options: extra fields not permitted"}}, status_code=400)
    counts["answers"] += 1
    usage = "stream_options" in body and "silent-usage" not in MODES
    lines = answer(usage=usage, deadly=counts["answers"] == 3)
    return StreamingResponse(dribbled(lines) if "dribbles" in MODES else lines, media_type="text/event-stream")


async def answer(*, usage: bool, deadly: bool) -> AsyncIterator[bytes]:
    for word in WORDS:
        await asyncio.sleep(0.01)
        if deadly and word == "my " and "dies" in MODES:
            os._exit(1)
        yield event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
    yield event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        yield event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": TOKENS}})
    yield b"data: [DONE]\n\n"


def event(fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


async def dribbled(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    whole = b""
    async for line in lines:
        whole += b": still here\r\n\r\n" + line.replace(b"\n", b"\r\n")
        cut = len(whole) * 2 // 3
        yield whole[:cut]
        whole = whole[cut:]
        await asyncio.sleep(0)
    yield whole


if __name__ == "__main__":
    routes = [Route("/v1/models", models), Route("/v1/chat/completions", chat, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=PORT, log_level="warning")
