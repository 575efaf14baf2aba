"""`python -P -m server.observer PIPE PARENT`: serves the race that comes through the named pipe; prints its address."""

import signal
import sys
from dataclasses import replace

from engine.leash import die_with_parent
from server.app import Stage
from server.serving import serve
from server.settings import Settings

if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]), signal.SIGTERM)
    # The usual server and the usual child: here the child only passes on what the race next door tells.
    stage = Stage(replace(Settings(), port=0), lambda _: ["cat", sys.argv[1]], autostart=True)
    serve(stage, ready=lambda address: print(address.url, flush=True))
