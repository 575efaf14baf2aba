"""An answer's event stream, read without I/O: bytes in, rows of (tokens, text) out, counted exactly."""

from typing import Any

import orjson

Row = tuple[int, str]
"""Tokens that one chunk brought, and its text."""


class StreamFailed(Exception):
    """The server said, or showed, that this answer will not be completed."""


class AnswerStream:
    """One streamed answer (OpenAI's chat or plain completion) as its bytes come in.

    Tokens are counted from the running usage that each chunk carries (`continuous_usage_stats`). Where a
    server has no such thing, each chunk with text counts as one token, and `estimated` says so, unless the usage
    at the end proves the count right: an end-of-text token, which has no chunk, may be missing.
    """

    def __init__(self) -> None:
        self.prompt_tokens: int | None = None
        self.completion_tokens = 0
        self.finish_reason: str | None = None
        self.done = False
        """Whether the end of the stream was marked."""
        self.estimated = False
        self._rest = b""

    def feed(self, data: bytes) -> list[Row]:
        """The rows that `data` completes: chunks with tokens or text, in order. Raises StreamFailed."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        rows: list[Row] = []
        for line in lines:
            # Everything else is blank, a comment that keeps the connection alive, or a field nobody uses.
            if line.startswith(b"data:"):
                self._event(line[5:].strip(), rows)
        return rows

    def _event(self, payload: bytes, rows: list[Row]) -> None:
        if payload == b"[DONE]":
            self.done = True
            return
        try:
            chunk = orjson.loads(payload)
            if "error" in chunk:
                raise StreamFailed(_message(chunk["error"]))
            text = self._choice(chunk["choices"])
            tokens = self._count(chunk.get("usage"), text, final=not chunk["choices"])
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise StreamFailed(f"not a chunk of an answer: {payload[:80]!r}") from error
        if tokens or text:
            rows.append((tokens, text))

    def _choice(self, choices: list[Any]) -> str:
        if not choices:
            return ""
        choice = choices[0]
        self.finish_reason = choice["finish_reason"] or self.finish_reason
        delta = choice.get("delta")
        if delta is None:
            return choice["text"] or ""
        return delta.get("content") or delta.get("reasoning") or delta.get("reasoning_content") or ""

    def _count(self, usage: dict[str, Any] | None, text: str, *, final: bool) -> int:
        """Tokens that this chunk brought."""
        if usage is None:
            if not text:
                return 0
            self.estimated = True
            self.completion_tokens += 1
            return 1
        self.prompt_tokens = usage["prompt_tokens"]
        total = int(usage["completion_tokens"] or 0)
        new = total - self.completion_tokens
        self.completion_tokens = total
        if final and self.estimated:
            self.estimated = new not in (0, 1)
            # Which chunk brought more than one it cannot tell; the last row makes the sum right, if not its times.
        return max(0, new)


def _message(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message")
    return str(error)[:300]
