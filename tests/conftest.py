"""What tests of every kind share."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FAKE_NVML = Path(__file__).parent / "fake_nvml" / "fake_nvml.c"


@pytest.fixture(scope="session")
def fake_nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libnvidia-ml.so.1 of our own, for LD_LIBRARY_PATH; skips without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to build the fake NVML with")
    folder = tmp_path_factory.mktemp("fake_nvml")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, *flags, "-shared", "-fPIC", "-o", target, FAKE_NVML], check=True)
    return folder


@pytest.fixture
def fake_nvml(fake_nvml_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with a script (see fake_nvml.c): child processes started afterwards find those GPUs."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_nvml_folder))

    def script(text: str = "") -> None:
        monkeypatch.setenv("FAKE_NVML", text)

    script()
    return script


@pytest.fixture(autouse=True, scope="session")
def _children_hear_signals() -> None:
    """A suite in a shell's background, or under nohup, ignores signals, which its children would inherit for good."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _children_find_the_packages() -> None:
    """Children are started with -P, so in a bare checkout only PYTHONPATH leads them to the packages."""
    root = str(Path(__file__).parents[1])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, paths)])


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order, and who may run beside whom (pytest-xdist's groups: a group is one worker's, in its order).

    Real vLLMs come first, being the longest, and one after the other, as each takes all the processor it gets. Browser
    tests come last: Playwright keeps an event loop running, beside which no other test's can run. Of the others a
    file is a group, since its tests share what its fixtures have built.
    """
    items.sort(key=_place)
    for item in items:
        group = ("vllm", item.path.name, "browser")[_place(item)]
        item.add_marker(pytest.mark.xdist_group(group))


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("real_vllm") is not None:
        return 0
    return 2 if item.get_closest_marker("browser") is not None else 1
