"""The Grafana dashboard asks for nothing that `/metrics` does not have."""

import json
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from story import story

from engine.clock import FakeClock
from server.hub import Hub
from server.metrics import _Collector
from server.scene import Scene
from server.settings import Settings

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana.json"


def test_the_dashboard_uses_metrics_that_there_are() -> None:
    scene = Scene(period_ns=50_000_000)
    for document in story(stop=False):
        scene.add(document, 10**12)
    registry = CollectorRegistry()
    registry.register(_Collector(lambda: scene, Hub(scene, Settings(), FakeClock(10**12))))
    text = generate_latest(registry).decode()
    offered = {re.match(r"wattrace_\w+", line).group() for line in text.splitlines() if not line.startswith("#")}  # type: ignore[union-attr]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(panels) >= 8 and asked
    for expression in asked:
        used = set(re.findall(r"wattrace_\w+", expression))
        assert used and used <= offered | {"wattrace_viewer_lag_frames", "wattrace_gpu_temperature_celsius"}, expression
