"""How a request is spelled for one server: the fields that vLLM knows, and what stands in for them elsewhere. Pure."""

from dataclasses import dataclass

import orjson

from engine.config import Workload
from engine.documents import MarkKind
from engine.workload import sent_text


@dataclass(frozen=True)
class Form:
    """Requests of `workload` to a server that calls its model `model`.

    `vllm` says whether it knows vLLM's own fields: a running usage in every chunk, a salt for its prefix cache,
    answers of a fixed length. `usage` says whether it takes `stream_options` at all.
    """

    model: str
    workload: Workload
    vllm: bool = True
    usage: bool = True

    def salt(self, number: int, nth: int) -> str | None:
        """What keeps request `nth` of round `number` apart from what the server has cached; None: nothing."""
        match self.workload.prefix_cache:
            case "keep":
                return None
            case "per_round":
                return f"round {number:05d}"
            case "off":
                return f"round {number:05d} request {nth:06d}"

    def body(self, question: str, *, salt: str | None = None, max_tokens: int | None = None) -> bytes:
        """The JSON of one request. A `max_tokens` other than the workload's is never a fixed length."""
        text = sent_text(self.workload.prompts, question)
        if salt is not None and not self.vllm:
            text = f"[{salt}]\n{text}"
        fields: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": max_tokens or self.workload.max_tokens,
            "temperature": 0,
            "seed": self.workload.seed,
            "stream": True,
        }
        if self.usage:
            running = {"continuous_usage_stats": True} if self.vllm else {}
            fields["stream_options"] = {"include_usage": True, **running}
        if self.vllm and salt is not None:
            fields["cache_salt"] = salt
        if self.vllm and self.workload.fixed_length and max_tokens is None:
            fields |= {"ignore_eos": True, "min_tokens": self.workload.max_tokens}
        return orjson.dumps(fields)

    def remarks(self) -> list[tuple[MarkKind, str]]:
        """What a referee must know of this arm's requests, since its server lacks vLLM's fields."""
        said: list[tuple[MarkKind, str]] = []
        if self.vllm:
            return said
        if self.workload.prefix_cache != "keep":
            what = "its round" if self.workload.prefix_cache == "per_round" else "its round and request"
            text = f"this server knows no cache_salt, so every prompt begins with a line of its own that names {what}"
            said.append((MarkKind.NOTE, text))
        if self.workload.fixed_length:
            text = "this server cannot be asked for answers of a fixed length, so its answers may be shorter"
            said.append((MarkKind.WARNING, text))
        return said
