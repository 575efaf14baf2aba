"""A real simulator process for tests: started, awaited, and ended whatever happens."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, Self

import orjson

MODEL = "Qwen/Qwen2.5-1.5B-Instruct"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class SimulatedServer:
    """`python -m engine.simulator` with `arguments`; leaving the block kills it."""

    def __init__(self, *arguments: str, wait: bool = True, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait = wait
        self._command = [sys.executable, "-m", "engine.simulator", "--port", str(self.port), *arguments]
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self._wait:
            self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def status(self) -> int | None:
        """What `/health` answers; None while nobody listens."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return None

    def wait_ready(self) -> list[int | None]:
        """Every answer of `/health` up to the first 200."""
        seen: list[int | None] = []
        while not seen or seen[-1] != 200:
            assert self.process.poll() is None, self.process.communicate()
            seen.append(self.status())
            time.sleep(0.02)
        return seen

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"vllm:{name}{{"))

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{self.url}{path}", data=orjson.dumps(body))
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def terminate(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)
