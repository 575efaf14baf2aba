"""The JSON of OpenAI's API as vLLM 0.32 speaks it: chunks of a stream, whole answers, errors, models.

A chunk's parts that do not change are encoded once per request: 2,000 tokens a second have to cost little.
"""

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from engine.simulator.runner import Reply

FINGERPRINT = "wattrace-simulated"
DONE = b"data: [DONE]\n\n"


@lru_cache(maxsize=8192)
def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """vLLM's usage, in its own order of keys."""
    return {
        "prompt_tokens": prompt_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "completion_tokens": completion_tokens,
    }


@dataclass
class Shape:
    """One request's JSON: `chat` or plain completion, with usage in each chunk when it is `continuous`."""

    chat: bool
    id: str
    model: str
    prompt_tokens: int
    include_usage: bool = False
    continuous: bool = False
    created: int = field(default_factory=lambda: int(time.time()))  # OpenAI's field is wall time

    def __post_init__(self) -> None:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        self._head = b"data: " + orjson.dumps(head)[:-1] + b',"choices":['
        opening = b'{"index":0,"delta":{"content":' if self.chat else b'{"index":0,"text":'
        self._before_text = self._head + opening
        self._after_text = b"}" if self.chat else b""

    def role(self) -> bytes:
        """The chunk that begins a chat's stream; a plain completion has none."""
        if not self.chat:
            return b""
        choice = b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}'
        nothing = b',"prompt_token_ids":null,"prompt_text":null'
        return self._head + choice + b"]" + self._running_usage(0) + nothing + b"}\n\n"

    def chunk(self, text: str, completion_tokens: int, finish_reason: str | None) -> bytes:
        """The chunk that brings `text`, after which the answer has `completion_tokens`."""
        reason = b"null" if finish_reason is None else b'"' + finish_reason.encode() + b'"'
        tail = b',"logprobs":null,"finish_reason":' + reason
        if finish_reason is not None or not self.chat:
            tail += b',"stop_reason":null'
        tail += b',"token_ids":null}]' if self.chat else b',"prompt_token_ids":null,"token_ids":null}]'
        running = self._running_usage(completion_tokens)
        return b"".join((self._before_text, _quoted(text), self._after_text, tail, running, b"}\n\n"))

    def end(self, completion_tokens: int) -> bytes:
        """What closes the stream: the usage when it was asked for, and the mark of the end."""
        if not self.include_usage:
            return DONE
        total = orjson.dumps(usage(self.prompt_tokens, completion_tokens))
        fingerprint = f',"system_fingerprint":"{FINGERPRINT}"}}\n\n'.encode()
        return self._head + b'],"usage":' + total + fingerprint + DONE

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The answer to a request that did not ask for a stream."""
        text = reply.text(0, reply.available)
        choice: dict[str, Any] = {"index": 0}
        choice |= {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        choice |= {
            "logprobs": None,
            "finish_reason": reply.finish_reason,
            "stop_reason": None,
            "token_ids": None,
        }
        return {
            "id": self.id,
            "object": "chat.completion" if self.chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": FINGERPRINT,
            "usage": usage(self.prompt_tokens, reply.available),
        }

    def _running_usage(self, completion_tokens: int) -> bytes:
        if not self.continuous:
            return b""
        total = self.prompt_tokens + completion_tokens
        details = b',"completion_tokens_details":null' if self.chat else b""
        return b',"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d%b}' % (
            self.prompt_tokens,
            total,
            completion_tokens,
            details,
        )


def error(status: int, message: str, *, kind: str = "BadRequestError", param: str | None = None) -> dict[str, Any]:
    """vLLM's error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def models(name: str, root: str, max_model_len: int) -> dict[str, Any]:
    """What `/v1/models` says."""
    model = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "wattrace"}
    model |= {"root": root, "parent": None, "max_model_len": max_model_len, "permission": []}
    return {"object": "list", "data": [model]}
