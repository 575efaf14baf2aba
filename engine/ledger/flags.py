"""What marks say against figures: a mark in, a flag out. Pure."""

from engine.books import Flag
from engine.documents import Mark, MarkKind
from engine.validity import Reason

SAMPLER_DIED = "sampler_died"
"""Code of the warning that no device will be read any more."""


def flag_of(mark: Mark) -> Flag | None:
    """The flag of a warning or a gap; None when it says nothing of figures.

    A warning with a reason's code is about its own span, from `t_ns` on while `data.open`. A gap is about its device's
    stream, and so is a driver call that hangs, until the gap that it leaves is told.
    """
    stream, since = mark.data.get("stream"), mark.data.get("since_t_ns")
    device = stream.partition(".")[0] if isinstance(stream, str) else None
    if mark.kind == MarkKind.GAP and device:
        return Flag(Reason.GAP, mark.t_ns, mark.end_t_ns or mark.t_ns, device)
    if mark.kind != MarkKind.WARNING:
        return None
    code = mark.data.get("code")
    if code == SAMPLER_DIED:
        return Flag(Reason.GAP, mark.t_ns)
    if isinstance(code, str) and code in set(Reason):
        return _coded(Reason(code), mark)
    return Flag(Reason.GAP, since, None, device) if device and isinstance(since, int) else None


def _coded(reason: Reason, mark: Mark) -> Flag:
    device, still = mark.data.get("device"), mark.data.get("open") is True
    end_ns = None if still else (mark.end_t_ns if mark.end_t_ns is not None else mark.t_ns)
    return Flag(reason, mark.t_ns, end_ns, device if isinstance(device, str) else None, mark.arm)
