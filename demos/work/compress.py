"""Compress made-up text with zlib, over and over, and say how much: `python -m demos.work.compress --level 9`."""

import argparse
import random
import time
import zlib

_WORDS = """
watt joule volt current charge field spark lamp wire coil heat light motion work rest mass wave water wind sun river
stone leaf bird wolf ship road bridge tower garden winter summer morning evening silver copper iron amber slow quick
bright dark deep high near far old young warm cold heavy quiet gentle the of and to in a is that it
"""
_CHUNK_BYTES = 100_000
_TOLD_SECONDS = 0.1


def made_up_text(seed: int, size_bytes: int) -> bytes:
    """About as much text as asked for; the same `seed` gives the same."""
    words = _WORDS.split()
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return " ".join(random.Random(seed).choices(words, weights, k=size_bytes // 5)).encode()


def compress(text: bytes, level: int, megabytes: float) -> None:
    """Until so many megabytes have gone in; a line tells now and then how many have."""
    chunks = [text[start : start + _CHUNK_BYTES] for start in range(0, len(text), _CHUNK_BYTES)]
    taken = given = number = 0
    told = time.monotonic()
    print("compressed 0.0 MB", flush=True)  # from here on it works at full speed
    while taken < megabytes * 1e6:
        chunk = chunks[number % len(chunks)]
        number += 1
        taken += len(chunk)
        given += len(zlib.compress(chunk, level))
        if time.monotonic() - told >= _TOLD_SECONDS:
            told = time.monotonic()
            print(f"compressed {taken / 1e6:.1f} MB into {given / taken:.1%} of that", flush=True)


def main() -> None:
    """Read the options and work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", type=int, default=6, choices=range(1, 10), help="1 is quick, 9 is thorough")
    parser.add_argument("--megabytes", type=float, default=float("inf"), help="how much to compress (default: no end)")
    parser.add_argument("--seed", type=int, default=7, help="of the text")
    options = parser.parse_args()
    compress(made_up_text(options.seed, 2_000_000), options.level, options.megabytes)


if __name__ == "__main__":
    main()
