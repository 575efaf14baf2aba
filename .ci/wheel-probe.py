"""Ask a demo that was just started, whose output is in the file given, for all that a viewer needs."""

import json
import re
import sys
import time
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

WAIT_SECONDS = 30


def address(output: Path) -> str:
    """The address that the demo printed."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"http://127\.0\.0\.1:\d+", output.read_text())
        if found:
            return found.group()
        time.sleep(0.05)
    sys.exit("the demo printed no address")


def get(url: str) -> bytes:
    """The body of `url`."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def main() -> None:
    """Fail with one line at the first thing that is missing."""
    base = address(Path(sys.argv[1]))
    health = json.loads(get(f"{base}/healthz"))
    assert health["status"] == "ok", health
    assert b"<html" in get(f"{base}/").lower()
    assert len(get(f"{base}/plotly.min.js")) > 1_000_000
    with connect(base.replace("http", "ws") + "/ws") as socket:
        hello = json.loads(socket.recv())
        assert hello["type"] == "hello", hello
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            frame = json.loads(socket.recv())
            if frame["type"] == "frame" and frame["state"] == "racing" and frame["arms"]["A"]["tokens"]:
                assert frame["simulated"] is True, frame
                print(f"racing from the wheel: frame {frame['seq']}, {frame['arms']['A']['tokens']} tokens")
                return
    sys.exit("no race was seen")


if __name__ == "__main__":
    main()
