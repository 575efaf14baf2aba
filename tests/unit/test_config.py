"""Demo files: what is wrong is named with its file, its path and what would be right."""

from pathlib import Path

import pytest

from engine.config import (
    DEFAULT_DEMO,
    Demo,
    demo_names,
    load_demo,
    parse_demo,
    with_schedule,
    without_secrets,
    words_without_secrets,
)
from engine.errors import ConfigError, DemoNotFound

GOOD = """
title: T
model: {gpu: m}
arms:
  - {name: one, runtime: vllm, args: {max_num_seqs: 1}}
  - {name: two, runtime: vllm, args: {max_num_seqs: 8}}
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize("name", demo_names())
def test_shipped_demos_are_valid(name: str) -> None:
    short, demo = load_demo(name)
    assert short == name and demo.learn


def test_the_default_demo_lasts_five_minutes() -> None:
    _, demo = load_demo()
    assert demo.schedule.rounds * demo.schedule.round_seconds >= 280
    assert demo_names()[0] == DEFAULT_DEMO


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (changed("title: T", "titel: T"), "titel", "did you mean 'title'?"),
        (
            changed("{max_num_seqs: 1}}", "{max_num_seqs: 1}, argz: {}}"),
            "arms[0].argz",
            "did you mean 'args'?",
        ),
        (changed("max_num_seqs: 1", "max_num_seqs: 0"), "arms[0]", "a whole number from 1"),
        (changed("max_num_seqs: 1", "port: 1"), "arms[0]", "set by wattrace"),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: vlm"),
            "arms[0].runtime",
            "'vllm', 'openai', 'command' or 'simulated'",
        ),
        (changed("name: two", "name: one"), "f.yaml", "two arms are called 'one'"),
        (changed("title: T\n", ""), "title", "is missing"),
        (GOOD + "workload: {concurrency: '8'}", "workload.concurrency", "valid integer"),
        (GOOD + "schedule: {rounds: 1}", "f.yaml", "needs at least one turn"),
        (GOOD + "schedule: {round_seconds: .nan}", "schedule.round_seconds", "less than or equal to 3600"),
        (GOOD + "device: cpu", "f.yaml", "model.cpu is not set"),
        (changed("{gpu: m}", "{}"), "model", "name a model"),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: simulated"),
            "f.yaml",
            "cannot race each other",
        ),
        (changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: openai"), "arms[0]", "needs url"),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: openai, url: 'http://k:s@h/v1'"),
            "arms[0]",
            "no password",
        ),
        (changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: command"), "arms[0]", "needs command"),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: command, command: [x], args: {a: 1}"),
            "arms[0]",
            "write them into the command",
        ),
        (changed("args: {max_num_seqs: 1}", "url: 'http://h/v1'"), "arms[0]", "url is for arms of runtime openai"),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: command, command: [x]"),
            "f.yaml",
            "they count token and unit",
        ),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: command, command: [x], progress: {patern: a}"),
            "arms[0].progress.patern",
            "did you mean 'pattern'?",
        ),
        (
            changed("runtime: vllm, args: {max_num_seqs: 1}", "runtime: command, command: [x], progress: {pattern: a}"),
            "arms[0].progress",
            "one group called done or more",
        ),
        (GOOD.replace("args:", "gpus: [1], args:") + "schedule: {mode: parallel}", "f.yaml", "two arms use GPU 1"),
        ("a: [", "line 1", "not YAML"),
        ("- 1", "f.yaml", "not a demo"),
        ("", "f.yaml", "not a demo"),
    ],
)
def test_an_error_names_the_place_and_what_would_be_right(text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_demo(text, file="f.yaml")
    message = str(caught.value)
    assert message.startswith("f.yaml") and where in message and says in message and "\n" not in message


def test_a_bare_off_is_off() -> None:
    assert parse_demo(GOOD + "workload: {prefix_cache: off}", file="f.yaml").workload.prefix_cache == "off"
    with pytest.raises(ConfigError, match="prefix_cache"):
        parse_demo(GOOD + "workload: {prefix_cache: on}", file="f.yaml")


def test_secrets_of_an_arms_environment_do_not_get_into_a_recording() -> None:
    env = "env: {HF_TOKEN: hf_x, VLLM_API_KEY: y, OMP_NUM_THREADS: '1'}, "
    demo = parse_demo(changed("args: {max_num_seqs: 1}", env + "args: {max_num_seqs: 1}"), file="f.yaml")
    told = demo.told()["arms"][0]["env"]
    assert told["OMP_NUM_THREADS"] == "1" and "hf_x" not in str(demo.told()) and "'y'" not in str(told)
    assert set(told) == {"HF_TOKEN", "VLLM_API_KEY", "OMP_NUM_THREADS"}
    assert demo.arms[0].env["HF_TOKEN"] == "hf_x", "the arm itself gets it"


def test_secrets_among_arguments_and_words_do_not_either() -> None:
    told = without_secrets({"hf_token": "hf_x", "max_num_batched_tokens": 8192, "dtype": "auto"})
    assert told == {"hf_token": "(not recorded)", "max_num_batched_tokens": 8192, "dtype": "auto"}
    words = [
        "train",
        "--api-key",
        "sk-1",
        "--max-tokens",
        "8",
        "--token=abc",
        "--keys",
        "--verbose",
        "lr=0.1",
        "a key=b",
    ]
    assert words_without_secrets(words) == [
        "train", "--api-key", "(not recorded)", "--max-tokens", "8", "--token=(not recorded)", "--keys", "--verbose",
        "lr=0.1", "a key=b",
    ]  # fmt: skip


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(DemoNotFound, match=r"did you mean 'batch-1-vs-8'\?"):
        load_demo("batch-1-vs-9")


def test_a_file_is_a_demo_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    short, demo = load_demo(str(file))
    assert short == "mine" and demo.labels == ["A", "B"] and not demo.on_cpu


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_demo(str(file))


def test_options_change_the_schedule_and_are_checked() -> None:
    demo: Demo = with_schedule(parse_demo(GOOD, file="f.yaml"), rounds=6, round_seconds=3)
    assert (demo.schedule.rounds, demo.schedule.round_seconds) == (6, 3)
    with pytest.raises(ConfigError, match="at least one turn"):
        with_schedule(demo, rounds=1)
