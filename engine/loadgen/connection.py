"""The connections to one server, and the requests on them."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from http import HTTPStatus

import aiohttp

from engine.loadgen.form import Form
from engine.loadgen.stream import StreamFailed

# vLLM closes an idle connection after 5 s: let go of it earlier, or a request would meet a closing door.
KEEP_ALIVE_SECONDS = 2.0

FAILURES = (aiohttp.ClientError, OSError, TimeoutError, StreamFailed)
"""How a request may fail."""


class Connection:
    """Requests to the chat endpoint `url`, spelled as `form` says; `headers` may hold a key, and are told to nobody."""

    def __init__(self, url: str, form: Form, headers: Mapping[str, str]) -> None:
        self.form = form
        self._url, self._headers = url, {"Content-Type": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Be ready to connect."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0),
            headers=self._headers,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def ask(
        self, question: str, *, salt: str | None = None, max_tokens: int | None = None
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The event stream that answers `question`. Raises one of FAILURES.

        A server that refuses `stream_options` is asked again without, and never with it again.
        """
        if self._session is None:
            raise RuntimeError("a LoadGenerator has to be entered with `async with` first")
        while True:
            usage = self.form.usage
            body = self.form.body(question, salt=salt, max_tokens=max_tokens)
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                if response.status == HTTPStatus.OK:
                    yield response.content
                    return
                said = (await response.text(errors="replace"))[:300]
            refused = response.status == HTTPStatus.BAD_REQUEST and "stream_options" in said
            if self.form.vllm or not usage or not refused:
                raise StreamFailed(f"HTTP {response.status}: {said}")
            self.form = replace(self.form, usage=False)


def why(error: BaseException) -> str:
    """What to say of `error`."""
    return str(error) or type(error).__name__
