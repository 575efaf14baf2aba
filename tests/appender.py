"""A process that records, and tells through its standard output what it has appended: for killing it.

`python appender.py FROM TO`: documents of the recording FROM, one a millisecond, into the new recording TO.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def append(source: Path, target: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from engine.recording import Reader, Recorder

    with Recorder(target) as recorder:
        for document in Reader(source):  # its stop too: the digest in it is of the same bytes
            recorder(document)
            os.write(1, b"%d\n" % recorder.bytes_written)
            time.sleep(0.001)
        time.sleep(60)


def kill_one(source: Path, target: Path, chance: random.Random) -> int:
    """Start one, kill it at a random moment while it appends, and say how many bytes it had told of.

    Any document may be the last one that it tells of, on a busy machine too.
    """
    last = chance.randrange(1, source.read_bytes().count(b"\n") + 1)
    command = [sys.executable, str(Path(__file__).resolve()), str(source), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        told = b"".join(process.stdout.readline() for _ in range(last))
        time.sleep(chance.uniform(0, 0.001))
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read()
    *_, newest, cut = (b"\n" + told).split(b"\n")
    assert cut == b"", "a line through a pipe is whole"
    return int(newest)


def faults(source: Path, target: Path, told: int) -> list[str]:
    """What is wrong with what a killed one left; nothing should be."""
    import engine.recording
    from engine.recording import check

    content, whole = target.read_bytes(), source.read_bytes()
    found = []
    if not content.startswith(whole[:told]):
        found.append(f"{told} bytes were appended, the file has {len(content)}")
    if not whole.startswith(content[: content.rfind(b"\n") + 1]):
        found.append("the file is no beginning of what was told")
    report, cut_off = check(target), engine.recording.open(target).cut_off
    if content == whole:
        return [*found, *([] if report.verdict == "good" and cut_off is None else [f"check says {report.verdict}"])]
    if report.verdict != "cut off" or report.cut is None or report.cut["after_byte"] != content.rfind(b"\n") + 1:
        found.append(f"check says {report.verdict}: {report.cut}")
    if cut_off is None:
        found.append("it opens as if it were whole")
    return found


if __name__ == "__main__":
    append(Path(sys.argv[1]), Path(sys.argv[2]))
