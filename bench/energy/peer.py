"""One peer at work: it runs in the peers' own environment, on the fake driver, and knows nothing of wattrace.

    python peer.py NAME

The peer is imported once. Each line of standard input asks for one measurement ({"script", "begin_ns", "seconds",
"gpus"}), which a forked child makes, so that driver and peer begin afresh; its answer is one line on the original
standard output: joules of each GPU, when the call that began it had returned, and when the one that ended it was made.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Answer = dict[str, Any]
INTERVAL = 0.1
"""Seconds between two looks of every peer that lets its user choose."""


def sleep_until(t_ns: int) -> None:
    while (left := t_ns - time.monotonic_ns()) > 0:
        time.sleep(left / 1e9)


def measured(begin: Callable[[], Any], end: Callable[[Any], dict[int, float]], task: Answer) -> Answer:
    """Call `begin` and `end` `seconds` apart: what a user puts between the two is what is to be measured."""
    sleep_until(task["begin_ns"])
    handle = begin()
    begun = time.monotonic_ns()
    sleep_until(begun + round(task["seconds"] * 1e9))
    ending = time.monotonic_ns()
    return {"joules": end(handle), "begin_ns": begun, "end_ns": ending}


def zeus_monitor(task: Answer) -> Answer:
    """Zeus: the difference of two readings of the energy counter."""
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=task["gpus"])
    return measured(
        lambda: monitor.begin_window("bench", sync_execution=False),
        lambda _: monitor.end_window("bench", sync_execution=False).gpu_energy,
        task,
    )


def zeus_power(task: Answer) -> Answer:
    """Zeus: the area under a polled power field."""
    from zeus.monitor.power import PowerDomain, PowerMonitor

    indices = task["gpus"]
    domains = [PowerDomain.DEVICE_INSTANT]
    try:
        monitor = PowerMonitor(gpu_indices=indices, update_period=INTERVAL, power_domains=domains)
    except ValueError:
        monitor = PowerMonitor(gpu_indices=indices, update_period=INTERVAL)
    try:
        # One interval later, so that the last reading is there.
        edges = measured(time.time, lambda began: {0: began, 1: time.time()}, task)
        time.sleep(2 * INTERVAL)
        began, ended = edges["joules"].values()
        return {**edges, "joules": monitor.get_energy(began, ended) or {}}
    finally:
        monitor.stop()


def codecarbon(task: Answer) -> Answer:
    """CodeCarbon: counter differences every 0.1 s; the same sums that it reports, for each GPU apart."""
    from codecarbon.core.gpu import AllGPUDevices

    sums = dict.fromkeys(task["gpus"], 0.0)
    get_delta = AllGPUDevices.get_delta

    def summed(devices: Any, duration: Any) -> Any:
        found = get_delta(devices, duration)
        for gpu in found:
            if gpu["gpu_index"] in sums:
                sums[gpu["gpu_index"]] += gpu["delta_energy_consumption"].kWh * 3.6e6
        return found

    def stopped(_: Any) -> dict[int, float]:
        tracker.stop()
        return dict(sums)

    # The first tracker of a process looks for hardware when it starts; that is not what is measured here.
    rehearsal = codecarbon_tracker(task["gpus"])
    rehearsal.start()
    rehearsal.stop()
    AllGPUDevices.get_delta = summed  # type: ignore[method-assign, assignment]  # it is measured as it is
    tracker = codecarbon_tracker(task["gpus"])
    return measured(tracker.start, stopped, task)


def codecarbon_tracker(gpus: list[int]) -> Any:
    from codecarbon import OfflineEmissionsTracker

    return OfflineEmissionsTracker(
        country_iso_code="USA",
        gpu_ids=gpus,
        measure_power_secs=INTERVAL,
        save_to_file=False,
        log_level="critical",
        allow_multiple_runs=True,
        force_cpu_power=100,
        force_ram_power=10,
    )


def nvitop(task: Answer) -> Answer:
    """nvitop: the mean of polled power, times the window."""
    from nvitop import Device, ResourceMetricCollector

    collector = ResourceMetricCollector(devices=[Device(index) for index in task["gpus"]], interval=INTERVAL)

    def collected(_: Any) -> dict[int, float]:
        found = {}
        for key, value in collector.collect().items():
            if match := re.fullmatch(r"bench/.*gpu:(\d+).*/power_usage \(W\)/mean", key):
                found[int(match[1])] = value * task["seconds"]
        collector.deactivate("bench")
        return found

    return measured(lambda: collector.activate("bench"), collected, task)


def llenergymeasure(task: Answer) -> Answer:
    """llenergymeasure's own sampler: the trapezoids under power polled every 0.1 s."""
    from llenergymeasure.energy.nvml import NVMLSampler

    sampler = NVMLSampler(gpu_indices=task["gpus"])
    return measured(sampler.start_tracking, lambda tracker: sampler.stop_tracking(tracker).per_gpu_j or {}, task)


def trapezoid(task: Answer) -> Answer:
    """What a short script does: the instant field every 0.1 s, and the trapezoids under it."""
    import pynvml

    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in task["gpus"]]
    sleep_until(task["begin_ns"])
    begin = due = time.monotonic_ns()
    end = begin + round(task["seconds"] * 1e9)
    rows: list[tuple[int, list[float | None]]] = []
    while True:
        now = time.monotonic_ns()
        rows.append((now, [instant_watts(pynvml, handle) for handle in handles]))
        if now >= end:
            break
        due = min(due + round(INTERVAL * 1e9), end)
        sleep_until(due)
    joules = {gpu: area([(t, watts[at]) for t, watts in rows]) for at, gpu in enumerate(task["gpus"])}
    return {"joules": joules, "begin_ns": begin, "end_ns": rows[-1][0]}


def instant_watts(pynvml: Any, handle: Any) -> float | None:
    try:
        [value] = pynvml.nvmlDeviceGetFieldValues(handle, [pynvml.NVML_FI_DEV_POWER_INSTANT])
        if value.nvmlReturn == pynvml.NVML_SUCCESS:
            return float(value.value.uiVal) / 1000
        return float(pynvml.nvmlDeviceGetPowerUsage(handle)) / 1000
    except pynvml.NVMLError:
        return None


def area(readings: list[tuple[int, float | None]]) -> float:
    known = [(t, watts) for t, watts in readings if watts is not None]
    return sum((b[0] - a[0]) / 1e9 * (a[1] + b[1]) / 2 for a, b in pairwise(known))


PEERS: dict[str, tuple[str, Callable[[Answer], Answer]]] = {
    "ZeusMonitor": ("zeus.monitor", zeus_monitor),
    "PowerMonitor": ("zeus.monitor.power", zeus_power),
    "CodeCarbon": ("codecarbon", codecarbon),
    "nvitop": ("nvitop", nvitop),
    "llenergymeasure": ("llenergymeasure.energy.nvml", llenergymeasure),
    "10 Hz instant": ("pynvml", trapezoid),
}


def answer(name: str, task: Answer) -> Answer:
    """One measurement, or what the peer said when it could make none."""
    os.environ["FAKE_NVML"] = task["script"]
    try:
        return PEERS[name][1](task)
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def main() -> None:
    """Answer tasks until standard input closes."""
    name = sys.argv[1]
    out = os.dup(1)
    os.dup2(2, 1)  # what a peer prints is no answer
    os.chdir(tempfile.gettempdir())
    for module in ("pynvml", PEERS[name][0]):
        __import__(module)
    os.write(out, b'{"imported": true}\n')
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            reply = answer(name, json.loads(line))
            os.write(out, json.dumps(reply).encode() + b"\n")
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
