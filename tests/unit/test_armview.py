"""What a frame says of one arm: its start, its batch by whose count, and its end."""

from typing import Any

import pytest
from story import SECOND, start

from engine.documents import Cell, Mark, MarkKind, Page
from engine.ledger import Ledger
from server.armview import arm_view
from server.following import Follower


@pytest.fixture
def ledger() -> Ledger:
    """A run that has begun."""
    books = Ledger()
    books.add(start())
    return books


def view(ledger: Ledger) -> dict[str, Any]:
    return arm_view(ledger, "A", SECOND, Follower())


def turned(ledger: Ledger, state: str, **data: Any) -> None:
    ledger.add(Mark(kind=MarkKind.ARM, t_ns=SECOND, arm="A", state=state, data=data))


def polled(ledger: Ledger, running: Cell, waiting: Cell = 0) -> None:
    data = {"running_requests": [running], "waiting_requests": [waiting]}
    ledger.add(Page(stream="vllm.A", t_ns=[SECOND], data=data))


def asked(ledger: Ledger, *requests: int) -> None:
    """Requests that have had their first token."""
    for request in requests:
        ledger.add(Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=SECOND, arm="A", request=request, round=1, text="?"))
        ledger.add(Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=SECOND, arm="A", request=request, round=1))


def test_the_batch_is_the_servers_own_count(ledger: Ledger) -> None:
    turned(ledger, "active")
    asked(ledger, 1, 2, 3)
    polled(ledger, 8, 5)
    shown = view(ledger)
    assert (shown["running"], shown["waiting"]) == (8, 5) and "running_by" not in shown


def test_without_the_servers_count_it_is_its_clients_and_says_so(ledger: Ledger) -> None:
    turned(ledger, "active")
    asked(ledger, 1, 2, 3)
    assert (view(ledger)["running"], view(ledger)["running_by"]) == (3, "clients")
    polled(ledger, 2)
    assert "running_by" not in view(ledger)
    polled(ledger, None)
    assert (view(ledger)["running"], view(ledger)["running_by"]) == (3, "clients"), (
        "the server does not answer any more"
    )


def test_what_a_server_said_in_its_turn_is_nothing_of_its_rest(ledger: Ledger) -> None:
    turned(ledger, "active")
    polled(ledger, 8)
    turned(ledger, "resting")
    assert view(ledger)["running"] == 0 and "running_by" not in view(ledger)
    polled(ledger, 0)
    turned(ledger, "active")
    assert view(ledger)["running"] == 0, "until its first word in this turn"


def test_a_start_tells_what_it_is_at(ledger: Ledger) -> None:
    turned(ledger, "starting", stage="loading weights", progress=1.0)
    assert (view(ledger)["stage"], view(ledger)["progress"]) == ("loading weights", 1.0)
    turned(ledger, "starting", stage="capturing graphs", progress=0.02)
    assert (view(ledger)["stage"], view(ledger)["progress"]) == ("capturing graphs", 0.02)
    turned(ledger, "ready")
    assert not {"stage", "progress"} & view(ledger).keys()


def test_a_death_has_its_last_words(ledger: Ledger) -> None:
    turned(ledger, "failed", log_tail=["one", "two", "\x1b[31mthree", "x" * 999])
    assert view(ledger)["last_words"] == ["two", " [31mthree", "x" * 200]
    turned(ledger, "starting")
    assert "last_words" not in view(ledger)
