"""Rounds: signals on fake GPUs, each at its own phases, measured by everybody over the same seconds."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bench.energy import ours
from bench.energy.boards import BOARDS, NOISE_WATTS
from bench.energy.cases import Case
from bench.energy.fake import FakeDriver, script
from bench.energy.peers import Peer
from bench.energy.score import Score
from engine.clock import NS

PREPARE_SECONDS = (6.0, 12.0, 20.0)
"""From a round's start to its windows: what the slowest peer needs to be ready, and on a busy machine."""

GPUS_AT_ONCE, PEER_PHASES = 8, 2
PEER_GPUS_AT_ONCE = 4
LATE_SECONDS = 0.9
ZERO_SECONDS = 5.0
"""The windows' begin on the script's clock."""

PROFILES = {"hopper": "hopper", "volta": "v100", "pascal": "pascal"}


@dataclass
class Group:
    """Cases that differ in their window only: the same GPUs over the same seconds do for all of them."""

    cases: list[Case] = field(default_factory=list)
    gpus: range = range(0)
    scores: list[Score] = field(default_factory=list)
    peers: dict[str, float | str] = field(default_factory=dict)
    """Worst error in percent, or what kept the peer from measuring."""

    @property
    def watched(self) -> range:
        """The GPUs that the peers look at: few, since with many GPUs their looks would take them longer."""
        return self.gpus[:PEER_PHASES]


def groups_of(cases: Sequence[Case]) -> list[Group]:
    """The cases, put together by signal, board, length and fault."""
    found: dict[Case, Group] = {}
    for case in cases:
        key = replace(case, window="seconds", percent=None, inside_uncertainty=False, flags=(), methods=())
        found.setdefault(key, Group()).cases.append(case)
    return list(found.values())


def rounds_of(groups: Sequence[Group], phases: int) -> list[list[Group]]:
    """Groups side by side, on GPUs of their own, where that disturbs nobody."""
    found: list[list[Group]] = []
    at_once = GPUS_AT_ONCE if phases > PEER_PHASES else PEER_GPUS_AT_ONCE
    for group in groups:
        kind = _kind(group)
        full = not found or (len(found[-1]) + 1) * phases > at_once
        if full or kind != _kind(found[-1][0]):
            found.append([])
        group.gpus = range(len(found[-1]) * phases, (len(found[-1]) + 1) * phases)
        found[-1].append(group)
    return found


def _kind(group: Group) -> tuple[object, ...]:
    """Board and length, which a round has but one of; and a lost GPU may take a peer down that reads others too."""
    case = group.cases[0]
    return case.board, case.seconds, case.fault == "lost"


async def play(groups: Sequence[Group], driver: FakeDriver, peers: Sequence[Peer], random: Random) -> None:
    """Measure a round and score it. When somebody was not ready in time, all get more of it and begin again."""
    cases = {case.window: case for group in groups for case in group.cases}
    seconds, watched = groups[0].cases[0].seconds, [gpu for group in groups for gpu in group.watched]
    for prepare in PREPARE_SECONDS:
        begin_ns = time.monotonic_ns() + round(prepare * NS)
        said = scripted(groups, begin_ns, random)
        driver.set_script(said)
        task = {"script": said, "begin_ns": begin_ns, "seconds": seconds, "gpus": watched}
        asked = [_ours(case, begin_ns, driver.environment(said)) for case in cases.values()]
        results, answers = await asyncio.gather(
            asyncio.gather(*asked), asyncio.gather(*(peer.measure(task) for peer in peers))
        )
        begun = [*(result["start_ns"] for result in results), *(a["begin_ns"] for a in answers if "begin_ns" in a)]
        if max(begun) - begin_ns < LATE_SECONDS * NS:
            break
    trials = {window: ours.trials(result, driver) for window, result in zip(cases, results, strict=True)}
    for group in groups:
        group.scores = [Score(case, [trials[case.window][gpu] for gpu in group.gpus]) for case in group.cases]
        group.peers = {peer.name: worst(told, driver, group.watched) for peer, told in zip(peers, answers, strict=True)}


async def _ours(case: Case, begin_ns: int, environment: dict[str, str]) -> dict[str, Any]:
    await asyncio.sleep(max(0.0, (begin_ns - time.monotonic_ns()) / NS - ours.STARTUP_SECONDS))
    return await ours.measure(ours.wanted(case), environment)


def scripted(groups: Sequence[Group], begin_ns: int, random: Random) -> str:
    """The groups on their GPUs; second ZERO_SECONDS of the script is when the windows begin."""
    case = groups[0].cases[0]
    boards = [_board(group.cases[0], index, random) for group in groups for index in group.gpus]
    common: dict[str, object] = {"noise": NOISE_WATTS, "reasons": 0, "profile": PROFILES[case.board]}
    common["seed"] = random.randrange(1, 10**6)
    return script(begin_ns - round(ZERO_SECONDS * NS), boards, common)


def _board(case: Case, index: int, random: Random) -> dict[str, object]:
    """One GPU at random phases; on every other one the counter has a phase of its own."""
    signal = case.drawn(random)
    moved = replace(signal, begin=signal.begin + ZERO_SECONDS, end=signal.end + ZERO_SECONDS)
    words = (signal if signal.kind == "square" else moved).script()
    phase = random.uniform(0, BOARDS[case.board].update)
    own = random.uniform(0, BOARDS[case.board].counter) if index % 2 else phase
    fed = {"counter_from": "sensor"} if case.counter_from_sensor else {}
    return {**words, "phase": phase, "counter_phase": own, **fed, **_fault(case, random)}


def _fault(case: Case, random: Random) -> dict[str, object]:
    at = ZERO_SECONDS + random.uniform(0.3, 0.6) * case.seconds
    if case.fault == "reset":
        return {"reset": at}
    return {"lost": f"{at:.4f}:{at + 1:.4f}"} if case.fault == "lost" else {}


def worst(answer: dict[str, Any], driver: FakeDriver, gpus: Sequence[int]) -> float | str:
    """The peer's largest error in percent."""
    if "error" in answer:
        return str(answer["error"])
    errors: list[float] = []
    for gpu in gpus:
        joules, truth = answer["joules"].get(str(gpu)), driver.joules(gpu, answer["begin_ns"], answer["end_ns"])
        if joules is None:
            return "no figure"
        errors.append(100 * abs(joules - truth) / truth)
    return max(errors)
