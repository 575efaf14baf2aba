"""The shipped demos: complete, documented, and showing in the simulation's physics what they promise to teach."""

import re
from importlib import resources
from itertools import cycle, pairwise
from pathlib import Path

import pytest

from engine.arguments.accepted import shipped
from engine.arms.flags import flags
from engine.config import Arm, Demo, demo_names, load_demo
from engine.occupancy import Load
from engine.simulator.batch import Batch, Request
from engine.simulator.flags import parse
from engine.simulator.model import roofline
from engine.simulator.text import TEMPLATE_TOKENS, count_tokens, prefix_blocks
from engine.sources.simulated import Board
from engine.workload import STAGE, sent_text

ROOT = Path(__file__).parents[2]
NAMES = demo_names()
VLLM = [name for name in NAMES if all(arm.runtime == "vllm" for arm in load_demo(name)[1].arms)]


@pytest.mark.parametrize("name", NAMES)
def test_a_demo_says_what_it_teaches_and_why(name: str) -> None:
    _, demo = load_demo(name)
    text = resources.files("demos").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# "), "a comment at the top says what is going on"
    sentences = re.findall(r"[.!?:](?:\s|$)", demo.learn)
    assert 1 <= len(sentences) <= 4 and 40 < len(demo.learn) < 300, "one to three sentences that people remember"
    assert f"## {name}\n" in (ROOT / "docs" / "demos.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", VLLM)
def test_arguments_are_vllms_own(name: str) -> None:
    _, demo = load_demo(name)
    assert [shipped().complaint(arm.args) for arm in demo.arms] == [None] * len(demo.arms)


def test_the_readme_names_every_demo() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in readme] == []


def simulated(demo: Demo, label: str, arm: Arm) -> tuple[float, float]:
    """Joules per output token and output tokens a second of an arm, steady, in the simulation's own physics."""
    settings = parse(["--model", demo.model.gpu or demo.model.cpu or "", *flags(arm.args)])
    model = roofline(
        settings.model,
        dtype=settings.dtype,
        quantization=settings.quantization,
        kv_cache_dtype=settings.kv_cache_dtype,
        eager=settings.eager,
    )
    batch = Batch[None](
        model,
        settings.max_num_seqs,
        settings.max_num_batched_tokens,
        prefix_caching=settings.prefix_caching,
        speculative_tokens=settings.speculative_tokens,
    )
    questions = cycle(STAGE)
    joules = seconds = 0.0
    before = 0
    for number in range(3000):
        while len(batch.running) + len(batch.waiting) < demo.concurrency_of(label):
            text = sent_text(demo.workload.prompts, next(questions))
            tokens = TEMPLATE_TOKENS + count_tokens(text)
            batch.add(Request(None, tokens, demo.workload.max_tokens, prefix_blocks(text)))
        step = batch.begin()
        assert step is not None
        if number == 1000:  # every place is taken, and what can be remembered is
            joules, seconds, before = 0.0, 0.0, batch.counters.generated_tokens
        batch.finish(step)
        seconds += step.cost.duration_ns / 1e9
        joules += Board().watts([step.cost.load]) * step.cost.duration_ns / 1e9
    tokens = batch.counters.generated_tokens - before
    return joules / tokens, tokens / seconds


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("batch-1-vs-8", 3.0),
        ("eager-vs-graphs", 1.2),
        ("bf16-vs-fp8", 1.1),
        ("kv-cache-fp16-vs-fp8", 1.03),
        ("prefix-caching", 1.2),
        ("speculative-decoding", 1.1),
        ("eager-vs-compiled-cpu", 1.2),
    ],
)
def test_the_second_arm_is_cheaper_and_faster(name: str, least: float) -> None:
    _, demo = load_demo(name)
    (dear, slow), (cheap, fast) = (
        simulated(demo, label, arm) for label, arm in zip(demo.labels, demo.arms, strict=True)
    )
    assert dear / cheap > least and fast > slow


def test_every_rung_of_the_ladder_is_cheaper_and_by_less() -> None:
    _, demo = load_demo("concurrency-ladder")
    joules = [simulated(demo, label, arm)[0] for label, arm in zip(demo.labels, demo.arms, strict=True)]
    savings = [one / other for one, other in pairwise(joules)]
    assert joules == sorted(joules, reverse=True) and savings == sorted(savings, reverse=True)


def test_graphs_draw_more_watts_and_fewer_joules() -> None:
    """What the demo's audience is told, which is what surprises them."""
    _, demo = load_demo("eager-vs-graphs")
    (dear, slow), (cheap, fast) = (
        simulated(demo, label, arm) for label, arm in zip(demo.labels, demo.arms, strict=True)
    )
    assert cheap * fast > dear * slow and cheap < dear


def test_equal_arms_are_equal() -> None:
    _, demo = load_demo("parallel-two-gpus")
    assert demo.arms[0].args == demo.arms[1].args and demo.arms[0].gpus != demo.arms[1].gpus
    _, limited = load_demo("power-limit")
    assert limited.arms[0].args == limited.arms[1].args and len(limited.needs) == 2


def test_an_idle_simulated_board_draws_its_idle_watts() -> None:
    """The ground that the figures above stand on."""
    assert Board().watts([Load()]) == Board().idle_watts
