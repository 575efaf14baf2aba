"""A server's `/metrics` as Prometheus' own parser reads it, without the server."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read

from engine.clock import FakeClock
from engine.documents import Document
from server.hub import Hub
from server.metrics import _Collector
from server.scene import Scene
from server.settings import Settings
from server.viewer import Viewer

BEGUN_NS = 10**12


class Scraped:
    """A server's figures, asked for whenever the test likes."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.clock = FakeClock(BEGUN_NS)
        self.scene = Scene(period_ns=50_000_000)
        self.hub = Hub(self.scene, Settings(), self.clock)
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(lambda: self.scene, self.hub))
        for document in documents:
            self.add(document)

    def add(self, document: Document) -> None:
        self.scene.add(document, self.clock.now_ns())

    def __call__(self, name: str, label: str = "") -> dict[str, float]:
        """The values of `name`, by what each has as `label`."""
        samples = (sample for family in self.families() for sample in family.samples if sample.name == name)
        return {sample.labels.get(label, ""): sample.value for sample in samples}

    def families(self) -> list[Metric]:
        return list(read(generate_latest(self._registry).decode()))

    def viewer(self, *, acknowledges: bool) -> "Watching":
        viewer = self.hub.join()
        assert isinstance(viewer, Viewer)
        return Watching(self.hub, viewer, acknowledges)


class Watching:
    """A viewer that takes whatever is offered."""

    def __init__(self, hub: Hub, viewer: Viewer, acknowledges: bool) -> None:
        self.hub, self.viewer = hub, viewer
        self.take(acknowledge=acknowledges)

    def take(self, *, acknowledge: bool) -> None:
        while self.viewer.take() is not None:
            pass
        if acknowledge:
            self.viewer.received(f'{{"ack":{self.hub.seq}}}', self.hub.clock.now_ns())
