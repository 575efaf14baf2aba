"""What `/metrics` says of a race whose true figures are known, and when it says nothing."""

import pytest
from odd_race import odd_documents
from scraping import Scraped
from story import story

from engine.clock import NS
from engine.documents import Mark, MarkKind, Stop


def test_an_arms_figures_are_those_of_the_race() -> None:
    scraped = Scraped(story(stop=False))
    per_unit = scraped("wattrace_arm_energy_per_unit_joules", "arm")
    assert per_unit == {"A": pytest.approx(3.0, rel=0.02), "B": pytest.approx(0.8, rel=0.02)}
    speed = scraped("wattrace_arm_units_per_second", "arm")
    assert speed == {"A": pytest.approx(100, rel=0.02), "B": pytest.approx(500, rel=0.02)}
    assert scraped("wattrace_arm_rounds_total", "arm") == {"A": 2, "B": 2}
    energy, units = scraped("wattrace_arm_energy_joules", "arm"), scraped("wattrace_arm_units", "arm")
    assert all(energy[arm] == pytest.approx(per_unit[arm] * units[arm]) for arm in "AB")


def test_energy_that_a_round_takes_back_resets_no_counter() -> None:
    scraped = Scraped(story(stop=False))
    assert "A" in scraped("wattrace_arm_energy_joules", "arm")
    data = {"code": "foreign_process", "device": "gpu0"}
    scraped.add(Mark(kind=MarkKind.WARNING, t_ns=2 * NS, end_t_ns=2 * NS, data=data))
    energy = scraped("wattrace_arm_energy_joules", "arm")
    assert list(energy) == ["B"], "what is known of half the work is no energy of that work"
    assert scraped("wattrace_arm_energy_per_unit_joules", "arm")["A"] == pytest.approx(3.0, rel=0.02)
    assert scraped("wattrace_arm_energy_joules_total", "arm") == {}, "a figure that may fall is no counter"
    assert scraped("wattrace_arm_rounds_total", "arm")["A"] == 2


@pytest.mark.parametrize(
    "name",
    ["wattrace_gpu_power_watts", "wattrace_gpu_energy_joules_total", "wattrace_gpu_temperature_celsius"],
)
def test_readings_that_nobody_takes_any_more_are_left_out(name: str) -> None:
    documents = list(odd_documents())
    scraped = Scraped(documents[:-1])
    assert scraped(name, "gpu")["gpu0"] > 0
    scraped.clock.advance(4)
    assert "gpu0" in scraped(name, "gpu")
    scraped.clock.advance(2)  # the sampler has died; the race may go on
    assert scraped(name, "gpu") == {}


def test_of_a_race_that_is_over_the_figures_stay_and_the_readings_go() -> None:
    scraped = Scraped(odd_documents())
    assert isinstance(list(odd_documents())[-1], Stop)
    assert scraped("wattrace_gpu_power_watts", "gpu") == scraped("wattrace_gpu_temperature_celsius", "gpu") == {}
    assert set(scraped("wattrace_arm_units", "arm")) == {"A", "B"}


def test_temperature_is_the_newest_reading() -> None:
    assert Scraped(list(odd_documents())[:-1])("wattrace_gpu_temperature_celsius", "gpu") == {"gpu0": 40}


def test_lag_is_of_the_viewers_that_acknowledge() -> None:
    scraped = Scraped(story(stop=False))
    assert scraped("wattrace_viewer_lag_frames", "quantile") == {}
    viewers = [scraped.viewer(acknowledges=number < 3) for number in range(4)]
    for frame in range(5):
        scraped.hub._publish()
        for late, viewer in enumerate(viewers):
            viewer.take(acknowledge=late < 3 and frame < 4 - 2 * late)
    assert scraped("wattrace_viewer_lag_frames", "quantile") == {"0.5": 3, "0.9": 5, "1": 5}
    assert scraped("wattrace_viewers") == {"": 4}
