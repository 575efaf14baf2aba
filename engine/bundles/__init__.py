"""What another tool has measured: llenergymeasure's result bundles, for comparison beside own runs."""

from engine.bundles.bundle import Bundle
from engine.bundles.reading import read_bundle

__all__ = ["Bundle", "read_bundle"]
