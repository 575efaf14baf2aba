"""`/metrics`: the race and the server as Prometheus and OpenMetrics read them; docs/grafana.json draws them."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine import __version__
from engine.clock import NS
from engine.ledger import Ledger
from server.hub import Hub
from server.scene import Scene

_STATES = ("idle", "preparing", "warming", "baseline", "racing", "cooling", "done", "failed", "aborted")
_STALE_NS = 5 * NS
"""A reading that is older says nothing of now: it is left out, as Prometheus wants it."""


class Metrics:
    """The endpoint; figures are made when they are asked for."""

    def __init__(self, scene: Callable[[], Scene], hub: Hub) -> None:
        # A registry of our own: the library's common one would add figures of this process that nobody asked for.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(scene, hub))

    def route(self) -> Route:
        """The route `/metrics`."""
        return Route("/metrics", self.respond)

    async def respond(self, request: Request) -> Response:
        """All of them, in the format that the Accept header asks for."""
        try:
            encode, kind = choose_encoder(request.headers.get("accept", ""))
        except TypeError:  # it asks for a version that is no number: then in Prometheus' own format
            encode, kind = choose_encoder("")
        return Response(encode(self._registry), headers={"content-type": kind, "cache-control": "no-store"})


class _Collector(Collector):
    def __init__(self, scene: Callable[[], Scene], hub: Hub) -> None:
        self._scene, self.hub = scene, hub

    def collect(self) -> Iterator[Metric]:
        """Every family, in the same order always."""
        scene = self._scene()
        simulated = str(scene.simulated).lower()
        yield from _run(scene)
        yield from _devices(scene, self.hub.clock.now_ns(), simulated)
        yield from _arms(scene.ledger, simulated)
        yield from _viewers(self.hub)


def _run(scene: Scene) -> Iterator[Metric]:
    build = InfoMetricFamily("wattrace_build", "The version that serves.")
    build.add_metric([], {"version": __version__})
    yield build
    start = scene.ledger.start
    if start is not None:
        run = InfoMetricFamily("wattrace_run", "The run on stage.")
        replay, simulated = str(scene.replay is not None).lower(), str(scene.simulated).lower()
        facts = {"run": start.run, "demo": str(start.demo.get("name", "")), "simulated": simulated, "replay": replay}
        run.add_metric([], facts)
        yield run
    state = GaugeMetricFamily("wattrace_run_state", "1 for the run's present state.", labels=["state"])
    for name in _STATES:
        state.add_metric([name], float(name == scene.state))
    yield state


def _devices(scene: Scene, now_ns: int, simulated: str) -> Iterator[Metric]:
    labels = ["gpu", "simulated"]
    power = GaugeMetricFamily("wattrace_gpu_power_watts", "Newest power reading.", labels=labels)
    energy = CounterMetricFamily("wattrace_gpu_energy_joules", "The device's energy counter.", labels=labels)
    celsius = GaugeMetricFamily("wattrace_gpu_temperature_celsius", "Core temperature.", labels=labels)
    limit = GaugeMetricFamily("wattrace_gpu_power_limit_watts", "Enforced power limit.", labels=labels)
    for stream, meter in scene.ledger.rig.meters.items():
        if not scene.is_fresh(meter.newest_t_ns, now_ns, _STALE_NS):
            continue
        watts = [track.watts[-1] for track in (meter.instant, meter.average) if track.watts]
        known = next((value for value in watts if value is not None), None)
        if known is not None:
            power.add_metric([stream, simulated], known)
        if meter.counter.ticks:
            energy.add_metric([stream, simulated], meter.counter.ticks[-1].joules)
    for stream, track in scene.ledger.rig.conditions.items():
        if not scene.is_fresh(track.newest_t_ns, now_ns, _STALE_NS):
            continue
        for family, name in ((celsius, "temperature_celsius"), (limit, "power_limit_watts")):
            value = track.newest.get(name)
            if isinstance(value, int | float):
                family.add_metric([stream, simulated], value)
    yield from (power, energy, celsius, limit)


def _arms(ledger: Ledger, simulated: str) -> Iterator[Metric]:
    labels = ["arm", "name", "unit", "simulated"]
    # Figures and not counts: a round that turns out to be void takes its energy back, and counters must not fall.
    units = GaugeMetricFamily("wattrace_arm_units", "Work done in steady states: tokens, or the unit.", labels=labels)
    energy = GaugeMetricFamily("wattrace_arm_energy_joules", "Energy of that work.", labels=labels)
    per_unit = GaugeMetricFamily("wattrace_arm_energy_per_unit_joules", "Energy over that work.", labels=labels)
    speed = GaugeMetricFamily("wattrace_arm_units_per_second", "Speed over that work.", labels=labels)
    running = GaugeMetricFamily("wattrace_arm_running_requests", "Requests being answered now.", labels=labels)
    rounds = CounterMetricFamily("wattrace_arm_rounds", "Rounds that are over.", labels=labels)
    for label, books in ledger.arms.items():
        figures, mine = ledger.figures(label), [label, books.name, books.info.unit, simulated]
        for family, value in (
            (units, figures.units),
            (energy, figures.energy_joules if figures.is_whole else None),
            (per_unit, figures.joules_per_unit),
            (speed, figures.units_per_second),
            (running, figures.running),
            (rounds, figures.rounds),
        ):
            if value is not None:
                family.add_metric(mine, value)
    yield from (units, energy, per_unit, speed, running, rounds)


def _viewers(hub: Hub) -> Iterator[Metric]:
    stats, lag = hub.stats(), hub.lag_frames()
    yield GaugeMetricFamily("wattrace_viewers", "Viewers connected now.", value=stats["viewers"])
    lags = GaugeMetricFamily("wattrace_viewer_lag_frames", "Unacknowledged frames of viewers.", labels=["quantile"])
    for quantile, frames in lag.items():
        lags.add_metric([quantile], frames)
    yield lags
    for name, key, text in (
        ("wattrace_frames", "frames", "Frames made."),
        ("wattrace_frames_offered", "offered", "Frames to viewers, each counted for each viewer."),
        ("wattrace_frames_dropped", "dropped", "Frames that slow viewers did not get."),
        ("wattrace_frames_failed", "ticks_failed", "Frames that could not be made."),
        ("wattrace_viewers_evicted", "evicted", "Viewers sent away because they made no progress."),
        ("wattrace_viewers_refused", "refused", "Viewers sent away because the house was full."),
        ("wattrace_viewers_resumed", "resumed", "Viewers that came back and went on where they were."),
    ):
        yield CounterMetricFamily(name, text, value=stats[key])
