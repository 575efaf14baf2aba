"""`python -P -m server.observer.crowd URL`: as many viewers as its standard input says, line by line.

Each acknowledges frames as the page does, and looks at none of them. It answers with their number once all
are there, and ends with its standard input.
"""

import asyncio
import contextlib
import os
import re
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

_ACK_EVERY = 6
_SEQ = re.compile(r'"seq":(\d+)')
_AGAIN_SECONDS = 0.2


async def crowd(url: str) -> None:
    """Do as the lines say."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    viewers: list[asyncio.Task[None]] = []
    while line := await reader.readline():
        wanted = int(line)
        leaving, viewers = viewers[wanted:], viewers[:wanted]
        for viewer in leaving:
            viewer.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        seated = [asyncio.Event() for _ in range(wanted - len(viewers))]
        viewers += [asyncio.create_task(watch(url, event)) for event in seated]
        await asyncio.gather(*(event.wait() for event in seated))
        print(wanted, flush=True)
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)


async def watch(url: str, seated: asyncio.Event) -> None:
    """One viewer, who comes back when sent away."""
    while True:
        with contextlib.suppress(OSError, WebSocketException, TimeoutError):
            async with connect(url, compression=None) as socket:
                number = 0
                async for message in socket:
                    seated.set()
                    if number % _ACK_EVERY == 0 and (found := _SEQ.search(str(message))):
                        await socket.send(f'{{"ack":{found[1]}}}')
                    number += 1
        await asyncio.sleep(_AGAIN_SECONDS)


if __name__ == "__main__":
    # Real viewers have computers of their own: these give way to whatever is measured.
    os.nice(15)
    asyncio.run(crowd(sys.argv[1]))
