"""`wattrace record` at a door: whom it tells the presenter's token, and which refusals it takes for good."""

import asyncio
from pathlib import Path

import pytest
from serving import TOKEN, Serving, settle
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from engine.documents import Stop, encode
from engine.errors import ServerError
from server.cli.recordings import record
from server.remote import RemoteRecording


@pytest.mark.parametrize("go_on", [False, True])
def test_the_token_opens_a_run_that_was_never_on_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_on: bool
) -> None:
    document = encode(Stop(t_ns=1, exit_status="success"))
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "private.jsonl").write_bytes(document)
    out = tmp_path / "copy.jsonl"
    if go_on:
        out.touch()
    with Serving(data=tmp_path) as server:
        with pytest.raises(ServerError, match="no recording of that run"):
            record(server.url, out, run="private", go_on=go_on)
        assert out.exists() is go_on
        monkeypatch.setenv("WATTRACE_TOKEN", TOKEN)
        record(server.url, out, run="private", go_on=go_on)
    assert out.read_bytes() == document


async def test_the_token_is_told_to_nobody_for_a_run_on_stage(tmp_path: Path) -> None:
    heard = []

    async def refuse(connection: ServerConnection, request: Request) -> Response:
        heard.append(request)
        return connection.respond(403, "")

    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        for number, run in enumerate((None, "private")):
            copying = RemoteRecording(
                f"127.0.0.1:{port}", tmp_path / f"{number}", run=run, token=TOKEN, say=lambda line: None
            )
            with pytest.raises(ServerError):
                await copying.copy()
    assert ["authorization" in request.headers for request in heard] == [False, True]
    assert not any(TOKEN in request.path for request in heard)


RESPONSES = [
    ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "refused with 403: Forbidden"),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "refused with 404: Not Found"),
    ('HTTP/1.1 421 X\r\nContent-Length: 23\r\n\r\n{"error": "wrong name"}', "refused with 421: wrong name"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "refused with 200"),
    ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "no wattrace"),
    ("SSH-2.0-OpenSSH_9.6\r\n", "no wattrace"),
    ("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", None),
    ("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n", None),
    ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", None),
    ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", None),
    ("", None),
]


@pytest.mark.parametrize(("response", "refusal"), RESPONSES)
async def test_a_refusal_for_good_is_one_error_and_any_other_is_waited_out(
    tmp_path: Path, response: str, refusal: str | None
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response.encode())
        writer.close()

    said = list[str]()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        recording = RemoteRecording(f"127.0.0.1:{port}", tmp_path / "copy.jsonl", say=said.append)
        copying = asyncio.create_task(recording.copy())
        if refusal:
            with pytest.raises(ServerError, match=refusal):
                await asyncio.wait_for(copying, 10)
            assert not said and not recording.file.exists(), "the same command may be given again"
        else:
            await settle(lambda: len(said) > 1)
            copying.cancel()


async def test_another_websocket_server_is_one_error(tmp_path: Path) -> None:
    async def chat(socket: ServerConnection) -> None:
        await socket.send("welcome")

    async with serve(chat, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ServerError, match="no wattrace"):
            await RemoteRecording(f"127.0.0.1:{port}", tmp_path / "copy.jsonl", say=lambda line: None).copy()
