"""The seal of a recording: a digest in its stop, of every byte before the digest itself.

`head -c -85 FILE | sha256sum` gives the same by hand: the last 85 bytes are the digest's own.
"""

import hashlib

from engine.documents import Stop, encode

_BEGINS = b',"digest":"sha256:'


def sealed(stop: Stop, read: "hashlib._Hash") -> Stop:
    """`stop` with its digest, where `read` has hashed every byte before its line."""
    seal = read.copy()
    seal.update(encode(stop.model_copy(update={"digest": None}))[: -len(b"}\n")])
    return stop.model_copy(update={"digest": f"sha256:{seal.hexdigest()}"})


def holds(line: bytes, stop: Stop, read: "hashlib._Hash") -> bool:
    """Whether the bytes are those that were sealed; `line` is the stop's. Without a digest nobody can tell: yes."""
    if stop.digest is None:
        return True
    body, _, _ = line.rpartition(_BEGINS)
    seal = read.copy()
    seal.update(body)
    return stop.digest == f"sha256:{seal.hexdigest()}"
