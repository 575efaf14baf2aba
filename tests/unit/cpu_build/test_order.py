"""The CPU engine's build as a whole: which parts are made, in which order, and what is left when one fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from engine_folder import touch

from engine.cpu_build import build, environment, location, model
from engine.cpu_build.errors import BuildError
from engine.cpu_build.lock import BuildLock
from engine.cpu_build.recipe import Recipe
from engine.cpu_build.stamp import Part, Stamp
from engine.cpu_build.workshop import Workshop


class Kitchen:
    """Recipes that write one file each, and a record of which were made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.lines: list[str] = []
        self.failing: set[str] = set()

    def recipe(self, name: str, inputs: str = "1", free_bytes: int = 0) -> Recipe:
        def make(shop: Workshop) -> Mapping[str, str]:
            assert shop.scratch.is_dir()
            proof = shop.folder / name / "proof"
            assert not proof.exists(), "a part is always made from nothing"
            proof.parent.mkdir(parents=True)
            proof.write_text(inputs)
            if name in self.failing:
                raise BuildError("burnt", where=name, remedy="Try again.")
            self.made.append(name)
            return {name: inputs}

        return Recipe(name, "proof", inputs, free_bytes, make)

    def cook(self, folder: Path, *recipes: Recipe) -> Stamp:
        return build.bring_up_to_date(folder, recipes, self.lines.append)


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def test_parts_are_made_in_order_and_stamped(folder: Path, kitchen: Kitchen) -> None:
    stamp = kitchen.cook(folder, kitchen.recipe("venv"), kitchen.recipe("models/m"))
    assert kitchen.made == ["venv", "models/m"]
    assert Stamp.load(folder) == stamp
    assert stamp.parts["venv"].versions == {"venv": "1"}
    assert not (folder / "part").exists()
    assert any("venv: done" in line for line in kitchen.lines)


def test_a_second_build_does_and_says_nothing(folder: Path, kitchen: Kitchen) -> None:
    first = kitchen.cook(folder, kitchen.recipe("venv"))
    kitchen.lines.clear()
    assert kitchen.cook(folder, kitchen.recipe("venv")) == first
    assert kitchen.made == ["venv"]
    assert kitchen.lines == []


def test_a_finished_engine_is_returned_while_another_build_holds_the_lock(folder: Path, kitchen: Kitchen) -> None:
    kitchen.cook(folder, kitchen.recipe("venv"))
    with BuildLock(folder, kitchen.lines.append):
        kitchen.cook(folder, kitchen.recipe("venv"))


def test_only_what_changed_is_made_again(folder: Path, kitchen: Kitchen) -> None:
    kitchen.cook(folder, kitchen.recipe("venv"), kitchen.recipe("models/m"))
    kitchen.cook(folder, kitchen.recipe("venv"), kitchen.recipe("models/m", inputs="2"))
    assert kitchen.made == ["venv", "models/m", "models/m"]
    assert (folder / "models/m/proof").read_text() == "2"


def test_a_part_that_vanished_is_made_again(folder: Path, kitchen: Kitchen) -> None:
    kitchen.cook(folder, kitchen.recipe("venv"))
    (folder / "venv/proof").unlink()
    kitchen.cook(folder, kitchen.recipe("venv"))
    assert kitchen.made == ["venv", "venv"]


def test_what_a_killed_build_left_is_cleared_away(folder: Path, kitchen: Kitchen) -> None:
    touch(folder / "venv/proof")
    touch(folder / "part/rubbish")
    kitchen.cook(folder, kitchen.recipe("venv"))
    assert (folder / "venv/proof").read_text() == "1"
    assert not (folder / "part").exists()


def test_a_failed_part_leaves_nothing_and_keeps_the_parts_before(folder: Path, kitchen: Kitchen) -> None:
    kitchen.failing.add("models/m")
    with pytest.raises(BuildError, match="burnt"):
        kitchen.cook(folder, kitchen.recipe("venv"), kitchen.recipe("models/m"))
    assert set(Stamp.load(folder).parts) == {"venv"}
    assert not (folder / "models/m").exists()
    kitchen.failing.clear()
    kitchen.cook(folder, kitchen.recipe("venv"), kitchen.recipe("models/m"))
    assert kitchen.made == ["venv", "models/m"]


def test_a_failed_renewal_puts_the_old_part_back(folder: Path, kitchen: Kitchen) -> None:
    before = kitchen.cook(folder, kitchen.recipe("venv", inputs="old"))
    kitchen.failing.add("venv")
    with pytest.raises(BuildError):
        kitchen.cook(folder, kitchen.recipe("venv", inputs="new"))
    assert Stamp.load(folder) == before
    assert (folder / "venv/proof").read_text() == "old"
    assert any("is back in its place" in line for line in kitchen.lines)


def test_a_part_can_ask_for_more_than_its_digest(folder: Path, kitchen: Kitchen) -> None:
    plain = kitchen.recipe("venv")
    kitchen.cook(folder, plain)
    stamp = Stamp.load(folder)
    for answer in (True, False):
        picky = Recipe("venv", "proof", "1", 0, plain.make, lambda part, answer=answer: answer)
        assert picky.is_done(folder, stamp) is answer


def test_a_full_disk_is_said_before_anything_is_done(folder: Path, kitchen: Kitchen) -> None:
    with pytest.raises(BuildError) as caught:
        kitchen.cook(folder, kitchen.recipe("venv", free_bytes=10**18))
    text = str(caught.value)
    assert "venv needs 1000000000.0 GB free" in text
    assert str(folder) in text and location.FOLDER_VARIABLE in text
    assert kitchen.made == []


def test_a_folder_that_cannot_be_made_is_a_build_error(tmp_path: Path, kitchen: Kitchen) -> None:
    touch(tmp_path / "file")
    with pytest.raises(BuildError, match=r"Not a directory .*file.*Make it writable"):
        kitchen.cook(tmp_path / "file" / "cpu", kitchen.recipe("venv"))


def test_a_disk_that_fills_up_on_the_way_says_so(folder: Path, kitchen: Kitchen) -> None:
    def make(shop: Workshop) -> Mapping[str, str]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(shop.scratch))

    with pytest.raises(BuildError, match=r"No space left on device .*Free about 4 GB"):
        kitchen.cook(folder, Recipe("venv", "proof", "1", 0, make))


def test_the_finished_engine_names_its_places(folder: Path) -> None:
    touch(folder / "venv/bin/python")
    touch(folder / "models/smollm2-135m/config.json")
    parts = {
        recipe.name: Part(recipe.digest, {recipe.name: "1"}, 1.0) for recipe in (environment.recipe(), model.recipe())
    }
    Stamp(parts).save(folder)
    engine = build.build(log=pytest.fail)
    assert engine.interpreter == folder / "venv/bin/python" == location.find_interpreter()
    assert engine.models == {"smollm2-135m": location.find_model("smollm2-135m")}
    assert engine.versions == {"venv": "1", "models/smollm2-135m": "1"}


def test_the_command_prints_the_places_or_the_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test_the_finished_engine_names_its_places(folder)
    assert build.main([]) == 0
    assert str(folder / "venv/bin/python") in capsys.readouterr().out
    touch(folder / "file")
    assert build.main(["--folder", str(folder / "file" / "x")]) == 1
    assert capsys.readouterr().err.startswith("error: Not a directory")
