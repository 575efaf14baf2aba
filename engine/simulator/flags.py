"""The command line: vLLM's own options, of which some are modelled and the others only accepted."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

# Names of vLLM 0.32's options that change nothing here: switches (each also with --no-), options with one
# value, and options with several.
_SWITCHES = """
aggregate-engine-logging allow-credentials allow-deprecated-quantization cohere-is-reasoning-model
cudagraph-metrics data-parallel-external-lb data-parallel-hybrid-lb data-parallel-multi-port-external-lb
dcp-q-replicate disable-cascade-attn disable-chunked-mm-input disable-custom-all-reduce disable-fastapi-docs
disable-hybrid-kv-cache-manager disable-log-stats disable-nccl-for-dp-synchronization disable-sliding-window
disable-uvicorn-access-log enable-auto-tool-choice enable-batch-sharded-sampling enable-chunked-prefill
enable-cumem-allocator enable-dbo enable-elastic-ep enable-ep-weight-filter enable-eplb
enable-expert-parallel enable-fault-tolerance enable-flash-late-interaction enable-flashinfer-autotune
enable-force-include-usage enable-hc-sp enable-layerwise-nvtx-tracing enable-log-deltas enable-log-outputs
enable-log-requests enable-logging-iteration-details enable-lora enable-mamba-cache-stochastic-rounding
enable-mamba-shared-prefix-checkpoint enable-mfu-metrics enable-mixed-moe-lora-format enable-mm-embeds
enable-moe-shared-loras enable-nccl-comm-suspend enable-offline-docs enable-per-request-metrics
enable-prompt-embeds enable-prompt-tokens-details enable-request-id-headers enable-return-routed-experts
enable-scale-out enable-server-load-tracking enable-shm-tensor-arena enable-sleep-mode enable-ssl-refresh
enable-tokenizer-info-endpoint enable-tower-connector-lora enable-trace-replay
exclude-tools-when-tool-choice-none fail-on-environ-validation fully-sharded-loras grpc headless
interleave-mm-strings jit-monitor-verbose kv-cache-metrics kv-sharing-fast-prefill language-model-only
log-error-stack long-prefill-token-threshold-adaptive mm-device-do-normalize mm-encoder-only numa-bind
ray-workers-use-nsight return-sampling-mask return-tokens-as-token-ids scheduler-reserve-full-isl
skip-mm-profiling skip-tokenizer-init sleep-mode-offload-cudagraph specialize-active-lora swa-bounded-replay
tokens-only trust-remote-code trust-request-chat-template trust-request-mm-kwargs use-fp64-gumbel
use-replayssm use-tqdm-on-load
"""
_VALUES = """
additional-config all2all-backend allowed-headers allowed-local-media-path allowed-methods allowed-origins
anthropic-disabled-thinking-effort api-server-count attention-backend attention-config aux-output-config
block-size chat-template chat-template-content-format code-revision cohere-format config config-format
convert cp-kv-cache-interleave-size cpu-distributed-timeout-seconds cpu-offload-gb custom-histogram-buckets
data-parallel-address data-parallel-backend data-parallel-rank data-parallel-rpc-port data-parallel-size
data-parallel-size-local data-parallel-start-rank data-parallel-supervisor-port dbo-decode-token-threshold
dbo-prefill-token-threshold dcp-comm-backend dcp-kv-cache-interleave-size decode-context-parallel-size
default-chat-template-kwargs default-mm-loras device-ids diffusion-config disable-access-log-for-endpoints
distributed-executor-backend distributed-timeout-seconds download-dir dp-supervisor-probe-failure-threshold
dp-supervisor-probe-interval-s dp-supervisor-probe-timeout-s dp-sync-interval ec-manager-config
ec-transfer-config elastic-ep-max-dp-size engram-config eplb-config expert-placement-strategy
fault-tolerance-config fingerprint-mode fingerprint-value gdn-prefill-backend generation-config grpc-port
h11-max-header-count h11-max-incomplete-event-size hf-config-path hf-overrides hf-token io-processor-plugin
ir-op-priority jit-monitor-mode kda-decode-backend kda-prefill-backend kernel-config kv-cache-metrics-sample
kv-events-config kv-offloading-backend kv-offloading-size kv-transfer-config limit-mm-per-prompt
linear-backend load-format log-config-file log-level logging-config logprobs-mode
long-prefill-token-threshold lora-dtype mamba-backend mamba-block-size mamba-cache-dtype mamba-cache-mode
mamba-cache-philox-rounds mamba-ssm-cache-dtype mamba-ssu-algorithm master-addr master-port max-cpu-loras
max-cudagraph-capture-size max-log-len max-logprobs max-lora-cls-labels max-lora-rank max-loras
max-num-active-seqs max-num-queued-reqs max-num-queued-tokens max-num-scheduled-tokens
max-parallel-loading-workers media-io-kwargs middleware mm-encoder-attn-backend mm-encoder-attn-dtype
mm-encoder-fp8-scale-path mm-encoder-fp8-scale-save-margin mm-encoder-fp8-scale-save-path mm-encoder-tp-mode
mm-hasher-algorithm mm-ipc-gpu-memory-gb mm-processor-cache-gb mm-processor-cache-type mm-processor-device
mm-processor-kwargs mm-shm-cache-max-object-size-mb mm-tensor-ipc model-class-overrides model-impl
model-loader-extra-config moe-backend nnodes node-rank num-gpu-blocks-override offload-backend
offload-group-size offload-num-in-group offload-prefetch-step otlp-traces-endpoint
override-generation-config per-request-spec-decode-metrics performance-mode pipeline-parallel-size
pooler-config prefill-context-parallel-size prefill-schedule-interval prefix-cache-retention-interval
prefix-caching-hash-algo prefix-match-unit profiler-config pt-load-map-location quantization-config
reasoning-config reasoning-parser reasoning-parser-plugin renderer-num-workers replayssm-buffer-len
response-role revision root-path runner safetensors-load-strategy safetensors-prefetch-block-size
safetensors-prefetch-num-threads scheduler-cls scheduling-policy show-hidden-metrics-for-version
shutdown-timeout sparse-indexer-topk-backend sse-keep-alive-interval ssl-ca-certs ssl-cert-reqs ssl-certfile
ssl-ciphers ssl-keyfile stream-interval structured-outputs-config tensor-parallel-size tokenizer
tokenizer-mode tokenizer-revision tool-call-parser tool-parser-plugin tool-server tool-strict-level
ubatch-size uds uvicorn-log-level video-pruning-method video-pruning-rate watermark watermark-config
weight-transfer-config worker-cls worker-extension-cls
"""
_LISTS = """
allowed-media-domains api-key collect-detailed-traces cpu-offload-params cudagraph-capture-sizes
ignore-patterns kv-cache-dtype-skip-layers logits-processors lora-modules lora-target-modules numa-bind-cpus
numa-bind-nodes offload-params sleep-preserve-parameter-names
"""


@dataclass(frozen=True)
class Settings:
    """What the command line asks for, as far as the simulation heeds it."""

    model: str
    served_model_name: str
    host: str
    port: int
    occupancy: str | None
    slot: int
    startup_seconds: float | None
    seed: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int | None
    gpu_memory_utilization: float
    kv_cache_memory_bytes: float | None
    dtype: str
    quantization: str | None
    kv_cache_dtype: str
    eager: bool
    asynchronous: bool
    prefix_caching: bool
    speculative_tokens: int


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parse(arguments: Sequence[str]) -> Settings:
    """The settings in `arguments`; an option that vLLM has not is named, and ends the program with 2."""
    # vLLM takes its options with underscores too.
    parser = _parser()
    spelled = [_dashed(argument) for argument in arguments]
    known = parser.parse_args(spelled)
    compilation: dict[str, Any] = known.compilation_config or {}
    graphs_off = compilation.get("cudagraph_mode") == "NONE" or compilation.get("mode") == 0
    speculative: dict[str, Any] = known.speculative_config or {}
    return Settings(
        model=known.model,
        served_model_name=(known.served_model_name or [known.model])[0],
        host=known.host,
        port=known.port,
        occupancy=known.occupancy,
        slot=known.slot,
        startup_seconds=known.startup_seconds,
        seed=known.seed,
        max_num_seqs=known.max_num_seqs,
        max_num_batched_tokens=known.max_num_batched_tokens,
        max_model_len=known.max_model_len,
        gpu_memory_utilization=known.gpu_memory_utilization,
        kv_cache_memory_bytes=known.kv_cache_memory_bytes,
        dtype=known.dtype,
        quantization=known.quantization,
        kv_cache_dtype=known.kv_cache_dtype,
        eager=known.enforce_eager or graphs_off or known.optimization_level == 0,
        asynchronous=known.async_scheduling,
        prefix_caching=known.enable_prefix_caching,
        speculative_tokens=int(known.spec_tokens or speculative.get("num_speculative_tokens", 0)),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="engine.simulator", description=__doc__, allow_abbrev=False)
    _add_own(parser)
    _add_modelled(parser)
    for name in _SWITCHES.split():
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=argparse.SUPPRESS)
    for name in _VALUES.split():
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    for name in _LISTS.split():
        parser.add_argument(f"--{name}", nargs="+", help=argparse.SUPPRESS)
    return parser


def _add_own(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--occupancy", metavar="FILE", help="where to publish what is being computed")
    parser.add_argument("--slot", type=int, default=0, help="slot of that file (from 0)")
    parser.add_argument("--startup-seconds", type=float, help="how long until it is ready")


def _add_modelled(parser: argparse.ArgumentParser) -> None:
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--model", default="Qwen/Qwen2.5-1.5B-Instruct")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-num-seqs", type=_positive, default=256)
    parser.add_argument("--max-num-batched-tokens", type=_positive, default=8192)
    parser.add_argument("--max-model-len", type=_positive)
    parser.add_argument("--gpu-memory-utilization", type=float, default=0.92)
    parser.add_argument("--kv-cache-memory-bytes", type=_size)
    parser.add_argument("--dtype", default="auto", choices=["auto", "half", "float16", "bfloat16", "float", "float32"])
    parser.add_argument("--quantization", "-q")
    parser.add_argument("--kv-cache-dtype", default="auto")
    parser.add_argument("--enforce-eager", action=switch, default=False)
    parser.add_argument("--async-scheduling", action=switch, default=True)
    parser.add_argument("--enable-prefix-caching", action=switch, default=True)
    parser.add_argument("--compilation-config", "-cc", type=_mapping)
    parser.add_argument("--optimization-level", type=int)
    parser.add_argument("--speculative-config", "-sc", type=_mapping)
    parser.add_argument("--spec-tokens", type=int)
    parser.add_argument("--spec-method")
    parser.add_argument("--spec-model")


def _dashed(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _positive(text: str) -> int:
    """A whole number from 1; its name is what argparse's message says."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _size(text: str) -> float:
    """Bytes, with vLLM's suffixes (k, M, G: decimal when small, binary when capital)."""
    factors = {"k": 1e3, "m": 1e6, "g": 1e9, "K": 2**10, "M": 2**20, "G": 2**30}
    if text[-1:] in factors:
        return float(text[:-1]) * factors[text[-1]]
    return float(text)


def _mapping(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"a JSON object would be right, not {text!r}")
    return value


_positive.__name__ = "positive integer"
_size.__name__ = "size"
