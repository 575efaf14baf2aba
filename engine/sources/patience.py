"""Driver calls that may never return: each in a thread of its own, waited for while others keep returning."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 2.0
"""Without persistence mode a driver takes a second or more for each GPU, one after the other."""


def started(call: Callable[[], T]) -> "Future[T]":
    """What `call` will have given, running from now on in a thread that keeps no process alive."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def settle(futures: "Sequence[Future[Any]]", *, patience: float = PATIENCE_SECONDS, first: float | None = None) -> None:
    """Wait until all are done, or for `patience` seconds none was; the `first` one is waited for so long (None: ever).

    What they raise is left to whoever asks them.
    """
    left, seconds = set(futures), first
    while left:
        done, left = wait(left, timeout=seconds, return_when=FIRST_COMPLETED)
        if not done:
            return
        seconds = patience
