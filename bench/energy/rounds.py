"""Rounds: one signal on several fake GPUs, each at its own phases, measured by everybody at the same time."""

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
from bench.energy.score import Score, Trial
from engine.clock import NS

PREPARE_SECONDS = (7.0, 12.0, 20.0)
"""From a round's start to its windows: what the slowest peer needs to be ready, and on a busy machine."""

LATE_SECONDS = 0.9
ZERO_SECONDS = 5.0
"""The windows' begin on the script's clock."""

PROFILES = {"hopper": "hopper", "volta": "v100", "pascal": "pascal"}


@dataclass
class Round:
    """Cases that differ in their window only, and so share one stretch of time."""

    cases: list[Case] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    peers: dict[str, float | str] = field(default_factory=dict)
    """Worst error in percent, or what kept the peer from measuring."""


def rounds_of(cases: Sequence[Case]) -> list[Round]:
    """The cases, put together where one stretch of time will do for them."""
    found: dict[Case, Round] = {}
    for case in cases:
        key = replace(case, window="seconds", percent=None, inside_uncertainty=False, flags=(), methods=(), quick=True)
        found.setdefault(key, Round()).cases.append(case)
    return list(found.values())


async def play(each: Round, driver: FakeDriver, peers: Sequence[Peer], gpus: int, random: Random) -> None:
    """Measure the round and score it. When somebody was not ready in time, all get more of it and begin again."""
    for seconds in PREPARE_SECONDS:
        begin_ns = time.monotonic_ns() + round(seconds * NS)
        said = scripted(each.cases[0], begin_ns, gpus, random)
        driver.set_script(said)
        task = {"script": said, "begin_ns": begin_ns, "seconds": each.cases[0].seconds, "gpus": gpus}
        asked = [_ours(case, begin_ns, driver.environment(said)) for case in each.cases]
        results, answers = await asyncio.gather(
            asyncio.gather(*asked), asyncio.gather(*(peer.measure(task) for peer in peers))
        )
        begun = [*(result["start_ns"] for result in results), *(a["begin_ns"] for a in answers if "begin_ns" in a)]
        if max(begun) - begin_ns < LATE_SECONDS * NS:
            break
    each.scores = [Score(case, ours.trials(result, driver)) for case, result in zip(each.cases, results, strict=True)]
    each.peers = {peer.name: worst(answer, driver, gpus) for peer, answer in zip(peers, answers, strict=True)}


async def _ours(case: Case, begin_ns: int, environment: dict[str, str]) -> dict[str, Any]:
    await asyncio.sleep(max(0.0, (begin_ns - time.monotonic_ns()) / NS - ours.STARTUP_SECONDS))
    return await ours.measure(ours.wanted(case), environment)


def scripted(case: Case, begin_ns: int, gpus: int, random: Random) -> str:
    """The case on so many GPUs; second ZERO_SECONDS of the script is when the windows begin."""
    boards = []
    for index in range(gpus):
        signal = case.drawn(random)
        moved = replace(signal, begin=signal.begin + ZERO_SECONDS, end=signal.end + ZERO_SECONDS)
        words = (signal if signal.kind == "square" else moved).script()
        phase = random.uniform(0, BOARDS[case.board].update)
        # On every other board the counter has a phase of its own.
        own = random.uniform(0, max(BOARDS[case.board].counter, 0.001)) if index % 2 else phase
        boards.append({**words, "phase": phase, "counter_phase": own, **_fault(case, random)})
    common: dict[str, object] = {
        "noise": NOISE_WATTS,
        "reasons": 0,
        "profile": PROFILES[case.board],
        "seed": random.randrange(1, 10**6),
    }
    if case.counter_from_sensor:
        common["counter_from"] = "sensor"
    return script(begin_ns - round(ZERO_SECONDS * NS), boards, common)


def _fault(case: Case, random: Random) -> dict[str, object]:
    at = ZERO_SECONDS + random.uniform(0.3, 0.6) * case.seconds
    if case.fault == "reset":
        return {"reset": at}
    return {"lost": f"{at:.4f}:{at + 1:.4f}"} if case.fault == "lost" else {}


def worst(answer: dict[str, Any], driver: FakeDriver, gpus: int) -> float | str:
    """The peer's largest error in percent."""
    if "error" in answer:
        return str(answer["error"])
    errors = []
    for gpu in range(gpus):
        joules, truth = answer["joules"].get(str(gpu)), driver.joules(gpu, answer["begin_ns"], answer["end_ns"])
        if joules is None:
            return "no figure"
        errors.append(100 * abs(joules - truth) / truth)
    return max(errors)


async def recording(driver: FakeDriver, random: Random, *, quick: bool) -> list[Trial]:
    """The windows that the uncertainty is judged by."""
    return await ours.recorded_windows(driver, 15 if quick else 40, 200, random)
