"""Findings about the machine around the GPUs, and about the way to the audience. Pure: facts in, findings out."""

from collections.abc import Mapping, Sequence

from engine.doctor.findings import Finding

_STEADY_CLOCKS = frozenset({"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page", "xen"})
_ROOMY_BYTES = 1 << 30
_BYTES_PER_SECOND = 100_000
"""A recording at 100 Hz with two arms that talk fast, generously."""
_OWN_FILES = 100
"""Files and sockets that the server itself holds open, generously."""
_HALL = 500
"""Viewers that a large hall brings."""


def nodes(refused: Mapping[str, str]) -> Finding:
    """The driver's device files that this user may not open: by path, the reason and the group that may."""
    if not refused:
        return Finding("permission", "ok", "this user may open the driver's device files")
    path, group = next(iter(refused.items()))
    paths = ", ".join(refused)
    join = f"sudo usermod -aG {group} $USER, and log in again" if group else f"sudo chmod a+rw {path}"
    remedy = f"{join}; in a container, start it with --gpus all"
    return Finding("permission", "problem", f"this user may not open {paths}", remedy)


def disk(folder: str, free_bytes: int, *, writable: bool, seconds: float) -> Finding:
    """Room for a recording of so many seconds."""
    if not writable:
        return Finding("disk", "problem", f"{folder} cannot be written", "name another folder in WATTRACE_DATA")
    room = f"{free_bytes / 1e9:.1f} GB free in {folder}"
    if free_bytes < seconds * _BYTES_PER_SECOND:
        return Finding("disk", "problem", f"{room}: too little for a recording", "free some, or set WATTRACE_DATA")
    if free_bytes < _ROOMY_BYTES:
        return Finding("disk", "warning", room, "free some before long races")
    return Finding("disk", "ok", room)


def port(number: int, refusal: str | None) -> Finding:
    """The port that the dashboard is served on, and why it cannot be had."""
    if number == 0:
        return Finding("port", "ok", "any free port is taken")
    if refusal is None:
        return Finding("port", "ok", f"port {number} is free")
    return Finding("port", "problem", f"port {number} {refusal}", "stop what has it, or choose another: --port")


def audience(host: str, port_number: int, addresses: Sequence[str], *, answered: Sequence[str]) -> Finding:
    """Who can open the dashboard: `addresses` are this machine's on its networks, `answered` those that it reached."""
    links = [f"http://{address}:{port_number}" for address in addresses]
    if _loops(host):
        text = f"the dashboard is served on {host}: browsers on this machine only"
        if not links:
            return Finding("audience", "ok", text)
        return Finding("audience", "ok", text, f"to let phones in: --host 0.0.0.0, and they open {' or '.join(links)}")
    if host not in {"0.0.0.0", "::"}:
        addresses, links = [host], [f"http://{host}:{port_number}"]
    if not addresses:
        text = f"the dashboard would be served on {host}, but this machine has no address on a network"
        return Finding("audience", "warning", text, "connect it to the room's network (ip address shows the addresses)")
    silent = [address for address in addresses if address not in answered]
    if silent:
        text = f"a server on this machine cannot be reached at {', '.join(silent)}, not even from here"
        return Finding("audience", "warning", text, "see the firewall (sudo nft list ruleset, sudo ufw status)")
    text = f"phones on the same network open {' or '.join(links)}"
    hint = "if one cannot: see the firewall, and whether the room's Wi-Fi keeps its guests apart (client isolation)"
    return Finding("audience", "ok", text, hint)


def _loops(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def open_files(most: int | None) -> Finding:
    """How many viewers the limit of open files lets in; None: there is no limit."""
    if most is None:
        return Finding("open files", "ok", "no limit of open files")
    viewers = max(0, most - _OWN_FILES)
    text = f"{most} open files at most, enough for {viewers} viewers"
    if viewers >= _HALL:
        return Finding("open files", "ok", text)
    return Finding("open files", "warning", text, "ulimit -n 4096 in the shell that starts wattrace")


def clock_source(name: str | None) -> Finding:
    """What the kernel tells the time by."""
    if name is None or name in _STEADY_CLOCKS:
        return Finding("clock", "ok", f"clock source {name or 'of the system'}")
    text = f"the clock source is {name}, which is slow to read, so times are less exact"
    return Finding("clock", "warning", text, "boot with clocksource=tsc where the processor's is reliable (see dmesg)")
