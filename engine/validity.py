"""Why a figure deserves a second look: reason codes, a sentence for each that a hall understands, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Weight = Literal["note", "doubt", "invalid"]


class Reason(StrEnum):
    """What is to be said beside a figure; the codes are in recordings and on the wire, so they never change."""

    COUNTER_INSTANT_DISAGREE = "counter_instant_disagree"
    COUNTER_AVERAGE_DISAGREE = "counter_average_disagree"
    SENSOR_BEATS_WITH_LOAD = "sensor_beats_with_load"
    COUNTER_RESET = "counter_reset"
    GAP = "gap"
    WINDOW_TOO_SHORT = "window_too_short"
    NOT_SUPPORTED = "not_supported"
    FOREIGN_PROCESS = "foreign_process"
    POWER_CAPPED = "power_capped"
    THERMAL_THROTTLE = "thermal_throttle"
    SIMULATED = "simulated"
    INCOMPLETE_ROUND = "incomplete_round"
    WHOLE_BOARD = "whole_board"
    WHOLE_PACKAGE = "whole_package"
    SHARED_DEVICE = "shared_device"
    REMOTE_SERVER = "remote_server"
    ESTIMATED_TOKENS = "estimated_tokens"
    CROWD_LOAD = "crowd_load"
    POWER_LIMIT_CHANGED = "power_limit_changed"
    CLOCKS_SET = "clocks_set"

    @property
    def sentence(self) -> str:
        """What it means, in one sentence."""
        return _ABOUT[self].sentence

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence."""
        return _ABOUT[self].remedy

    @property
    def weight(self) -> Weight:
        """`note`: true, and to be said; `doubt`: look twice; `invalid`: the figure must not be used as it stands."""
        return _ABOUT[self].weight


@dataclass(frozen=True)
class _About:
    weight: Weight
    sentence: str
    remedy: str


_ABOUT: dict[Reason, _About] = {
    Reason.COUNTER_INSTANT_DISAGREE: _About(
        "doubt",
        "The energy counter and the instant power reading do not add up to the same joules.",
        "Trust the counter when the average agrees with it; run longer rounds, and see what doctor says of the sensor.",
    ),
    Reason.COUNTER_AVERAGE_DISAGREE: _About(
        "invalid",
        "The energy counter and the one-second average do not add up to the same joules, so the counter may be wrong.",
        "Change the load's rhythm (another batch size or concurrency), or check against a power meter at the plug.",
    ),
    Reason.SENSOR_BEATS_WITH_LOAD: _About(
        "doubt",
        "The load goes up and down in step with the power sensor, which then sees the same part of it every time.",
        "Take the joules from the counter, not from the curve; another batch size or concurrency breaks the rhythm.",
    ),
    Reason.COUNTER_RESET: _About(
        "doubt",
        "The energy counter began again from zero in the middle of this measurement.",
        "Repeat the measurement, and find out what restarted the driver or reset the GPU.",
    ),
    Reason.GAP: _About(
        "doubt",
        "The sensor did not answer for a while, so part of this measurement was not seen.",
        "Repeat the measurement; if it comes again, see what the driver reports (nvidia-smi, dmesg).",
    ),
    Reason.WINDOW_TOO_SHORT: _About(
        "invalid",
        "The measurement was too short for this sensor, which renews its readings only a few times a second.",
        "Measure longer: ten of the sensor's periods at least, one second or more on most GPUs.",
    ),
    Reason.NOT_SUPPORTED: _About(
        "invalid",
        "This device does not report the power or energy that was asked for.",
        "Use a GPU and driver that report it, or measure at the plug.",
    ),
    Reason.FOREIGN_PROCESS: _About(
        "invalid",
        "Another program used the GPU at the same time, so its energy is in these joules too.",
        "Stop the other program (nvidia-smi lists it), and race again.",
    ),
    Reason.POWER_CAPPED: _About(
        "note",
        "The GPU ran at its power limit, which slowed it down.",
        "Compare only arms under the same power limit; raise it with nvidia-smi -pl if it was not meant.",
    ),
    Reason.THERMAL_THROTTLE: _About(
        "doubt",
        "The GPU was too hot and slowed itself down.",
        "Improve its cooling, or give it longer breaks between the rounds.",
    ),
    Reason.SIMULATED: _About(
        "note",
        "These figures come from a simulation, not from a measurement.",
        "Race on a real GPU with real arms to measure.",
    ),
    Reason.INCOMPLETE_ROUND: _About(
        "doubt",
        "A round was cut short, so its work and its joules are not whole.",
        "Race again, or leave that round out.",
    ),
    Reason.WHOLE_BOARD: _About(
        "note",
        "The sensor sees the whole board: whatever shares it is in these joules too.",
        "Keep the board's other instances idle while it is measured.",
    ),
    Reason.WHOLE_PACKAGE: _About(
        "note",
        "The sensor sees the whole processor: every program on it is in these joules too.",
        "Keep the machine otherwise idle while it is measured.",
    ),
    Reason.SHARED_DEVICE: _About(
        "invalid",
        "The arms ran on one GPU at the same time, so nobody can say whose joules these are.",
        "Let the arms take turns (schedule mode alternate), or give each its own GPU (mode parallel).",
    ),
    Reason.REMOTE_SERVER: _About(
        "invalid",
        "This arm's server is on another machine, whose watts this machine's sensor does not see.",
        "Run wattrace on the machine that the server runs on.",
    ),
    Reason.ESTIMATED_TOKENS: _About(
        "doubt",
        "The server did not tell how many tokens it gave, so streamed pieces were counted instead.",
        "Use a server that tells its usage in the stream, as vLLM does.",
    ),
    Reason.CROWD_LOAD: _About(
        "doubt",
        "Questions of the audience are in these figures, so the arms had not the same work; verdicts leave them out.",
        "Close the audience's load, and race on: rounds without such questions count.",
    ),
    Reason.POWER_LIMIT_CHANGED: _About(
        "doubt",
        "Somebody changed the GPU's power limit in the middle of the race.",
        "Leave the limit alone while it races (nvidia-smi -pl), and race again.",
    ),
    Reason.CLOCKS_SET: _About(
        "note",
        "The GPU's clocks were held by a setting, so they were not what the load would have given.",
        "If that is not meant, let them go: nvidia-smi -rgc -rac.",
    ),
}


# Bits of NVML's clocks-event reasons (nvml.h, nvmlClocksEventReason*).
_POWER_BITS = 0x04 | 0x80  # software power cap, hardware power brake
_THERMAL_BITS = 0x20 | 0x40  # software and hardware thermal slowdown
_HARDWARE_SLOWDOWN = 0x08


def slowed_by(bits: int) -> tuple[Reason, ...]:
    """What NVML's clocks-event reasons say of a slowdown.

    A hardware slowdown that names no cause is taken as heat: a power brake has a bit of its own.
    """
    power, thermal = bool(bits & _POWER_BITS), bool(bits & _THERMAL_BITS)
    thermal = thermal or (bool(bits & _HARDWARE_SLOWDOWN) and not bits & 0x80)
    return (*([Reason.POWER_CAPPED] * power), *([Reason.THERMAL_THROTTLE] * thermal))


def is_valid(reasons: Iterable[Reason]) -> bool:
    """Whether a figure with these reasons may be used as it stands."""
    return all(reason.weight != "invalid" for reason in reasons)


def dictionary() -> dict[str, dict[str, str]]:
    """Every code with its weight, sentence and remedy, as the page gets them."""
    return {
        code.value: {"weight": about.weight, "sentence": about.sentence, "remedy": about.remedy}
        for code, about in _ABOUT.items()
    }
