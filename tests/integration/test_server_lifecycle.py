"""From bind to shutdown: ports, signals, stalled viewers, start-up without heavy imports."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from serving import Serving, silent_viewer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.errors import PortInUse, ServerError
from server.auth import Gate
from server.serving import Address, address, bind
from server.settings import Settings

PROGRAM = """
import sys
from pathlib import Path
from serving import fake_race
from server.app import Stage
from server.serving import serve
from server.settings import Settings
data = Path(sys.argv[1]) if sys.argv[1:] else None
settings = Settings(port=0, data=data, frame_rate=60.0)
serve(Stage(settings, fake_race("race"), autostart=True), ready=lambda a: print(a.port, flush=True))
print("served", "plotly" in sys.modules, flush=True)
"""


@contextmanager
def program(data: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, which keeps its recordings in `data`, fast enough to fill buffers soon."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    environ = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *([str(data)] if data else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_port_in_use_is_an_error_before_anything_starts() -> None:
    with Serving() as server:
        with pytest.raises(PortInUse) as caught:
            bind("127.0.0.1", server.port)
        assert str(server.port) in str(caught.value) and "--port" in str(caught.value)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(ServerError) as caught:
        bind(host, 0)
    assert host in str(caught.value)


def test_a_socket_that_is_bound_takes_connections_at_once() -> None:
    with bind("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()


def test_where_to_find_it() -> None:
    gate = Gate(Settings())
    found: Address = address(Settings(host="0.0.0.0"), gate, 1234)
    assert found.url == "http://127.0.0.1:1234/" and found.port == 1234
    assert re.fullmatch(r"http://127\.0\.0\.1:1234/login\?ticket=[\w-]{20,}", found.login_url)
    assert address(Settings(host="::1"), gate, 1).url == "http://[::1]:1/"
    assert found.token not in found.login_url
    assert address(Settings(), gate, 1).phone_urls == (), "nothing is offered beyond loopback that is not served there"
    (phone,) = address(Settings(host="192.0.2.7"), gate, 1).phone_urls
    assert re.fullmatch(r"http://192\.0\.2\.7:1/login\?ticket=[\w-]{20,}&to=present", phone)
    ticket = phone.partition("ticket=")[2].partition("&")[0]
    assert gate.redeem(ticket) is not None and gate.redeem(ticket) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_in_order_with_stalled_viewers(number: signal.Signals) -> None:
    with program() as (process, port):
        stalled = [silent_viewer(port) for _ in range(3)]
        time.sleep(0.5)
        begun = time.monotonic()
        process.send_signal(number)
        out, error = process.communicate(timeout=10)
        took = time.monotonic() - begun
        for viewer in stalled:
            viewer.close()
    assert process.returncode == 0
    assert out == "served False\n", "plotly's package is never imported"
    assert error == ""
    assert took < 4, "2 s are promised; the rest is for a busy machine"


def asking(port: int, what: str, *, window: int | None = None, rest: str = "\r\n") -> socket.socket:
    """A request for `what`, whose answer nobody reads yet."""
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{rest}".encode())
    return client


async def test_any_mix_of_viewers_is_told_and_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))

    async def code_at_the_end(query: str) -> int | None:
        async with connect(f"ws://127.0.0.1:{port}/ws{query}", max_size=None) as viewer:
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await viewer.recv()
        return caught.value.rcvd.code if caught.value.rcvd else None

    with program(tmp_path) as (process, port), ExitStack() as stack:
        listening = [asyncio.create_task(code_at_the_end(query)) for query in ("", "", "?mode=record", "?mode=record")]
        events = stack.enter_context(asking(port, "/events"))
        events.settimeout(15)
        hearing = asyncio.create_task(asyncio.to_thread(lambda: b"".join(iter(lambda: events.recv(65536), b""))))
        stack.enter_context(asking(port, "/events", window=2048))
        stack.enter_context(silent_viewer(port))
        stack.enter_context(silent_viewer(port, "?mode=record"))
        stack.enter_context(asking(port, "/", rest="X: "))
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        await asyncio.sleep(3)  # until nothing more goes into the buffers of those that do not read
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, error = await asyncio.to_thread(process.communicate, timeout=10)
        took = time.monotonic() - begun
        codes = await asyncio.gather(*listening)
        heard = await hearing
    assert process.returncode == 0 and error == "" and out == "served False\n"
    assert codes == [1001, 1001, 1000, 1000], "viewers hear why; who records has the end of the race, too"
    assert heard.endswith(b"0\r\n\r\n"), "the events have come to their end"
    assert took < 4, "2 s are promised; the rest is for a busy machine"


SECRET = "a-word-that-nobody-may-read"


def test_what_is_in_an_address_is_in_no_log(tmp_path: Path) -> None:
    with program(tmp_path) as (process, port):
        for path in (
            f"/login?ticket={SECRET}",
            f"/{SECRET}?{SECRET}",
            f"/events?run={SECRET}&since=1",
            f"/api/run?{SECRET}",
        ):
            client = asking(port, path)
            client.settimeout(10)
            assert client.recv(12).startswith(b"HTTP/1.1 ")
            client.close()
        for query in (f"?run={SECRET}&since=1", f"?mode=record&run={SECRET}", f"?token={SECRET}"):
            viewer = silent_viewer(port, query)
            viewer.settimeout(10)
            assert b" 101 " in viewer.recv(64)
            viewer.close()
        broken = socket.create_connection(("127.0.0.1", port), timeout=10)
        broken.sendall(f"GET /{SECRET} HTTP/9\r\n{SECRET}\r\n\r\n".encode())
        assert broken.recv(12) == b"HTTP/1.1 400"
        broken.close()
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=10)
    assert SECRET not in out + error


def test_a_viewer_whose_buffers_are_full_does_not_hold_the_shutdown_up() -> None:
    with Serving(frame_rate=60.0) as server:
        payload = server.stage.scene.payload
        server.stage.scene.payload = lambda now: {**payload(now), "weight": "x" * 20_000}
        stalled = silent_viewer(server.port)
        time.sleep(2)
        begun = time.monotonic()
    took = time.monotonic() - begun
    stalled.close()
    assert took < 4
