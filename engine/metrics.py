"""The metrics that wattrace knows: one name, one unit and one meaning each."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "text"]


@dataclass(frozen=True)
class Metric:
    """A named quantity: its unit (UCUM-like, as shown), its kind, and what it means."""

    name: str
    unit: str
    kind: Kind
    meaning: str


_ALL = (
    Metric("power_instant_watts", "W", "gauge", "Board power as the sensor last saw it (NVML field 186)."),
    Metric("power_average_watts", "W", "gauge", "Board power averaged by the driver over 1 s (NVML field 185)."),
    Metric("energy_joules", "J", "counter", "Energy since the driver was loaded (NVML field 83, RAPL energy_uj)."),
    Metric("module_power_instant_watts", "W", "gauge", "The whole module's power: GPU, CPU, memory (186, scope 1)."),
    Metric("module_power_average_watts", "W", "gauge", "The same averaged by the driver over 1 s (185, scope 1)."),
    Metric("dram_energy_joules", "J", "counter", "Energy of the memory on the CPU's channels (RAPL's DRAM domains)."),
    Metric("temperature_celsius", "°C", "gauge", "GPU core temperature."),
    Metric("memory_temperature_celsius", "°C", "gauge", "Memory temperature (NVML field 82)."),
    Metric("utilization_percent", "%", "gauge", "Share of the last period with at least one kernel running."),
    Metric("memory_utilization_percent", "%", "gauge", "Share of the last period with memory traffic."),
    Metric("clock_sm_megahertz", "MHz", "gauge", "Clock of the streaming multiprocessors."),
    Metric("clock_memory_megahertz", "MHz", "gauge", "Clock of the memory."),
    Metric("memory_used_bytes", "B", "gauge", "Device memory in use by all processes."),
    Metric("throttle_reasons", "bits", "gauge", "NVML clocks-event-reasons bit mask."),
    Metric("power_limit_watts", "W", "gauge", "Enforced power limit."),
    Metric("compute_processes", "1", "gauge", "How many processes compute on the GPU."),
    Metric("compute_process_ids", "", "text", "Their process ids, with commas between; empty when there are none."),
    Metric("sampler_lateness_microseconds", "µs", "gauge", "How late after its deadline a sample was begun."),
    Metric("sampler_call_microseconds", "µs", "gauge", "How long the fast-lane driver call took."),
    Metric("sampler_cpu_percent", "%", "gauge", "CPU of the sampler process, of one core, since the last page."),
    Metric("request", "1", "counter", "Which request of the run (a number that rises by one)."),
    Metric("tokens", "1", "gauge", "Tokens that arrived in this chunk."),
    Metric("text", "", "text", "Text that arrived in this chunk; of a command, the line that told of its progress."),
    Metric("units", "1", "gauge", "Work that a command did since its line before, in the unit that its demo names."),
    Metric("running_requests", "1", "gauge", "Requests that the arm is computing on."),
    Metric("waiting_requests", "1", "gauge", "Requests that the arm has queued."),
    Metric("kv_cache_usage_percent", "%", "gauge", "Share of the arm's key-value cache in use."),
    Metric("prompt_tokens", "1", "counter", "Prompt tokens that the arm has processed since its start."),
    Metric("generation_tokens", "1", "counter", "Tokens that the arm has generated since its start."),
    Metric("preemptions", "1", "counter", "Requests that the arm has put back to wait since its start."),
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
