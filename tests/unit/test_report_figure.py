"""The key figure as pictures: read back by others, the same each time, and refused politely without their painter."""

import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from evil import evil, recorded
from matplotlib.figure import Figure as Drawing
from matplotlib.text import Text
from PIL import Image
from story import story

from engine.errors import WattraceError
from engine.footprint import Estimate
from server.digits import ranged, scale, significant
from server.report import Facts, figure, read_facts
from server.report.caption import caption


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return read_facts(recorded(tmp_path_factory.mktemp("figure"), evil()))


def test_png_is_large_enough_to_print(facts: Facts) -> None:
    picture = Image.open(io.BytesIO(figure(facts, "png")))
    picture.load()
    assert picture.size[0] == 2400 and picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    dark = sum(picture.convert("L").histogram()[:64])
    assert dark > 5000  # something is drawn on it


def test_svg_is_xml_without_scripts_and_text_that_needs_fonts(facts: Facts) -> None:
    root = ElementTree.fromstring(figure(facts, "svg"))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "path" in tags and not tags & {"script", "text", "image", "foreignObject"}


def test_axis_values_intervals_and_caption_are_drawn(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(
        Drawing, "savefig", lambda self, *_, **__: drawn.extend(t.get_text() for t in self.findobj(Text))
    )
    figure(facts, "svg")
    unit = scale(estimate.value if estimate else None for estimate in facts.energies.values())
    assert f"energy per token ({unit.unit}/token)" in drawn and "SIMULATED" in drawn
    for estimate in facts.energies.values():
        value, between = ranged(estimate, unit.factor)
        assert {value, between} <= set(drawn) and " to " in between
    assert set(caption(facts).split()) <= set(" ".join(drawn).split())


def test_pdf_is_one(facts: Facts) -> None:
    assert figure(facts, "pdf").startswith(b"%PDF-")


def test_the_same_recording_gives_the_same_file(facts: Facts) -> None:
    assert figure(facts, "svg") == figure(facts, "svg")


def test_without_a_sensor_there_still_is_a_picture_that_says_so(tmp_path: Path) -> None:
    found = read_facts(recorded(tmp_path, story(power=False)))
    assert figure(found, "svg") and "No power sensor" in caption(found)


def test_without_matplotlib_it_says_what_to_install(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(WattraceError, match=r"pip install 'wattrace\[report\]'"):
        figure(facts, "png")


def test_the_caption_has_what_a_paper_needs(facts: Facts) -> None:
    words = caption(facts)
    for part in ("2 rounds each", "95 %", "Student's t", "energy counter", "SIMULATED", facts.start.run):
        assert part in words


def test_digits_end_where_the_range_begins() -> None:
    assert ranged(Estimate(0.67381, 0.67367, 0.67395, 6), 1000) == ("673.81", "673.67 to 673.95")
    assert ranged(Estimate(0.0021, 0.0011, 0.0034, 6)) == ("0.0021", "0.0011 to 0.0034")
    assert ranged(Estimate(123456.0, 123000.0, 124000.0, 6)) == ("123,456", "123,000 to 124,000")
    assert ranged(Estimate(5.0, None, None, 1)) == ("5.000", "")
    assert ranged(None) == ("—", "")
    assert (significant(0.00001234), significant(0), significant(12345.6)) == ("0.00001234", "0", "12,346")


def test_one_unit_for_all_arms() -> None:
    assert scale([0.6, 0.1, None]).unit == "mJ"
    assert scale([0.6, 25.0]).unit == "J"
    assert scale([40_000.0]).unit == "kJ"
    assert scale([]).unit == "mJ"
