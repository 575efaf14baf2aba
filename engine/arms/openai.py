"""The arm that is somebody else's server: any that speaks OpenAI's API at a URL. wattrace does not start or end it."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import JsonValue

from engine.arms.listener import listeners
from engine.config import Arm
from engine.errors import ArmError, ArmNotReady, ArmUnavailable

_PATIENCE_SECONDS = 60.0
"""A server that answers 503 is still loading its model; so long it may."""

_POLL_SECONDS = 0.5
_MOST_BYTES = 2**20


class ApiKey:
    """A key that no document, log line, error message or `repr` gets to see."""

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __repr__(self) -> str:
        return "ApiKey(...)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and other._value == self._value

    __hash__ = None  # type: ignore[assignment]  # what Python does itself for who has __eq__

    @property
    def headers(self) -> dict[str, str]:
        """What a request needs, the key in clear."""
        return {"Authorization": f"Bearer {self._value}"} if self._value else {}

    def scrub(self, text: str) -> str:
        """`text` without the key, which a server may have sent back."""
        return text.replace(self._value, "***") if self._value else text


@dataclass(frozen=True)
class OpenAiLaunch:
    """Where the server is: `url` up to before `/chat/completions`, and the model to ask for (None: its only one)."""

    url: str
    model: str | None = None
    key: ApiKey = field(default_factory=ApiKey)
    key_variable: str | None = None

    @property
    def here(self) -> bool:
        """Whether the server runs on this machine, as far as its address tells: a tunnel's end does so, too."""
        return is_own_host(urlsplit(self.url).hostname or "")


def openai_launch(arm: Arm, label: str, environ: Mapping[str, str] = os.environ) -> OpenAiLaunch:
    """Where `arm` is; raises ArmUnavailable when the variable that its key is to come from is not set."""
    assert arm.url is not None, "config checks that an openai arm has a url"
    name = arm.api_key_env
    value = environ.get(name, "").strip() if name else ""
    if name and not value:
        raise ArmUnavailable(label, f"the variable {name} that its key is in is not set", remedy=f"export {name}=...")
    return OpenAiLaunch(arm.url.rstrip("/"), arm.model, ApiKey(value), name)


def is_own_host(host: str) -> bool:
    """Whether `host` is an address of this machine: one that a socket can be bound to."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    for kind, _, _, _, address in found:
        with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.bind(address)
            return True
    return False


class OpenAiArm:
    """Arm `label` as a running server somewhere: seen to be there, asked for its models, and watched.

    While `busy`, its requests tell how it is, and it is asked nothing besides, until one of them fails (`look`).
    """

    def __init__(self, label: str, launch: OpenAiLaunch) -> None:
        self.label, self.launch = label, launch
        self.model = launch.model or ""
        self.busy = False
        self.pids: set[int] = set()
        """Who listens behind its port, where that is on this machine and may be seen."""
        self._look = asyncio.Event()

    @property
    def api_url(self) -> str:
        """Where it answers, up to before `/chat/completions`."""
        return self.launch.url

    @property
    def headers(self) -> dict[str, str]:
        """What every request needs, the key in clear."""
        return self.launch.key.headers

    async def version(self) -> str | None:
        """No such API tells it."""
        return None

    async def effective(self) -> dict[str, JsonValue]:
        """What is really asked, and of whom: no key."""
        return {"told_by": "arguments", "url": self.launch.url, "model": self.model}

    async def start(self) -> None:
        """See that it is there, and which model it serves.

        Raises ArmNotReady when nobody answers, ArmUnavailable when it wants another key, or a model to be named.
        """
        async with self._session() as session:
            status, told = await self._patiently(session)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ArmUnavailable(self.label, self._refusal(status), remedy=self._key_remedy())
        self.model = self._chosen(_model_names(told), status)
        self.pids = await asyncio.to_thread(self._listeners)

    def _listeners(self) -> set[int]:
        parts = urlsplit(self.launch.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return listeners(port) if self.launch.here else set()

    async def _patiently(self, session: aiohttp.ClientSession) -> tuple[int, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while (found := await self._models(session))[0] == HTTPStatus.SERVICE_UNAVAILABLE:
                    await asyncio.sleep(_POLL_SECONDS)
                return found
        except TimeoutError:
            problem = f"{self.launch.url}/models does not answer in time"
            raise ArmNotReady(self.label, problem, remedy="see that server's own log") from None
        except aiohttp.ClientError as error:
            problem = self.launch.key.scrub(f"nothing answers at {self.launch.url}: {_why(error)}")
            raise ArmNotReady(self.label, problem, remedy="start that server, or correct the url") from None

    def _refusal(self, status: int) -> str:
        with_key = "the key it was given" if self.launch.key else "requests without a key"
        return f"{self.launch.url} refuses {with_key} (HTTP {status})"

    def _key_remedy(self) -> str:
        name = self.launch.key_variable
        return f"correct what is in {name}" if name else "name the variable that holds its key in api_key_env"

    def _chosen(self, names: list[str], status: int) -> str:
        """The model to ask for: a named one in any case, since servers know more names than they list."""
        if self.launch.model is not None:
            return self.launch.model
        if not names:
            problem = f"{self.launch.url}/models lists no model (HTTP {status})"
            raise ArmUnavailable(self.label, problem, remedy="name its model in the arm's model")
        known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        if len(names) > 1:
            problem = f"{self.launch.url} serves several models: {known}"
            raise ArmUnavailable(self.label, problem, remedy="name one of them in the arm's model")
        return names[0]

    async def _models(self, session: aiohttp.ClientSession) -> tuple[int, Any]:
        """Status and JSON of its list of models. Raises aiohttp.ClientError when nothing answers."""
        async with session.get(f"{self.launch.url}/models", headers=self.headers) as answer:
            body = await answer.content.read(_MOST_BYTES)
            if answer.status != HTTPStatus.OK:
                return answer.status, None
            try:
                return answer.status, orjson.loads(body)
            except ValueError:
                return answer.status, None

    def look(self) -> None:
        """A request has failed: see at once whether it is still there."""
        self._look.set()

    async def died(self) -> ArmError:
        """Wait until nobody listens any more, and say so. A server that is merely slow or unwilling lives."""
        async with self._session(seconds=5) as session:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), _POLL_SECONDS)
                if self.busy and not self._look.is_set():
                    continue
                self._look.clear()
                try:
                    await self._models(session)
                except aiohttp.ClientConnectorDNSError:
                    continue
                except aiohttp.ClientConnectorError as error:
                    problem = self.launch.key.scrub(f"nothing answers any more at {self.launch.url}: {_why(error)}")
                    return ArmError(self.label, problem, remedy="see that server's own log")
                except (aiohttp.ClientError, TimeoutError):
                    continue

    async def stop(self) -> None:
        """Leave it alone: it is not ours."""

    def _session(self, *, seconds: float = 10) -> aiohttp.ClientSession:
        # Each look is a connection of its own: an idle one would be found closed without the server having gone.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=seconds)
        )


def _model_names(told: Any) -> list[str]:
    """The names in a list of models, as OpenAI has it (`data`), or as some others do (a bare list, `models`)."""
    listed = (told.get("data") or told.get("models")) if isinstance(told, dict) else told
    if not isinstance(listed, list):
        return []
    names = (entry.get("id") or entry.get("name") if isinstance(entry, dict) else entry for entry in listed)
    return [name for name in names if isinstance(name, str) and name]


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
