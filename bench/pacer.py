"""A server for the bench that sends chunks at known times: `python bench/pacer.py --streams 64 --rate 5000`.

Every `streams / rate` seconds each open answer gets its next chunk, all at once, as a batch delivers them. A chunk's
text is the time (CLOCK_MONOTONIC, nanoseconds) just before it was handed to the socket, so whoever reads it knows
how late it is. Answers have `--tokens` chunks. It prints its port, and ends with its standard input.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\nCache-Control: no-cache\r\n\r\n"
)
CHUNK = (
    b'data: {"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1760000000,"model":"pacer",'
    b'"choices":[{"index":0,"delta":{"content":" %d"},"logprobs":null,"finish_reason":%b,"token_ids":null}],'
    b'"usage":{"prompt_tokens":20,"total_tokens":%d,"completion_tokens":%d}}\n\n'
)
END = (
    b'data: {"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1760000000,"model":"pacer",'
    b'"choices":[],"usage":{"prompt_tokens":20,"total_tokens":%d,"completion_tokens":%d}}\n\ndata: [DONE]\n\n'
)


class Answer(asyncio.Protocol):
    """One connection; `next_chunk` is called while a request of it is open."""

    def __init__(self, open_answers: set["Answer"], tokens: int) -> None:
        self._open, self._tokens = open_answers, tokens
        self._received, self._sent = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= _length(head):
            self._received = body[_length(head) :]
            self._sent = 0
            self._transport.write(HEAD)
            self._open.add(self)

    def next_chunk(self) -> None:
        """Send one more; after the last one the answer is over."""
        self._sent += 1
        last = self._sent == self._tokens
        data = CHUNK % (time.monotonic_ns(), b'"length"' if last else b"null", 20 + self._sent, self._sent)
        message = b"%x\r\n%b\r\n" % (len(data), data)
        if last:
            end = END % (20 + self._sent, self._sent)
            message += b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end)
            self._open.discard(self)
        self._transport.write(message)


def _length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), 0)


async def pace(open_answers: Iterable[Answer], seconds: float) -> None:
    """A chunk for everybody on every deadline."""
    due = time.monotonic()
    while True:
        due += seconds
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        for answer in list(open_answers):
            answer.next_chunk()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5000.0)
    parser.add_argument("--tokens", type=int, default=96)
    arguments = parser.parse_args()
    loop, open_answers = asyncio.get_running_loop(), set[Answer]()
    server = await loop.create_server(lambda: Answer(open_answers, arguments.tokens), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    pacing = asyncio.create_task(pace(open_answers, arguments.streams / arguments.rate))
    await loop.run_in_executor(None, sys.stdin.read)
    pacing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
