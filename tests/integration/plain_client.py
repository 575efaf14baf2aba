"""A viewer in plain Python, written from docs/protocol.md and RFC 6455 alone: no library, no other part of wattrace."""

import base64
import json
import os
import socket
from collections.abc import Iterator
from typing import Any


class PlainViewer:
    def __init__(self, host: str, port: int, query: str = "", ack_every: int = 10) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        key = base64.b64encode(os.urandom(16)).decode()
        ask = f"GET /ws{query} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(f"{ask}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        assert b" 101 " in self.stream.readline(), "the server does not speak WebSocket here"
        while self.stream.readline().strip():
            pass
        self.close_code: int | None = None
        self.ack_every = ack_every  # 0: never

    def messages(self) -> Iterator[dict[str, Any]]:
        """Every message until the server closes; acknowledges one frame in so many."""
        while self.close_code is None:
            first, size = self.stream.read(2)
            size = int.from_bytes(self.stream.read({126: 2, 127: 8}[size]), "big") if size > 125 else size
            payload = self.stream.read(size)
            if first == 0x88:
                self.close_code = int.from_bytes(payload[:2], "big")
            elif first == 0x89:
                self._send(0x8A, payload)
            else:
                message = json.loads(payload)
                yield message
                if self.ack_every and message["type"] == "frame" and message["seq"] % self.ack_every == 0:
                    self._send(0x81, b'{"ack":%d}' % message["seq"])

    def _send(self, first: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.socket.sendall(bytes((first, 0x80 | len(payload))) + mask + masked)
