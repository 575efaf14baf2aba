"""The configuration that a server says it runs with: from its log's lines, from its endpoints, from what we asked."""

import asyncio
import sys
from typing import Any

import pytest
from aiohttp import web
from simulated_server import MODEL, SimulatedServer, free_port

from engine.arms.effective import ask_effective, told_by_line, told_by_metrics, told_by_server
from engine.arms.server import Launch, ServerArm

# As vLLM 0.32 prints it, shortened.
ENGINE = (
    "(EngineCore pid=13090) INFO 11-21 08:25:16 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: "
    "model='/models/smollm2', speculative_config=SpeculativeConfig(method='ngram', model=None, num_spec_tokens=3), "
    "tokenizer='/m', skip_tokenizer_init=False, revision=None, dtype=torch.bfloat16, max_seq_len=2048, "
    "load_format=auto, tensor_parallel_size=1, pipeline_parallel_size=1, quantization=None, "
    "quantization_config=None, enforce_eager=True, kv_cache_dtype=auto, device_config=cpu, "
    "observability_config=ObservabilityConfig(kv_cache_metrics=False), seed=0, served_model_name=arm, "
    "enable_prefix_caching=True, enable_chunked_prefill=True, pooler_config=None, compilation_config={'mode': "
    "<CompilationMode.VLLM_COMPILE: 3>, 'backend': 'inductor', 'cudagraph_mode': "
    "<CUDAGraphMode.FULL_AND_PIECEWISE: (2, 1)>, 'cudagraph_capture_sizes': [1, 2]}"
)
TOLD = {
    "model": "/models/smollm2",
    "dtype": "bfloat16",
    "max_model_len": 2048,
    "tensor_parallel_size": 1,
    "quantization": None,
    "enforce_eager": True,
    "kv_cache_dtype": "auto",
    "device": "cpu",
    "enable_prefix_caching": True,
    "enable_chunked_prefill": True,
    "speculative_config": "SpeculativeConfig(method='ngram', model=None, num_spec_tokens=3)",
    "compilation_mode": "VLLM_COMPILE",
    "cudagraph_mode": "FULL_AND_PIECEWISE",
}


def test_the_log_tells_most_of_it() -> None:
    assert told_by_line(ENGINE) == TOLD
    chunked = "INFO [scheduler.py:308] Chunked prefill is enabled with max_num_batched_tokens=8192."
    assert told_by_line(chunked) == {"max_num_batched_tokens": 8192}
    backend = "INFO [cuda.py:507] Using FLASH_ATTN attention backend out of potential backends: ['FLASH_ATTN']."
    assert told_by_line(backend) == {"attention_backend": "FLASH_ATTN"}
    assert told_by_line("INFO [x.py:1] GPU KV cache size: 1,234,560 tokens") == {"kv_cache_size_tokens": 1234560}
    assert told_by_line("INFO: nothing of interest") == {}


def test_the_metrics_tell_the_size_of_the_cache() -> None:
    text = (
        "# TYPE vllm:cache_config_info gauge\n"
        'vllm:cache_config_info{block_size="128",cache_dtype="auto",gpu_memory_utilization="0.92",'
        'kv_cache_size_tokens="5760",num_cpu_blocks="None",num_gpu_blocks="45"} 1.0\n'
    )
    sizes = {"block_size": 128, "num_gpu_blocks": 45, "kv_cache_size_tokens": 5760, "gpu_memory_utilization": 0.92}
    assert told_by_metrics(text) == sizes
    assert told_by_metrics("") == {}


def test_the_server_tells_all_of_it_by_vllms_names() -> None:
    config: dict[str, Any] = {
        "model_config": {"model": "m" * 5000, "dtype": "torch.float16", "quantization": "fp8", "hf_token": "secret"},
        "scheduler_config": {"max_num_seqs": 8, "async_scheduling": True},
        "compilation_config": {"mode": 3, "cudagraph_mode": [2, 1]},
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 3, "target_model_config": {"x": 1}},
        "instance_id": 17952,
    }
    assert told_by_server(config) == {
        "model": "m" * 200,
        "dtype": "float16",
        "quantization": "fp8",
        "max_num_seqs": 8,
        "async_scheduling": True,
        "compilation_mode": "VLLM_COMPILE",
        "cudagraph_mode": "FULL_AND_PIECEWISE",
        "speculative_config": {"method": "ngram", "model": None, "num_speculative_tokens": 3},
    }
    assert told_by_server({}) == {}


async def test_a_server_with_development_endpoints_is_asked() -> None:
    with SimulatedServer("--max-num-seqs", "4", "--enforce-eager", VLLM_SERVER_DEV_MODE="1") as server:
        told = await ask_effective(server.url, logged={"dtype": "of the log"})
    assert told["told_by"] == "server_info"
    assert (told["max_num_seqs"], told["dtype"], told["enforce_eager"]) == (4, "bfloat16", True)
    assert (told["cudagraph_mode"], told["speculative_config"], told["model"]) == ("NONE", None, MODEL)


async def test_else_its_log_and_its_metrics_are() -> None:
    with SimulatedServer() as server:
        assert await ask_effective(server.url, logged={"dtype": "float16"}) == {
            "told_by": "log and metrics",
            "dtype": "float16",
        }
        assert await ask_effective(server.url, logged={}) == {}
    assert await ask_effective(f"http://127.0.0.1:{free_port()}", logged={}) == {}


@pytest.mark.parametrize("answer", ["[]", "{", '{"vllm_config": "a text"}'])
async def test_nonsense_is_no_configuration(answer: str) -> None:
    async def info(_: web.Request) -> web.Response:
        return web.Response(text=answer, content_type="application/json")

    app, port = web.Application(), free_port()
    app.router.add_get("/server_info", info)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        assert await ask_effective(f"http://127.0.0.1:{port}", logged={}) == {}
    finally:
        await runner.cleanup()


_PRINTS = f"""
import http.server, sys
print({ENGINE!r}, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def test_an_arm_remembers_what_its_server_printed() -> None:
    launch = Launch([sys.executable, "-c", _PRINTS, "{port}"], "m", 30.0, effective={"max_num_seqs": 8})
    arm = ServerArm("A", launch)
    try:
        async with asyncio.timeout(30):
            await arm.start()
            assert await arm.effective() == {"told_by": "log and metrics, else arguments", "max_num_seqs": 8, **TOLD}
    finally:
        await arm.stop()


async def test_an_arm_that_says_nothing_has_what_it_was_given() -> None:
    program = _PRINTS.replace(repr(ENGINE), "''")
    arm = ServerArm("A", Launch([sys.executable, "-c", program, "{port}"], "m", 30.0, effective={"max_num_seqs": 8}))
    try:
        async with asyncio.timeout(30):
            await arm.start()
            assert await arm.effective() == {"told_by": "arguments", "max_num_seqs": 8}
    finally:
        await arm.stop()
