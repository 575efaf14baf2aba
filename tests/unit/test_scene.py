"""The scene: what viewers see of a run, from its documents alone."""

from typing import Any

import orjson
import pytest
from story import MS, SECOND, WATTS, Teller, descriptors, start, story

from engine.config import load_demo
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Stop
from server import frames
from server.buckets import Envelope, Turns, columns
from server.following import Follower
from server.frames import HELLO_BYTES
from server.powers import Powers
from server.runclock import RunClock
from server.scene import Scene
from server.stageinfo import DemoInfo, ReplayInfo

PERIOD_NS = 50 * MS
BOOT_NS = 1000 * SECOND
"""The server's clock when the run's was zero."""


def scene(**options: Any) -> Scene:
    return Scene(period_ns=PERIOD_NS, **options)


def tell(stage: Scene, documents: list[Document]) -> None:
    """Every document arrives 5 ms after what it tells."""
    now = BOOT_NS
    for document in documents:
        now = max(now, BOOT_NS + happened(document) + 5 * MS)
        stage.add(document, now)


def happened(document: Document) -> int:
    if isinstance(document, Page):
        return document.t_ns[-1]
    if isinstance(document, Mark):
        return document.end_t_ns or document.t_ns
    return getattr(document, "t_ns", 0)


def whole_story() -> list[Document]:
    return list(story())


# -- the run as a whole


def test_idle_with_a_demo_in_the_wings() -> None:
    name, demo = load_demo()
    stage = scene(demo=DemoInfo.of(name, demo, simulated=True))
    payload = stage.payload(BOOT_NS)
    assert payload["state"] == "idle" and payload["run"] is None and payload["run_t_ns"] is None
    assert payload["simulated"] is True and payload["replay"] is False and payload["age_ns"] is None
    assert payload["arms"]["A"]["state"] == "pending" and payload["arms"]["B"]["joules_per_token"] is None
    assert payload["schedule"]["rounds"] == demo.schedule.rounds
    greeting = stage.greeting()
    assert greeting["run"] is None
    assert greeting["demo"]["name"] == name and greeting["demo"]["schedule"]["order"] == ["A", "B", "B", "A"]


def test_a_whole_run() -> None:
    stage = scene()
    tell(stage, whole_story())
    payload = stage.payload(BOOT_NS + 100 * SECOND)
    assert payload["state"] == "done" and payload["run"] == start().run
    assert payload["simulated"] is True and payload["age_ns"] is None
    assert payload["arms"]["A"]["joules_per_token"] == pytest.approx(3.0, rel=0.05)
    assert payload["arms"]["B"]["joules_per_token"] == pytest.approx(0.8, rel=0.05)
    assert payload["verdict"]["metric"] == "joules_per_token" and payload["verdict"]["ratio"] < 0.5
    assert payload["schedule"]["round"] == payload["schedule"]["rounds"] == 4
    info = stage.greeting()["run"]
    assert info["demo"] == "story" and info["power_source"] == "simulated" and info["replay"] is None
    assert [arm["label"] for arm in info["arms"]] == ["A", "B"]


def test_figures_are_the_ledgers() -> None:
    stage = scene()
    tell(stage, whole_story())
    shown = stage.payload(BOOT_NS + 100 * SECOND)["arms"]["B"]
    figures = stage.ledger.figures("B")
    assert shown["tokens"] == round(figures.units)
    assert shown["energy_joules"] == pytest.approx(figures.energy_joules, abs=1e-3)
    assert shown["reasons"] == figures.reasons


def test_power_is_brought_once_in_buckets_with_its_turn() -> None:
    stage, brought = scene(), []
    now = BOOT_NS
    for document in whole_story():
        now = max(now, BOOT_NS + happened(document) + 5 * MS)
        stage.add(document, now)
        power = stage.payload(now)["power"]
        brought += list(zip(power["t_ns"], power["mean"], power["arm"], strict=True))
    times = [t_ns for t_ns, _, _ in brought]
    assert times == sorted(set(times)) and all(t_ns % PERIOD_NS == 0 for t_ns in times)
    for arm, watts in WATTS.items():
        mine = [mean for _, mean, turn in brought if turn == arm]
        assert len(mine) > 20 and max(mine, key=mine.count) == watts
    kept = stage.greeting(points=10_000)["history"]
    assert kept["t_ns"] == times[-600:]


def test_a_second_run_begins_afresh() -> None:
    stage = scene()
    tell(stage, whole_story())
    edition = stage.edition
    stage.begin()
    assert stage.payload(BOOT_NS)["state"] == "preparing" and stage.run_info() is None
    tell(stage, [start().model_copy(update={"run": "another"}), *descriptors()])
    payload = stage.payload(BOOT_NS + SECOND)
    assert payload["run"] == "another" and payload["state"] == "preparing"
    assert payload["arms"]["A"]["tokens"] == 0 and payload["verdict"] is None
    assert stage.greeting()["history"]["t_ns"] == []
    assert stage.edition > edition


def test_a_start_without_being_asked_for_resets_too() -> None:
    stage = scene()
    tell(stage, whole_story())
    tell(stage, [start().model_copy(update={"run": "another"})])
    assert stage.payload(BOOT_NS)["run"] == "another" and stage.state == "preparing"


def test_a_process_that_died_is_a_failed_run() -> None:
    stage = scene()
    tell(stage, whole_story()[:-1])
    stage.end(-9, "last words")
    payload = stage.payload(BOOT_NS + 100 * SECOND)
    assert payload["state"] == "failed" and payload["age_ns"] is None
    assert payload["run_t_ns"] == stage.ledger.newest_t_ns, "time does not pass on a dead run's clock"
    assert "SIGKILL" in payload["reason"] and "last words" in payload["reason"]
    assert payload["arms"]["A"]["tokens"] > 0, "what was shown stays"


def test_a_process_that_died_before_its_first_document() -> None:
    stage = scene()
    stage.begin()
    stage.end(2, "wattrace: no demo of this name")
    payload = stage.payload(BOOT_NS)
    assert payload["state"] == "failed" and payload["reason"].endswith("no demo of this name")


def test_an_end_with_a_stop_is_no_failure() -> None:
    stage = scene()
    tell(stage, [*whole_story()[:-1], Stop(t_ns=50 * SECOND, exit_status="abort", reason="told to stop")])
    stage.end(0)
    payload = stage.payload(BOOT_NS + 100 * SECOND)
    assert (payload["state"], payload["reason"]) == ("aborted", "told to stop")


def test_without_a_power_sensor_watts_and_joules_stay_unknown() -> None:
    stage = scene()
    tell(stage, story(power=False))
    payload = stage.payload(BOOT_NS + 100 * SECOND)
    for arm in payload["arms"].values():
        assert arm["joules_per_token"] is None and arm["power_watts"] is None and arm["energy_joules"] is None
        assert arm["tokens"] > 0
    assert payload["power"]["t_ns"] == [] and payload["age_ns"] is None
    assert stage.greeting()["run"]["power_source"] is None


def test_age_grows_while_samples_stay_away() -> None:
    stage, teller = scene(), Teller()
    tell(stage, [start(), *descriptors(), *teller.spend(1.0, 300.0)])
    now = BOOT_NS + teller.t_ns
    assert stage.payload(now + 20 * MS)["age_ns"] < 100 * MS
    assert stage.payload(now + 3 * SECOND)["age_ns"] >= 2 * SECOND


def test_a_replay_says_so_and_changes_its_pace() -> None:
    stage = scene(replay=ReplayInfo("race.jsonl", 1.0))
    tell(stage, [start(), *descriptors(), *Teller().spend(1.0, 300.0)])
    edition = stage.edition
    stage.direct(ReplayInfo("race.jsonl", 10.0), BOOT_NS + SECOND)
    assert stage.payload(BOOT_NS + SECOND)["replay"] is True
    assert stage.greeting()["run"]["replay"] == {"file": "race.jsonl", "speed": 10.0}
    assert stage.edition == edition + 1
    stage.begin()
    assert stage.replay is not None and stage.replay.speed == 1.0, "a new process starts at its first pace"


def test_hello_and_frame_sizes() -> None:
    stage = scene()
    stage.add(start(), BOOT_NS)
    for descriptor in descriptors():
        stage.add(descriptor, BOOT_NS)
    teller = Teller()
    for document in teller.spend(31.0, 333.333):
        stage.add(document, BOOT_NS + happened(document))
        stage.payload(BOOT_NS + happened(document))
    for label in "AB":
        stage.add(mark(MarkKind.REQUEST_SUBMITTED, label, 1, teller.t_ns, text="Why is the sky blue? " * 9), BOOT_NS)
        data: dict[str, list[Any]] = {"request": [1], "tokens": [1], "text": ["🦊" * 300]}
        stage.add(Page(stream=f"text.{label}", t_ns=[teller.t_ns], data=data), BOOT_NS)
    newest = frames.frame(1, BOOT_NS, stage.payload(BOOT_NS + 31 * SECOND))
    made = frames.hello(1, BOOT_NS, {"version": "0.1.0", **stage.greeting()}, newest)
    history = orjson.loads(made)["history"]
    assert 100 < len(history["t_ns"]) <= 201
    assert len({len(column) for column in history.values()}) == 1
    assert len(made) < HELLO_BYTES
    assert len(frames.frame(2, BOOT_NS, stage.payload(BOOT_NS + 31 * SECOND))) < 4000


def test_frames_say_once_a_second_how_the_sensor_is_doing_and_hello_always() -> None:
    stage, said = scene(), []
    tell(stage, [start(), *descriptors()])
    for document in Teller().spend(5.0, 300.0):
        stage.add(document, BOOT_NS + happened(document))
        payload = stage.payload(BOOT_NS + happened(document))
        if "sensor" in payload:
            said.append(payload["sensor"])
    assert 5 <= len(said) <= 6
    assert said[-1]["counter_per_second"] == pytest.approx(10, abs=0.3) and said[-1]["reasons"] == ["simulated"]
    assert stage.greeting()["sensor"] == said[-1]
    assert len(orjson.dumps(said[-1])) < 600


def test_without_a_power_sensor_there_is_nothing_to_say_of_it() -> None:
    stage = scene()
    tell(stage, story(power=False))
    assert stage.payload(BOOT_NS + 100 * SECOND)["sensor"] is None
    assert stage.greeting()["sensor"] is None


# -- its parts


def mark(kind: MarkKind, arm: str, request: int, t_ns: int, text: str | None = None) -> Mark:
    return Mark(kind=kind, arm=arm, request=request, t_ns=t_ns, text=text)


def said(request: int, text: str) -> Page:
    return Page(stream="text.A", t_ns=[1], data={"request": [request], "tokens": [1], "text": [text]})


def test_one_answer_is_followed_to_its_end() -> None:
    follower = Follower()
    for request, prompt in ((1, "one?"), (2, "two?"), (3, "three?")):
        follower.mark(mark(MarkKind.REQUEST_SUBMITTED, "A", request, 0, text=prompt))
    follower.page(said(1, "first "))
    follower.page(said(2, "second "))
    follower.page(said(3, "third "))
    follower.page(said(1, "answer"))
    assert (follower.prompt, follower.text) == ("one?", "first answer")
    follower.mark(mark(MarkKind.REQUEST_FINISHED, "A", 1, 0))
    assert follower.text == "first answer", "it stays until another one has some"
    follower.page(said(2, "goes on"))
    assert (follower.prompt, follower.text) == ("three?", "third ")


def test_only_the_tail_is_kept_and_without_control_characters() -> None:
    follower = Follower()
    follower.mark(mark(MarkKind.REQUEST_SUBMITTED, "A", 1, 0, text="p\x00" * 300))
    follower.page(said(1, "x" * 300 + "\x07tail\n"))
    assert follower.text == "x" * 194 + " tail\n" and len(follower.prompt) == 200 and "\x00" not in follower.prompt


def test_requests_without_an_end_are_forgotten_with_their_round() -> None:
    follower = Follower()
    for request in range(5000):
        follower.mark(mark(MarkKind.REQUEST_SUBMITTED, "A", request, 0))
    assert len(follower._prompts) <= 1024
    follower.page(said(4999, "text"))
    follower.mark(Mark(kind=MarkKind.ROUND_END, arm="A", round=1, t_ns=1))
    assert follower.followed is None and not follower._prompts


def samples(stream: str, times: list[int], **data: list[Any]) -> Page:
    return Page(stream=stream, t_ns=times, data=data)


def test_the_average_stands_in_for_the_instant_field() -> None:
    envelope = Envelope(PERIOD_NS)
    envelope.add(samples("gpu0", [1, 20 * MS, 60 * MS], power_average_watts=[100.0, None, 200.0]))
    assert [(bucket.t_ns, bucket.mean) for bucket in envelope.fresh()] == [(PERIOD_NS, 100.0)]


def test_the_counters_slope_stands_in_for_power() -> None:
    envelope = Envelope(PERIOD_NS)
    times = [step * 10 * MS for step in range(101)]
    joules = [float(t_ns // (100 * MS)) * 5.0 for t_ns in times]  # 50 W, a tick every 100 ms
    envelope.add(samples("gpu0", times, energy_joules=joules))
    power = columns(envelope.fresh())
    assert set(power["mean"]) == {50.0} and len(power["mean"]) == 9
    envelope.add(samples("gpu0", [2 * SECOND], energy_joules=[0.0]))  # it has wrapped: nothing is made up
    assert all(bucket.mean == 50.0 for bucket in envelope.fresh())


def test_several_devices_add_up_and_a_dead_one_does_not_hold_the_others_up() -> None:
    envelope = Envelope(PERIOD_NS)
    envelope.expect("gpu0")
    envelope.expect("gpu1")
    for stream, watts in (("gpu0", 100.0), ("gpu1", 30.0)):
        envelope.add(samples(stream, [10 * MS, 60 * MS], power_instant_watts=[watts, watts]))
    assert [bucket.mean for bucket in envelope.fresh()] == [130.0]
    late = [60 * MS + step * 50 * MS for step in range(1, 21)]
    envelope.add(samples("gpu0", late, power_instant_watts=[100.0] * 20))
    assert [bucket.mean for bucket in envelope.fresh()][1:] == [100.0] * 9


def test_after_a_silence_a_frame_brings_only_the_newest_buckets() -> None:
    powers = Powers(PERIOD_NS)
    powers.expect("gpu0")
    times = [number * PERIOD_NS for number in range(1, 400)]
    powers.add(Page(stream="gpu0", t_ns=times, data={"power_instant_watts": [100.0] * len(times)}))
    assert len(powers.fresh()["power"]["t_ns"]) == 100
    assert len(powers.between(0, 400 * PERIOD_NS, 1000)) == 398, "what was left out can be asked for"


def test_history_merges_neighbours_but_no_turns() -> None:
    envelope = Envelope(PERIOD_NS)
    envelope.turns.begin(0, "A")
    envelope.turns.end(5 * SECOND)
    envelope.turns.begin(5 * SECOND + 1, "B")
    times = [step * 10 * MS for step in range(1001)]
    envelope.add(samples("gpu0", times, power_instant_watts=[float(step % 7) for step in range(1001)]))
    fresh = envelope.fresh()
    merged = envelope.history(50)
    assert len(merged) <= 52 < len(fresh)
    assert {bucket.arm for bucket in merged} == {"A", "B"}
    assert min(bucket.low for bucket in merged) == 0.0 and max(bucket.high for bucket in merged) == 6.0
    assert envelope.history(0) == []


def test_turns() -> None:
    turns = Turns()
    assert turns.at(5) is None
    turns.begin(10, "A")
    turns.end(20)
    turns.begin(30, "B")
    assert [turns.at(t_ns) for t_ns in (5, 10, 20, 25, 30, 99)] == [None, "A", "A", None, "B", "B"]


def test_the_run_clock_believes_the_earliest_document() -> None:
    clock = RunClock()
    assert clock.now(BOOT_NS) is None
    clock.heard(0, BOOT_NS + 40 * MS)  # 40 ms late
    clock.heard(SECOND, BOOT_NS + SECOND + 1 * MS)  # only 1 ms late
    clock.heard(SECOND + 10 * MS, BOOT_NS + SECOND + 30 * MS)  # late again: it does not turn the clock back
    assert clock.now(BOOT_NS + 2 * SECOND) == 2 * SECOND - 1 * MS
    clock.stop(3 * SECOND)
    assert clock.now(BOOT_NS + 99 * SECOND) == 3 * SECOND


def test_a_replays_clock_keeps_its_pace_and_does_not_run_away() -> None:
    clock = RunClock(10.0)
    clock.heard(0, 0)
    clock.heard(SECOND, 100 * MS)
    assert clock.now(150 * MS) == 1500 * MS
    assert clock.now(10 * SECOND) == SECOND + 2 * SECOND, "at most 200 ms of its own time ahead of what it read"
    clock.change_speed(1.0, 150 * MS)
    assert clock.now(250 * MS) is not None and clock.now(250 * MS) <= 1600 * MS


def test_descriptors_reach_hello() -> None:
    stage = scene()
    gpu = descriptors()[0].model_copy(update={"device_name": "Some GPU", "source": "nvml"})
    assert isinstance(gpu, Descriptor)
    tell(stage, [start(simulated=False), gpu])
    greeting = stage.greeting()
    assert greeting["run"]["device"] == "Some GPU" and greeting["run"]["power_source"] == "nvml"
    assert greeting["descriptors"][0]["stream"] == "gpu0"
    assert stage.payload(BOOT_NS)["simulated"] is False
