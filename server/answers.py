"""Answers in JSON: encoded by orjson, never cached; errors are one sentence."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    """A JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body's bytes."""
        return orjson.dumps(content)


def answer(content: Any, status: int = 200) -> Json:
    """`content` as it is now."""
    return Json(content, status, headers={"cache-control": "no-store"})


def failure(status: int, sentence: str, headers: Mapping[str, str] | None = None, **facts: Any) -> Json:
    """`{"error": sentence}`, with what else a program may want to know."""
    headers = {"cache-control": "no-store", **(headers or {})}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Json({"error": sentence, **facts}, status, headers=headers)
