"""The image's health check: whether the server answers. Exits with 0 or 1 and prints what it said."""

import os
import sys
from http.client import HTTPConnection, HTTPException

WAIT_SECONDS = 4


def main() -> int:
    """Ask the server's /healthz; no proxy, no curl."""
    server = HTTPConnection("127.0.0.1", int(os.environ.get("WATTRACE_PORT", "8765")), timeout=WAIT_SECONDS)
    try:
        server.request("GET", "/healthz")
        answer = server.getresponse()
        print(answer.read().decode())
    except (OSError, HTTPException) as error:
        print(f"no answer: {error}")
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
