from pathlib import Path

import pytest

from engine.occupancy import SLOTS, Load, Occupancy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "occupancy"


def test_a_new_file_has_every_slot_idle(path: Path):
    occupancy = Occupancy.create(path)
    assert occupancy.read_all() == [Load()] * SLOTS
    occupancy.close()


def test_a_reader_sees_what_a_writer_wrote(path: Path):
    writer, reader = Occupancy.create(path), Occupancy(path)
    load = Load(running=8, prefilling=2, memory_share=0.75, compute_share=0.25)
    writer.write(3, load)
    assert reader.read(3) == load
    writer.write(3, Load())
    assert reader.read(3) == Load()
    writer.close()
    reader.close()


def test_slots_do_not_touch_each_other(path: Path):
    occupancy = Occupancy.create(path)
    loads = [Load(running=slot, memory_share=slot / SLOTS) for slot in range(SLOTS)]
    for slot, load in enumerate(loads):
        occupancy.write(slot, load)
    assert occupancy.read_all() == loads
    occupancy.close()


def test_the_file_outlives_its_users(path: Path):
    occupancy = Occupancy.create(path)
    occupancy.write(0, Load(running=1))
    occupancy.close()
    again = Occupancy(path)
    assert again.read(0) == Load(running=1)
    again.close()


def test_a_file_that_is_not_there_is_an_error(path: Path):
    with pytest.raises(FileNotFoundError):
        Occupancy(path)
