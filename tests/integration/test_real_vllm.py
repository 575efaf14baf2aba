"""The real thing without a GPU: vLLM on the CPU, with a model small enough to be quick."""

import json

import pytest

from engine.cpu_build.location import find_interpreter, find_model
from engine.documents import Mark, MarkKind, Page
from engine.recording import Reader
from integration.conftest import Races
from integration.processes import wait_until

pytestmark = [
    pytest.mark.real_vllm,
    pytest.mark.timeout(500),
    pytest.mark.skipif(
        find_interpreter() is None or find_model("smollm2-135m") is None,
        reason="no CPU engine environment here: make engine-cpu builds it",
    ),
]


@pytest.fixture
def real(races: Races, monkeypatch: pytest.MonkeyPatch) -> Races:
    """Races that find the engine environment, which lies in the data folder that the tests otherwise leave alone."""
    interpreter = find_interpreter()
    assert interpreter is not None
    races.environment["WATTRACE_CPU_ENGINE"] = str(interpreter.parents[2])
    return races


def test_batch_8_beats_batch_1_on_a_real_vllm(real: Races) -> None:
    out = real.folder / "cpu.jsonl"
    done = real.run("run", "batch-1-vs-8-cpu", "--rounds", "4", "--round-seconds", "5", "--out", str(out), timeout=400)
    assert done.returncode == 0, done.stderr
    result = json.loads(real.run("compare", str(out), "--json").stdout)
    one, eight = result["arms"]
    assert result["complete"] is True and result["simulated"] is False
    # Five times as many on a quiet machine; less than twice would mean that batching does not work.
    assert eight["tokens_per_second"] > 2 * one["tokens_per_second"] > 0
    if one["joules_per_token"] is None:
        assert one["power_watts"] == {"mean": None, "peak": None} and "simulated" not in one["reasons"]

    told = list(Reader(out))
    streamed: dict[object, int] = {}
    text: dict[object, str] = {}
    for page in told:
        if isinstance(page, Page) and page.stream.startswith("text."):
            rows = zip(page.data["request"], page.data["tokens"], page.data["text"], strict=True)
            for request, tokens, piece in rows:
                assert isinstance(tokens, int) and isinstance(piece, str)
                streamed[request] = streamed.get(request, 0) + tokens
                text[request] = text.get(request, "") + piece
    finished = [m for m in told if isinstance(m, Mark) and m.kind == MarkKind.REQUEST_FINISHED]
    assert len(finished) > 8
    for mark in finished:
        assert streamed[mark.request] == mark.data["completion_tokens"], "the counts are exact"
        assert len(text[mark.request].split()) >= 3, "the text is words"


def test_kill_9_of_the_race_takes_a_real_vllm_along(real: Races) -> None:
    out = real.folder / "cpu.jsonl"
    process = real.start("run", "batch-1-vs-8-cpu", "--out", str(out))
    wait_until(lambda: out.exists() and b'"ready"' in out.read_bytes(), seconds=200, what="one arm is ready")
    assert len(real.processes("vllm.entrypoints")) >= 2, "the leash and the server"
    process.kill()
    process.communicate()
    wait_until(lambda: not real.processes(), seconds=5, what="vLLM and all it started are gone")


def test_a_wrong_argument_is_said_in_one_line(real: Races) -> None:
    file = real.folder / "wrong.yaml"
    file.write_text(
        "title: T\nmodel: {cpu: smollm2-135m}\n"
        "arms: [{name: a, args: {max_num_sequences: 1}}, {name: b, args: {max_num_seqs: 8}}]\n"
    )
    done = real.run("run", str(file), "--out", str(real.folder / "x.jsonl"), timeout=200)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("wattrace: arm A:") and "--max-num-sequences" in last and "Traceback" not in done.stderr
