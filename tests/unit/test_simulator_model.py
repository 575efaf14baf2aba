import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.model import ModelSize, Roofline, Work, roofline

QWEN = "Qwen/Qwen2.5-1.5B-Instruct"


def decode(batch: int, context: int = 90) -> Work:
    return Work(batch, batch, 0, batch * context)


def tokens_per_second(model: Roofline, batch: int) -> float:
    return batch * 1e9 / model.cost(decode(batch)).duration_ns


@pytest.mark.parametrize(
    ("name", "parameters", "active"),
    [
        (QWEN, 1.5e9, 1.5e9),
        ("smollm2-135m", 135e6, 135e6),
        ("Qwen3-30B-A3B", 30e9, 3e9),
        ("/models/Meta-Llama-3-8B/", 8e9, 8e9),
        ("Qwen2.5-0.5B", 0.5e9, 0.5e9),
        ("my-model", 1.5e9, 1.5e9),
    ],
)
def test_the_name_tells_the_size(name: str, parameters: float, active: float) -> None:
    assert ModelSize.of(name) == ModelSize(parameters, active)


def test_the_reference_model_is_as_fast_as_it_should_be() -> None:
    assert tokens_per_second(roofline(QWEN), 1) == pytest.approx(285, rel=0.03)
    assert tokens_per_second(roofline(QWEN), 8) == pytest.approx(2000, rel=0.03)


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_arguments_work_in_the_right_direction(batch: int) -> None:
    plain = tokens_per_second(roofline(QWEN), batch)
    assert tokens_per_second(roofline(QWEN, eager=True), batch) < 0.7 * plain
    assert tokens_per_second(roofline(QWEN, quantization="fp8"), batch) > plain
    assert tokens_per_second(roofline(QWEN, quantization="awq"), batch) > plain
    assert tokens_per_second(roofline(QWEN, kv_cache_dtype="fp8"), batch) > plain
    assert tokens_per_second(roofline(QWEN, dtype="float32"), batch) < plain
    assert tokens_per_second(roofline(QWEN, asynchronous=False), batch) < plain
    assert tokens_per_second(roofline("Qwen2.5-7B"), batch) < plain


def test_prompts_are_bound_by_compute_and_single_answers_by_memory() -> None:
    model = roofline("Llama-8B")
    prefill = model.cost(Work(8, 0, 4000, 0, 8)).load
    single = model.cost(decode(1)).load
    assert prefill.compute_share > 0.8 > prefill.memory_share
    assert single.memory_share > 0.5 > single.compute_share


@given(st.integers(1, 256), st.integers(0, 8192), st.integers(0, 10**6))
def test_shares_are_shares_and_more_work_takes_longer(batch: int, prefill: int, context: int) -> None:
    model = roofline(QWEN)
    cost = model.cost(Work(batch, batch, prefill, context))
    assert 0 <= cost.load.memory_share <= 1
    assert 0 <= cost.load.compute_share <= 1
    assert cost.load.running == batch
    more = model.cost(Work(batch + 1, batch + 1, prefill, context + 100))
    assert more.duration_ns > cost.duration_ns


def test_the_cache_takes_what_the_weights_leave() -> None:
    small, large = roofline(QWEN), roofline("Llama-70B")
    assert small.kv_capacity_tokens(0.92) > 1_000_000
    assert large.kv_capacity_tokens(0.92) == 0
    assert small.kv_capacity_tokens(0.92, 2**27) < 10_000
    assert roofline(QWEN, kv_cache_dtype="fp8").kv_capacity_tokens(0.9, 2**27) > small.kv_capacity_tokens(0.9, 2**27)
