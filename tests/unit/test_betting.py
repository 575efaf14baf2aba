"""The bet beside a race: which run it is about, when it closes by itself, what it tells. On a real hub and scene."""

from collections.abc import Sequence

import pytest
from story import WATTS, Teller, descriptors, start, story

from engine.clock import NS, FakeClock
from engine.config import parse_demo
from engine.documents import Document, Mark, Start, Stop
from server.audience.bet import NotOpen, WrongStep
from server.audience.betting import Betting
from server.hub import Hub
from server.scene import Scene
from server.settings import Settings
from server.stageinfo import DemoInfo, ReplayInfo

DEMO = DemoInfo.of(
    "two",
    parse_demo("title: T\nmodel: {gpu: m}\narms: [{name: one, runtime: vllm}, {name: two, runtime: vllm}]", file="t"),
)


class Table:
    """A bet, and the stage that it is about."""

    def __init__(self, demo: DemoInfo | None = DEMO, replay: ReplayInfo | None = None) -> None:
        self.scene = Scene(period_ns=NS // 20, demo=demo, replay=replay)
        self.hub = Hub(self.scene, Settings(), FakeClock(NS))
        self.betting = Betting(self.hub)
        self.bet = self.betting.bet

    def tell(self, documents: Sequence[Document]) -> None:
        for document in documents:
            self.scene.add(document, NS)
        self.betting.follow()

    @property
    def state(self) -> str:
        return self.bet.state

    def shown(self, arm: str) -> float | None:
        return self.scene.ledger.figures(arm).joules_per_unit

    def guess(self, joules: float) -> None:
        self.betting.follow()
        self.bet.guess("phone", "Ada", joules)


def run(name: str = "first", rounds: str = "ABBA", *, stop: bool = True) -> list[Document]:
    told = story(rounds=rounds, stop=stop)
    assert isinstance(told[0], Start)
    return [told[0].model_copy(update={"run": name}), *told[1:]]


def test_everybody_guesses_until_the_figures_tell_and_the_answer_waits_for_the_verdict() -> None:
    table = Table()
    table.betting.become("open")
    table.guess(2000)
    shown = table.betting.payload()
    assert shown is not None and shown["question"] == "How many joules does B save against A, per 1\u202f000 tokens?"
    with pytest.raises(WrongStep, match="next race"):
        table.betting.become("revealed")
    whole = run(stop=False)
    begins = next(place for place, each in enumerate(whole) if isinstance(each, Mark) and each.arm == "B")
    table.tell(whole[:begins])
    assert table.state == "open" and table.shown("A") is not None, "one arm alone tells nothing"
    for document in whole[begins:]:
        table.tell([document])
        assert (table.state == "closed") == (table.shown("B") is not None), "no guess beside what it is about"
        if table.state == "closed":
            break
    assert table.scene.ledger.arms["B"].active, "in the contender's first turn"
    with pytest.raises(NotOpen):
        table.guess(2200)
    with pytest.raises(WrongStep, match="figures"):
        table.betting.become("open")
    with pytest.raises(WrongStep, match="not measured"):
        table.betting.become("revealed")
    table.tell(whole[whole.index(document) + 1 :])
    table.betting.become("revealed")
    shown = table.betting.payload()
    assert shown is not None and shown["answer"] == pytest.approx(2200, rel=0.01) and shown["simulated"]
    assert shown["low"] <= shown["answer"] <= shown["high"] and shown["closest"][0]["nickname"] == "Ada"


def test_a_bet_after_a_race_is_about_the_next_one() -> None:
    table = Table()
    table.tell(run("first"))
    table.betting.become("open")
    table.guess(1)
    assert table.state == "open", "what has been told already closes nothing"
    with pytest.raises(WrongStep):
        table.betting.become("revealed")
    table.tell(run("second", stop=False))
    assert table.state == "closed"
    table.betting.become("revealed")
    assert table.bet.answer is not None and table.bet.answer.run == "second"


def test_a_race_that_comes_to_nothing_leaves_the_guesses_to_the_next() -> None:
    table = Table()
    table.betting.become("open")
    table.guess(5)
    table.tell([*run("first", "A", stop=False), Stop(t_ns=10**12, exit_status="abort")])
    assert table.state == "open", "nothing was told"
    table.tell([*run("first", "AB", stop=False), Stop(t_ns=10**12, exit_status="abort")])
    assert table.state == "closed" and table.bet.mine("phone") is not None
    table.tell(run("second"))
    assert table.state == "closed" and table.bet.mine("phone") is not None


def test_a_race_without_an_answer_is_told_to_have_none() -> None:
    table = Table()
    table.betting.become("open")
    table.tell([*run("first", "AB", stop=False), Stop(t_ns=10**12, exit_status="abort")])
    table.betting.become("revealed")
    shown = table.betting.payload()
    assert shown is not None and shown["answer"] is None and shown["why"].startswith("not measured")
    assert shown["closest"] == []


def test_a_revealed_answer_grows_with_its_race_and_outlives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table, teller = Table(), Teller()
    table.betting.become("open")
    table.tell([start(), *descriptors()])
    for number, arm in enumerate("ABBA", start=1):
        table.tell(list(teller.round(arm, number)))
    table.tell(list(teller.round("A", 5)))
    table.betting.become("revealed")
    early = table.bet.answer
    monkeypatch.setitem(WATTS, "B", 300.0)
    table.tell(list(teller.round("B", 6)))
    table.tell([Stop(t_ns=teller.t_ns, exit_status="success")])
    late = table.bet.answer
    assert early is not None and late is not None and early.joules is not None and late.joules is not None
    assert late.joules > early.joules + 10, "B took less in the last round"
    table.tell(run("second", "AB", stop=False))
    assert table.bet.answer == late


def test_what_a_replay_measured_is_called_a_replay() -> None:
    table = Table(replay=ReplayInfo("race.jsonl"))
    table.betting.become("open")
    table.tell(run())
    table.betting.become("revealed")
    assert (table.betting.payload() or {})["replay"] is True


def test_without_two_arms_there_is_nothing_to_bet_on() -> None:
    with pytest.raises(WrongStep, match="two arms"):
        Table(demo=None).betting.become("open")
