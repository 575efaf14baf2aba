"""The routes that vLLM has only with VLLM_SERVER_DEV_MODE=1: sleep mode, and what it was configured to.

As vLLM does on a platform that cannot sleep, it answers OK and frees nothing when WATTRACE_SIM_SLEEP_IN_VAIN is set.
"""

import os
from typing import Any

from aiohttp import web

from engine.simulator.flags import Settings
from engine.simulator.runner import Runner

_ASLEEP_BYTES = int(1.1e9)
"""What CUDA's context and the graphs keep."""


def wanted() -> bool:
    """Whether the environment asks for these routes."""
    return os.environ.get("VLLM_SERVER_DEV_MODE", "0") not in ("", "0")


class Development:
    """Adds the routes to an application."""

    def __init__(self, settings: Settings, runner: Runner, max_model_len: int) -> None:
        self._settings, self._runner, self._max_model_len = settings, runner, max_model_len

    def add_to(self, app: web.Application) -> None:
        """Let `app` answer them."""
        app.router.add_post("/sleep", self._sleep)
        app.router.add_post("/wake_up", self._wake_up)
        app.router.add_get("/is_sleeping", self._is_sleeping)
        app.router.add_get("/server_info", self._server_info)

    async def _sleep(self, request: web.Request) -> web.Response:
        if not self._settings.sleep_mode:
            return web.json_response({"error": "Sleep mode is not enabled."}, status=500)
        in_vain = os.environ.get("WATTRACE_SIM_SLEEP_IN_VAIN")
        self._runner.sleep(held_bytes=None if in_vain else _ASLEEP_BYTES)
        return web.json_response({"status": "sleeping", "level": int(request.query.get("level", "1"))})

    async def _wake_up(self, _: web.Request) -> web.Response:
        self._runner.wake()
        return web.json_response({"status": "awake", "tags": None})

    async def _is_sleeping(self, _: web.Request) -> web.Response:
        return web.json_response({"is_sleeping": self._runner.asleep})

    async def _server_info(self, _: web.Request) -> web.Response:
        return web.json_response({"vllm_config": self._configuration(), "vllm_env": {}, "system_env": {}})

    def _configuration(self) -> dict[str, Any]:
        """The part of vLLM's that the simulation has."""
        settings, batch = self._settings, self._runner.batch
        speculation = {"method": "ngram", "num_speculative_tokens": settings.speculative_tokens}
        return {
            "model_config": {
                "model": settings.model,
                "dtype": f"torch.{'bfloat16' if settings.dtype == 'auto' else settings.dtype}",
                "quantization": settings.quantization,
                "max_model_len": self._max_model_len,
                "enforce_eager": settings.eager,
            },
            "cache_config": {
                "cache_dtype": settings.kv_cache_dtype,
                "enable_prefix_caching": settings.prefix_caching,
                "gpu_memory_utilization": settings.gpu_memory_utilization,
                "kv_cache_size_tokens": batch.kv_capacity_tokens,
            },
            "scheduler_config": {
                "max_num_seqs": settings.max_num_seqs,
                "max_num_batched_tokens": settings.max_num_batched_tokens,
                "async_scheduling": settings.asynchronous,
            },
            "compilation_config": {
                "mode": 0 if settings.eager else 3,
                "cudagraph_mode": 0 if settings.eager else [2, 1],
            },
            "speculative_config": speculation if settings.speculative_tokens else None,
            "device_config": {"device": "simulated"},
        }
