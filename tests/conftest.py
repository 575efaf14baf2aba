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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real vLLMs first, being the longest; browser tests last: no other test's event loop runs beside Playwright's.

    Workers (pytest-xdist, `--dist loadfile --no-loadscope-reorder`) take the files in this order.
    """
    items.sort(key=lambda item: (item.get_closest_marker("real_vllm") is None, _is_browsers(item.nodeid)))


def _is_browsers(nodeid: str) -> bool:
    return "e2e/" in nodeid.partition("::")[0]
