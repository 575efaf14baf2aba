from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.simulator.batch import Batch, Request
from engine.simulator.model import roofline

MODEL = roofline("Qwen/Qwen2.5-1.5B-Instruct")


@dataclass
class Seen:
    """What one request's client sees: when its tokens came."""

    steps: list[int] = field(default_factory=list)
    tokens: int = 0


def asked(prompt_tokens: int = 40, output_tokens: int = 10, prefix: tuple[int, ...] = ()) -> Request[Seen]:
    return Request(Seen(), prompt_tokens, output_tokens, prefix)


def run_out(batch: Batch[Seen], limit: int = 100_000) -> int:
    """Step until there is nothing left; the number of steps."""
    for number in range(limit):
        step = batch.begin()
        if step is None:
            return number
        assert len(batch.running) <= batch.max_num_seqs
        assert sum(tokens for _, tokens in step.computes) <= batch.max_num_batched_tokens
        for request, tokens in batch.finish(step):
            request.stream.tokens += tokens
            request.stream.steps.append(number)
    raise AssertionError("it does not come to an end")


requests = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 60)), min_size=1, max_size=30)


@given(requests, st.integers(1, 16), st.integers(16, 512), st.integers(0, 4))
@settings(deadline=None)
def test_everybody_gets_exactly_what_they_asked_for(
    sizes: list[tuple[int, int]], slots: int, budget: int, speculative: int
) -> None:
    batch = Batch[Seen](MODEL, slots, budget, speculative_tokens=speculative)
    everybody = [asked(*size) for size in sizes]
    for request in everybody:
        batch.add(request)
    run_out(batch)
    assert [request.stream.tokens for request in everybody] == [output for _, output in sizes]
    assert batch.counters.generated_tokens == sum(output for _, output in sizes)
    assert batch.counters.prompt_tokens == sum(prompt for prompt, _ in sizes)
    assert batch.counters.finished == len(sizes)
    assert not batch.running and not batch.waiting


@given(requests, st.integers(1, 16), st.integers(16, 512))
@settings(deadline=None)
def test_first_come_first_served(sizes: list[tuple[int, int]], slots: int, budget: int) -> None:
    batch = Batch[Seen](MODEL, slots, budget, prefix_caching=False)
    everybody = [asked(*size) for size in sizes]
    for request in everybody:
        batch.add(request)
    run_out(batch)
    first = [request.stream.steps[0] for request in everybody]
    assert first == sorted(first)


@given(requests, st.integers(1, 8), st.integers(400, 1200))
@settings(deadline=None)
def test_a_full_cache_preempts_and_loses_nothing(sizes: list[tuple[int, int]], slots: int, capacity: int) -> None:
    batch = Batch[Seen](MODEL, slots, 256, kv_capacity_tokens=capacity)
    everybody = [asked(*size) for size in sizes]
    for request in everybody:
        batch.add(request)
    run_out(batch)
    assert [request.stream.tokens for request in everybody] == [output for _, output in sizes]
    assert batch.counters.prompt_tokens == sum(prompt for prompt, _ in sizes)


def test_preemption_happens_and_is_counted() -> None:
    batch = Batch[Seen](MODEL, 2, 256, kv_capacity_tokens=120)
    batch.add(asked(40, 60))
    batch.add(asked(41, 60))
    run_out(batch)
    assert batch.counters.preemptions > 0


@given(requests, st.integers(1, 8), st.sets(st.integers(0, 29)), st.integers(0, 50))
@settings(deadline=None)
def test_a_cancelled_request_gets_nothing_more(
    sizes: list[tuple[int, int]], slots: int, gone: set[int], after: int
) -> None:
    batch = Batch[Seen](MODEL, slots)
    everybody = [asked(*size) for size in sizes]
    for request in everybody:
        batch.add(request)
    for _ in range(after):
        step = batch.begin()
        if step is None:
            break
        for request, tokens in batch.finish(step):
            request.stream.tokens += tokens
    had = {index: everybody[index].stream.tokens for index in gone if index < len(everybody)}
    for index in had:
        batch.cancel(everybody[index])
    run_out(batch)
    for index, request in enumerate(everybody):
        assert request.stream.tokens == had.get(index, request.output_tokens)


def test_a_cancelled_request_frees_its_slot_at_the_next_step() -> None:
    batch = Batch[Seen](MODEL, 1)
    first, second = asked(), asked()
    batch.add(first)
    batch.add(second)
    step = batch.begin()
    assert step is not None
    batch.cancel(first)
    assert batch.finish(step) == []
    step = batch.begin()
    assert step is not None
    assert [request for request, _ in step.computes] == [second]
    assert batch.counters.aborted == 1


def test_batch_eight_is_served_together_and_batch_one_in_turn() -> None:
    steps = {}
    for slots in (1, 8):
        batch = Batch[Seen](MODEL, slots)
        for _ in range(8):
            batch.add(asked(40, 20))
        steps[slots] = run_out(batch)
    assert steps == {1: 160, 8: 20}


def test_a_long_prompt_is_computed_in_chunks_while_others_go_on() -> None:
    batch = Batch[Seen](MODEL, 4, max_num_batched_tokens=100)
    talker, reader = asked(10, 30), asked(450, 5)
    batch.add(talker)
    batch.add(reader)
    run_out(batch)
    assert talker.stream.steps == list(range(30))
    assert reader.stream.steps[0] == 4


def computed_prompts(prefixes: list[tuple[int, ...]], **options: Any) -> list[int]:
    """Prompt tokens that are computed for requests of 330 tokens with these prefixes, one after the other."""
    batch = Batch[Seen](MODEL, 1, **options)
    computed = []
    for prefix in prefixes:
        batch.add(asked(330, 1, prefix))
        step = batch.begin()
        assert step is not None
        computed.append(sum(tokens for _, tokens in step.computes))
        batch.finish(step)
    return computed


def test_a_known_prefix_saves_its_prefill() -> None:
    whole = tuple(range(20))  # 20 blocks of 16 tokens, and 10 tokens more
    assert computed_prompts([whole, whole]) == [330, 10]
    assert computed_prompts([whole, whole], prefix_caching=False) == [330, 330]


def test_a_prefix_is_shared_as_far_as_it_is_the_same() -> None:
    whole, other = tuple(range(20)), (*range(15), 99, *range(16, 20))
    assert computed_prompts([whole, other, other]) == [330, 330 - 15 * 16, 10]


def test_no_more_is_remembered_than_the_cache_holds() -> None:
    one, two = tuple(range(20)), tuple(range(100, 120))
    assert computed_prompts([one, two, one], kv_capacity_tokens=10_000) == [330, 330, 10]
    assert computed_prompts([one, two, one], kv_capacity_tokens=400)[2] > 10


def test_guessing_ahead_takes_fewer_steps() -> None:
    steps = {}
    for speculative in (0, 3):
        batch = Batch[Seen](MODEL, 1, speculative_tokens=speculative)
        batch.add(asked(40, 200))
        steps[speculative] = run_out(batch)
    assert 100 < steps[3] < steps[0] == 200


def test_the_load_tells_who_reads_and_who_writes() -> None:
    batch = Batch[Seen](MODEL, 8)
    for _ in range(3):
        batch.add(asked(40, 5))
    first = batch.begin()
    assert first is not None
    assert (first.cost.load.running, first.cost.load.prefilling) == (3, 3)
    batch.finish(first)
    batch.add(asked(40, 5))
    second = batch.begin()
    assert second is not None
    assert (second.cost.load.running, second.cost.load.prefilling) == (4, 1)
    assert 0 < batch.kv_usage < 0.01
