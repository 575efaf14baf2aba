"""Run the simulated vLLM: `python -P -m engine.simulator --model NAME --port N [vLLM's options]`.

Environment, for tests:

- WATTRACE_SIM_STARTUP_SECONDS: how long until it is ready, when --startup-seconds is not given
- WATTRACE_SIM_DIE_AFTER_SECONDS: die by itself, that long after it was ready
- WATTRACE_SIM_UNHEALTHY_AFTER_SECONDS: answer 503 from then on, as vLLM does when only its engine core died
- WATTRACE_SIM_FAIL_START: run out of memory while starting
- WATTRACE_SIM_SLEEP_IN_VAIN: answer OK to /sleep, and free nothing
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from engine.clock import MonotonicClock
from engine.occupancy import Occupancy
from engine.simulator.batch import Batch
from engine.simulator.flags import Settings, parse
from engine.simulator.model import GPU_MEMORY_BYTES, roofline
from engine.simulator.runner import Reply, Runner
from engine.simulator.server import Server

_LONGEST_CONTEXT = 32_768  # tokens, as the Qwen2.5 models have
# What vLLM's progress bars print: a line for each file of weights, then one line over and over.
_LOADING = (
    *(f"Loading safetensors checkpoint shards: {25 * n:3d}% Completed | {n}/4 [simulated]\n" for n in range(5)),
    *(f"\rCapturing CUDA graphs (mixed prefill-decode, PIECEWISE): {25 * n:3d}%|{'#' * n}| {n}/4" for n in range(5)),
    "\n",
)
_OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.90 GiB. (simulated)"


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    settings = parse(sys.argv[1:])
    if os.environ.get("WATTRACE_SIM_FAIL_START"):
        _log(f"ERROR: {_OUT_OF_MEMORY}")
        return 1
    batch = _batch(settings)
    max_model_len = settings.max_model_len or min(_LONGEST_CONTEXT, batch.kv_capacity_tokens)
    if not 0 < max_model_len <= batch.kv_capacity_tokens:
        _log(f"ERROR: {_too_small(batch.kv_capacity_tokens, max_model_len)}")
        return 1
    try:
        asyncio.run(_serve(settings, batch, max_model_len))
    except OSError as error:
        _log(f"ERROR: {error}")
        return 1
    return 0


def _batch(settings: Settings) -> Batch[Reply]:
    model = roofline(
        settings.model,
        dtype=settings.dtype,
        quantization=settings.quantization,
        kv_cache_dtype=settings.kv_cache_dtype,
        eager=settings.eager,
        asynchronous=settings.asynchronous,
    )
    return Batch(
        model,
        max_num_seqs=settings.max_num_seqs,
        max_num_batched_tokens=settings.max_num_batched_tokens,
        kv_capacity_tokens=model.kv_capacity_tokens(settings.gpu_memory_utilization, settings.kv_cache_memory_bytes),
        prefix_caching=settings.prefix_caching,
        speculative_tokens=settings.speculative_tokens,
        seed=settings.seed,
    )


async def _serve(settings: Settings, batch: Batch[Reply], max_model_len: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    occupancy = Occupancy(Path(settings.occupancy)) if settings.occupancy else None
    memory_bytes = round(GPU_MEMORY_BYTES * settings.gpu_memory_utilization)
    runner = Runner(batch, MonotonicClock(), occupancy, settings.slot, memory_bytes=memory_bytes)
    server = Server(settings, runner, max_model_len)
    # handler_cancellation: a client that goes away gives its slot back.
    web_runner = web.AppRunner(server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await web_runner.setup()
    steps = asyncio.create_task(runner.run())
    try:
        await web.TCPSite(web_runner, settings.host, settings.port, backlog=512).start()
        await _start_up(settings, server, ended)
        stop = asyncio.create_task(ended.wait())
        await asyncio.wait({stop, steps}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
    finally:
        steps.cancel()
        await web_runner.cleanup()
        with suppress(asyncio.CancelledError):
            await steps  # if stepping failed, that error ends the program


async def _start_up(settings: Settings, server: Server, ended: asyncio.Event) -> None:
    seconds = settings.startup_seconds
    if seconds is None:
        seconds = float(os.environ.get("WATTRACE_SIM_STARTUP_SECONDS", "0"))
    _log(f"INFO: Starting to load model {settings.model}... (simulated)")
    for number, line in enumerate(_LOADING):
        print(line, end="", file=sys.stderr, flush=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), seconds / len(_LOADING) if number else 0)
        if ended.is_set():
            return
    server.ready = True
    _log(f"INFO: Application startup complete, on http://{settings.host}:{settings.port}")
    if after := os.environ.get("WATTRACE_SIM_DIE_AFTER_SECONDS"):
        asyncio.get_running_loop().call_later(float(after), _die, server)
    if after := os.environ.get("WATTRACE_SIM_UNHEALTHY_AFTER_SECONDS"):
        asyncio.get_running_loop().call_later(float(after), _sicken, server)


def _sicken(server: Server) -> None:
    """Live on as a vLLM server does whose engine core was killed: everything answers 503."""
    _log("ERROR: EngineDeadError: the engine has died behind its server (simulated)")
    server.ready = False


def _die(server: Server) -> None:
    server.runner.idle()  # a GPU whose process is dead computes nothing, and has its memory back
    server.runner.hold(0)
    _log("ERROR: EngineDeadError: the engine has died, as WATTRACE_SIM_DIE_AFTER_SECONDS asked (simulated)")
    os._exit(1)


def _too_small(capacity: int, max_model_len: int) -> str:
    return (
        f"out of memory: the key-value cache has room for {capacity} tokens, "
        f"max_model_len is {max_model_len}; raise gpu_memory_utilization, lower max_model_len "
        "or take a smaller model (simulated)"
    )


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
