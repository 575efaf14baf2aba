"""How the hall finds the viewer page: the addresses that phones can reach this server by, and the one on screen."""

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import segno

from engine.errors import WattraceError
from engine.network import addresses as networks
from server.settings import ANY_HOST, Settings

PATH = "/view"
_QUIET_MODULES = 4
"""Light modules around the code; readers need them (ISO/IEC 18004)."""
_ANYWHERE = frozenset({"", "0.0.0.0", "::"})
ONLY_HERE = (
    "this server listens on this machine alone, so no phone can reach it; start it with --host 0.0.0.0 to let phones in"
)
NO_NETWORK = "this machine has no network address but its own loopback; join a network, or open a hotspot"


class UnknownAddress(WattraceError):
    """It is none of those that phones can reach."""

    def __init__(self, address: str, known: list[str]) -> None:
        super().__init__(address, known)
        self.address, self.known = address, known

    def __str__(self) -> str:
        return f"{self.address!r:.80} is no address of this server; known: {', '.join(self.known) or 'none'}"


@dataclass(frozen=True)
class Entrance:
    """One way in: the `address` that names it, the link, and what one would type."""

    address: str
    url: str
    short: str


class Join:
    """What is on screen for phones: nothing until the presenter shows it."""

    def __init__(self, settings: Settings, found: Callable[[], list[str]] = networks) -> None:
        self._settings, self._found = settings, found
        self.shown: Entrance | None = None

    def entrances(self, port: int) -> list[Entrance]:
        """Every way in, the likeliest first: origins and names that the operator has set, then networks."""
        settings = self._settings
        ways = [Entrance(origin, f"{origin}{PATH}", _typed(origin)) for origin in settings.origins]
        if not settings.on_loopback:
            named = [host for host in settings.hosts if host != ANY_HOST]
            hosts = named or (self._found() if settings.host in _ANYWHERE else [settings.host])
            ways += [_entrance(host, port) for host in hosts]
        return list({way.url: way for way in ways}.values())

    def why_none(self, port: int) -> str:
        """Why there is no way in; empty when there is one."""
        if self.entrances(port):
            return ""
        return ONLY_HERE if self._settings.on_loopback else NO_NETWORK

    def show(self, port: int, address: str | None) -> None:
        """Put one way in on the screen, the likeliest for None. Raises UnknownAddress."""
        ways = self.entrances(port)
        wanted = [way for way in ways if address in {None, way.address}]
        if not wanted:
            raise UnknownAddress(address or "", [way.address for way in ways])
        self.shown = wanted[0]

    def hide(self) -> None:
        """Take it off the screen."""
        self.shown = None

    def payload(self) -> dict[str, Any] | None:
        """What the stream has of it."""
        return {"url": self.shown.url, "short": self.shown.short, "shown": True} if self.shown else None

    def listed(self, port: int) -> dict[str, Any]:
        """What the presenter chooses from."""
        ways = [asdict(way) for way in self.entrances(port)]
        return {"addresses": ways, "shown": self.shown.address if self.shown else None, "why": self.why_none(port)}


def qr_svg(url: str) -> bytes:
    """`url` as a QR code: dark on light in any theme, as readers want it, with its quiet zone, and with sharp edges."""
    out = io.BytesIO()
    code = segno.make(url, error="m", micro=False)
    code.save(
        out, kind="svg", border=_QUIET_MODULES, dark="#000", light="#fff", xmldecl=False, omitsize=True,
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return out.getvalue().replace(b"<svg ", b'<svg shape-rendering="crispEdges" ', 1)


def _entrance(host: str, port: int) -> Entrance:
    at = f"[{host}]" if ":" in host else host
    origin = f"http://{at}" if port == 80 else f"http://{at}:{port}"
    return Entrance(host, f"{origin}{PATH}", _typed(origin))


def _typed(origin: str) -> str:
    """What one would type: browsers try http by themselves."""
    return f"{origin.removeprefix('http://')}{PATH}"
