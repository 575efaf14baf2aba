"""What a client asks for, out of the JSON it sent; what cannot be is refused in vLLM's words."""

from dataclasses import dataclass
from typing import Any

from engine.simulator.text import TEMPLATE_TOKENS, count_tokens


class Refused(Exception):
    """The request cannot be served: HTTP `status`, what is wrong, and with which parameter."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "BadRequestError", param: str | None = None):
        super().__init__(message)
        self.message, self.status, self.kind, self.param = message, status, kind, param


@dataclass(frozen=True)
class Asked:
    """One valid request."""

    prompt: str
    prompt_tokens: int
    max_tokens: int
    temperature: float
    seed: int | None
    ignore_eos: bool
    stream: bool
    include_usage: bool
    continuous_usage: bool
    cache_salt: str
    """Prompts with different salts share nothing that is cached."""


def read(body: Any, *, chat: bool, model: str, max_model_len: int) -> Asked:
    """The request in `body`. Raises Refused."""
    if not isinstance(body, dict):
        raise Refused("the body should be a JSON object", kind="Bad Request")
    if body.get("model") not in (None, model):
        raise Refused(
            f"The model `{body['model']}` does not exist. Valid aliases: {model}.",
            status=404,
            kind="NotFoundError",
            param="model",
        )
    if _number(body, "n", 1) != 1:
        raise Refused("the simulated server gives one answer a request", param="n")
    prompt, prompt_tokens = _messages(body) if chat else _prompt(body)
    stream = bool(body.get("stream"))
    options = body.get("stream_options") or {}
    if options and not stream:
        raise Refused("Stream options can only be defined when `stream=True`.", param="stream_options")
    include_usage = bool(options.get("include_usage"))
    return Asked(
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        max_tokens=_max_tokens(body, prompt_tokens, max_model_len),
        temperature=float(_number(body, "temperature", 1.0)),
        seed=None if body.get("seed") is None else int(_number(body, "seed", 0)),
        ignore_eos=bool(body.get("ignore_eos")),
        stream=stream,
        include_usage=include_usage,
        continuous_usage=include_usage and bool(options.get("continuous_usage_stats")),
        cache_salt=str(body.get("cache_salt") or ""),
    )


def _number(body: dict[str, Any], name: str, default: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{name} should be a number, not {value!r}", kind="Bad Request", param=name)
    return value


def _max_tokens(body: dict[str, Any], prompt_tokens: int, max_model_len: int) -> int:
    name = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    room = max_model_len - prompt_tokens
    if room < 1:
        message = f"a prompt of {prompt_tokens} tokens leaves no room to answer in max_model_len={max_model_len}"
        raise Refused(message, param="messages")
    asked = int(_number(body, name, room))
    if asked < 1:
        raise Refused(f"{name} must be at least 1, got {asked}. (parameter={name}, value={asked})", param=name)
    if asked > room:
        message = f"{name}={asked} cannot be greater than max_model_len={max_model_len} less the prompt's tokens"
        raise Refused(f"{message} ({prompt_tokens}). Please request fewer output tokens.", param=name)
    return asked


def _messages(body: dict[str, Any]) -> tuple[str, int]:
    """The last message's text, and the tokens of all messages in the chat's template."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages: Field required", kind="Bad Request", param="body.messages")
    texts = [_content(message) for message in messages]
    return texts[-1], TEMPLATE_TOKENS + 5 * (len(texts) - 1) + sum(map(count_tokens, texts))


def _content(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if len(parts) == len(content) and all(isinstance(part, str) for part in parts):
            return "\n".join(str(part) for part in parts)
    raise Refused("messages: each needs content that is text", kind="Bad Request", param="body.messages")


def _prompt(body: dict[str, Any]) -> tuple[str, int]:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Refused("prompt should be one text", kind="Bad Request", param="body.prompt")
    return prompt, max(1, count_tokens(prompt))
