"""The metrics that wattrace knows: one name, one unit and one meaning each."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "text"]


@dataclass(frozen=True)
class Origin:
    """Where readings come from, and which moment the `t_ns` beside them is. All are on the run's one clock."""

    source: str
    moment: str


_CALL = "the middle of the driver's call"
_BOARD = Origin("nvml, simulated, rapl", _CALL)
_MODULE = Origin("nvml", _CALL)
_SLOW = Origin("nvml, simulated", "when the last of the row's calls was answered")
_LISTED = Origin("nvml, simulated", "when the list had been given")
_SAMPLER = Origin("sampler", "that of the sample which it is about")
_CLIENT = Origin("client", "when the chunk had arrived at the client")
_COMMAND = Origin("command", "when the line had been read")
_SERVER = Origin("vllm", "the middle of the request for the server's /metrics")


@dataclass(frozen=True)
class Metric:
    """A named quantity: its unit (UCUM-like, as shown), its kind, what it means, and where it comes from."""

    name: str
    unit: str
    kind: Kind
    meaning: str
    origin: Origin


def _from(origin: Origin, *rows: tuple[str, str, Kind, str]) -> tuple[Metric, ...]:
    return tuple(Metric(*row, origin) for row in rows)


_ALL = (
    *_from(
        _BOARD,
        ("power_instant_watts", "W", "gauge", "Board power as the sensor last saw it (NVML field 186)."),
        ("power_average_watts", "W", "gauge", "Board power averaged by the driver over 1 s (NVML field 185)."),
        ("energy_joules", "J", "counter", "Energy since the driver was loaded (NVML field 83, RAPL energy_uj)."),
    ),
    *_from(
        _MODULE,
        ("module_power_instant_watts", "W", "gauge", "The whole module's power: GPU, CPU, memory (186, scope 1)."),
        ("module_power_average_watts", "W", "gauge", "The same averaged by the driver over 1 s (185, scope 1)."),
    ),
    *_from(
        _BOARD,
        ("dram_energy_joules", "J", "counter", "Energy of the memory on the CPU's channels (RAPL's DRAM domains)."),
    ),
    *_from(
        _SLOW,
        ("temperature_celsius", "°C", "gauge", "GPU core temperature."),
        ("memory_temperature_celsius", "°C", "gauge", "Memory temperature (NVML field 82)."),
        ("utilization_percent", "%", "gauge", "Share of the last period with at least one kernel running."),
        ("memory_utilization_percent", "%", "gauge", "Share of the last period with memory traffic."),
        ("clock_sm_megahertz", "MHz", "gauge", "Clock of the streaming multiprocessors."),
        ("clock_memory_megahertz", "MHz", "gauge", "Clock of the memory."),
        ("memory_used_bytes", "B", "gauge", "Device memory in use by all processes."),
        ("throttle_reasons", "bits", "gauge", "NVML clocks-event-reasons bit mask."),
        ("power_limit_watts", "W", "gauge", "Enforced power limit."),
    ),
    *_from(
        _LISTED,
        ("compute_processes", "1", "gauge", "How many processes compute on the GPU."),
        ("compute_process_ids", "", "text", "Their process ids, with commas between; empty when there are none."),
    ),
    *_from(
        _SAMPLER,
        ("sampler_lateness_microseconds", "µs", "gauge", "How late after its deadline a sample was begun."),
        ("sampler_call_microseconds", "µs", "gauge", "How long the fast-lane driver call took."),
        ("sampler_cpu_percent", "%", "gauge", "CPU of the sampler process, of one core, since the last page."),
    ),
    *_from(
        _CLIENT,
        ("request", "1", "counter", "Which request of the run (a number that rises by one)."),
        ("tokens", "1", "gauge", "Tokens that arrived in this chunk."),
        ("text", "", "text", "Text that arrived in this chunk; of a command, the line that told of its progress."),
    ),
    *_from(
        _COMMAND,
        ("units", "1", "gauge", "Work that a command did since its line before, in the unit that its demo names."),
    ),
    *_from(
        _SERVER,
        ("running_requests", "1", "gauge", "Requests that the arm is computing on."),
        ("waiting_requests", "1", "gauge", "Requests that the arm has queued."),
        ("kv_cache_usage_percent", "%", "gauge", "Share of the arm's key-value cache in use."),
        ("prompt_tokens", "1", "counter", "Prompt tokens that the arm has processed since its start."),
        ("generation_tokens", "1", "counter", "Tokens that the arm has generated since its start."),
        ("preemptions", "1", "counter", "Requests that the arm has put back to wait since its start."),
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}

FAST_LANE = ("power_instant_watts", "power_average_watts", "energy_joules")
# Read with the fast lane, and offered only where the hardware has them.
EXTRA_LANE = ("module_power_instant_watts", "module_power_average_watts", "dram_energy_joules")
SLOW_LANE = (
    "temperature_celsius",
    "memory_temperature_celsius",
    "utilization_percent",
    "memory_utilization_percent",
    "clock_sm_megahertz",
    "clock_memory_megahertz",
    "memory_used_bytes",
    "throttle_reasons",
    "power_limit_watts",
)
# Listed once a second, by a thread of its own: the call takes milliseconds.
PROCESS_LANE = ("compute_processes", "compute_process_ids")

UNANSWERED = "its driver has not answered yet"
"""Stands in a descriptor's `unsupported` for a device that hangs from the start; described again if it answers."""
