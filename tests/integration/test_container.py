"""The image without a container engine: its steps in a clean root, then the race, the health check and the stop.

What this cannot try is vLLM's own image below it and a GPU inside it. `make image-check` runs it.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.image import ENGINE, Build, Container, Stage, build_context, clean_root, needed
from integration.processes import wait_until

CHECKOUT = Path(__file__).parents[2]
STOP_SECONDS = 10.0
"""What `docker stop` waits before it kills."""

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]
Start = Callable[[int], Container]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stage]:
    """The last stage, built once."""
    if lacking := needed():
        pytest.skip(f"a clean root needs {', '.join(lacking)}")
    assert pytestconfig.cache is not None
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    context.mkdir()
    build_context(CHECKOUT, context)
    clean_root(pytestconfig.cache.mkdir("root"), folder / "base")
    yield Build(context, folder / "base", folder).run(CHECKOUT / "Dockerfile")
    shutil.rmtree(folder, ignore_errors=True)  # half a gigabyte


@pytest.fixture
def start(image: Stage, tmp_path: Path) -> Iterator[Start]:
    """Starts containers, with volumes that belong to their user as a new volume belongs to the image's folder."""
    running: list[Container] = []

    def begin(user: int) -> Container:
        volumes = {}
        for place in json.loads(image.settings["VOLUME"]):
            volumes[place] = folder = tmp_path / place.strip("/")
            inside = (image.root / place.strip("/")).stat()
            folder.mkdir()
            shutil.chown(folder, inside.st_uid, inside.st_gid)
            folder.chmod(inside.st_mode & 0o7777)
        running.append(Container(image, volumes, user=user, output=tmp_path / "output"))
        return running[-1]

    yield begin
    for container in running:
        container.end()


def test_every_step_works_and_the_one_that_needs_vllm_says_what_is_missing(image: Stage) -> None:
    [(_, refused)] = [step for step in image.steps if ENGINE in step[0]]
    assert refused.returncode == 1 and "no vLLM for /usr/bin/python3: name the base's" in refused.stderr
    assert len(image.steps) == 3, "a step that fails for another reason has ended the build already"
    wattrace = image.root / "usr/local/bin/wattrace"
    assert str(wattrace.readlink()) == "/opt/wattrace/bin/wattrace", "in an environment of its own, and on the path"


# The account of the image, and an id of no account, as `docker run --user 54321:0` gives.
@pytest.mark.parametrize("user", [10001, 54321])
def test_it_races_on_a_read_only_root_is_healthy_and_stops_when_told(start: Start, tmp_path: Path, user: int) -> None:
    container = start(user)
    output = tmp_path / "output"

    def state() -> str:
        assert container.process.poll() is None, output.read_text()
        said = container.healthy()
        return str(json.loads(said.stdout)["state"]) if said.returncode == 0 else said.stdout

    wait_until(lambda: "watch" in output.read_text() or container.process.poll() is not None, what="it serves")
    wait_until(lambda: state() == "racing", seconds=60, what=f"a race, healthy all the while: {output.read_text()}")
    assert "Read-only file system" in container.run("touch", "/opt/wattrace/x").stderr
    begun = time.monotonic()
    container.signal()
    assert container.process.wait(timeout=STOP_SECONDS) == 0, output.read_text()
    print(f"stopped within {time.monotonic() - begun:.2f} s")

    [recording] = (tmp_path / "data/recordings").glob("*.jsonl")
    documents = [json.loads(line) for line in recording.read_bytes().splitlines()]
    assert documents[-1]["type"] == "stop" and documents[-1]["reason"] == "the server is gone"
    assert documents[0]["simulated"] == {"power": True, "arms": True}, "there is no GPU in a clean root, and it says so"
    assert recording.stat().st_uid == user


def test_the_health_check_fails_where_nothing_answers(start: Start, tmp_path: Path) -> None:
    container = start(10001)
    wait_until(lambda: "watch" in (tmp_path / "output").read_text(), what="it serves")
    said = container.healthy(WATTRACE_PORT="9")
    assert said.returncode == 1 and "no answer" in said.stdout
