"""How far a start is: out of vLLM's lines, and of a server that draws its progress bars."""

import sys

import pytest

from engine.arms.loading import Progress, progress
from engine.arms.server import Launch, ServerArm


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Loading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?, ?it/s]", ("loading weights", 0.0)),
        ("Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01]", ("loading weights", 0.5)),
        ("Loading safetensors checkpoint shards (eager): 75% Completed | 3/4", ("loading weights", 0.75)),
        ("Multi-thread loading shards: 100% Completed | 1/1", ("loading weights", 1.0)),
        ("Loading pt checkpoint shards: 100% Completed | 1/1", ("loading weights", 1.0)),
        ("Loading safetensors using Runai Model Streamer: 12% Completed | 4/33", ("loading weights", 0.12)),
        ("(EngineCore pid=1) INFO 11-21 08:25:17 [x.py:68] Starting to load model /m...", ("loading weights", 0.0)),
        ("(EngineCore pid=1) INFO 11-21 [default_loader.py:501] Loading weights took 1.60 s", ("loading weights", 1.0)),
        ("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  40%|#### | 4/10", ("capturing graphs", 0.4)),
        ("Capturing decode CUDA graphs: 100%|####| 4/4", ("capturing graphs", 1.0)),
        ("INFO [gpu_model_runner.py:1] Graph capturing finished in 9 secs, took 0.50 GiB", ("capturing graphs", 1.0)),
        ("INFO [backends.py:1] Dynamo bytecode transform time: 5.16 s", ("compiling", None)),
        ("INFO [monitor.py:1] torch.compile took 31.02 s in total", ("compiling", 1.0)),
        ("JIT kernel warmup (12 compile keys):  25%|##", ("compiling", 0.25)),
        ("INFO [kv_cache_utils.py:2327] GPU KV cache size: 1,000,000 tokens", ("sizing the cache", None)),
        ("INFO:     Application startup complete.", ("opening", None)),
        ("INFO 127.0.0.1 - GET /health", None),
        ("Loading safetensors checkpoint shards:  5", None),
        ("", None),
    ],
)
def test_lines_that_tell(line: str, told: tuple[str, float | None] | None) -> None:
    expected = Progress(*told) if told else None
    assert progress(line) == expected


async def test_a_start_tells_how_far_it_is() -> None:
    seen: list[Progress] = []
    command = [sys.executable, "-P", "-m", "engine.simulator", "--port", "{port}", "--startup-seconds", "1"]
    arm = ServerArm("A", Launch(command, "m", 30.0), on_progress=seen.append)
    try:
        await arm.start()
    finally:
        await arm.stop()
    weights = [Progress("loading weights", percent / 100) for percent in (0, 25, 50, 75, 100)]
    graphs = [Progress("capturing graphs", percent / 100) for percent in (0, 25, 50, 75, 100)]
    steps = [*weights, *graphs, Progress("opening")]
    # Lines that are read together tell one step, and the last may be read after `/health` has said that it is ready.
    assert seen == [step for step in steps if step in seen], "in order, and none twice"
    assert len(set(seen) & set(weights)) >= 2 and set(seen) & set(graphs)
