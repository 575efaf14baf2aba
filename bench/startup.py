"""From the start of `wattrace demo` to its first answer: `python bench/startup.py`."""

import http.client
import socket
import statistics
import time

from figures import finish, most, options, told
from show import Show, show

RUNS = 5
LIMIT_SECONDS = 3.0
GIVE_UP_SECONDS = 30.0


def main() -> None:
    arguments = options(__doc__).parse_args()
    times = [started() for _ in range(RUNS)]
    rows = [
        most(f"process start to /healthz 200, median of {RUNS}", statistics.median(times), LIMIT_SECONDS, "s"),
        most("the worst of them", max(times), LIMIT_SECONDS, "s"),
        told("the best of them", min(times), "s", digits=2),
    ]
    finish(rows, arguments.json)


def started() -> float:
    """Seconds until one new server is healthy."""
    port = free_port()
    with show("demo", "--simulate", "--no-browser", "--autostart", "--port", str(port)) as running:
        return until_healthy(running, port)


def until_healthy(running: Show, port: int) -> float:
    while time.monotonic() - running.begun < GIVE_UP_SECONDS:
        if healthy(port):
            return time.monotonic() - running.begun
        assert running.process.poll() is None, running.output.read_text()
        time.sleep(0.01)
    raise TimeoutError(f"not healthy after {GIVE_UP_SECONDS:g} s")


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
