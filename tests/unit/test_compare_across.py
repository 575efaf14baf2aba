"""Several recordings side by side: what is the same is one group, what differs is refused, or said."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from simulated_races import Nature, documents, rounds

from engine.documents import Start, encode
from engine.errors import NotComparable, RecordingError
from engine.outcome import across, differences, outcome, read_race

WATTRACE = str(Path(sys.executable).with_name("wattrace"))
PROVENANCE: dict[str, Any] = {
    "model": {"id": "tiny", "revision": None},
    "prompts": "stage",
    "prompts_sha256": "0123456789abcdef",
    "devices": {"devices": [{"name": "NVIDIA H100", "uuid": "GPU-1"}]},
    "host": {"cpu": "a processor"},
}
Record = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    def record(
        name: str,
        *,
        seed: int,
        ratio: float = 0.8,
        blocks: int = 3,
        provenance: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Path:
        random = Random(seed)
        first, *rest = documents(random, rounds(random, blocks, Nature(ratio=ratio)))
        assert isinstance(first, Start)
        told = {"run": name, "provenance": {**PROVENANCE, **(provenance or {})}, **changes}
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(b"".join(map(encode, [first.model_copy(update=told), *rest])))
        return path

    return record


def wattrace(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([WATTRACE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def start(**provenance: Any) -> Start:
    simulated = provenance.pop("simulated", {"power": False, "arms": False})
    demo = provenance.pop("demo", {})
    return Start(
        run="r", utc="", seed=1, demo=demo, arms=[], provenance={**PROVENANCE, **provenance}, simulated=simulated
    )


def test_the_same_arms_of_two_runs_are_one_group_and_their_blocks_stay_pairs(record: Record) -> None:
    races = [read_race(record("one", seed=1)), read_race(record("two", seed=2))]
    found = across(races)
    assert [group["label"] for group in found["groups"]] == ["1A+2A", "1B+2B"]
    assert found["groups"][0]["arms"] == ["1A", "2A"] and found["groups"][0]["rounds"] == 6
    assert found["differences"] == [] and found["simulated"] is True
    verdict = next(v for v in found["verdicts"] if v["metric"] == "joules_per_token")
    assert (verdict["baseline"], verdict["contender"]) == ("1A+2A", "1B+2B")
    assert verdict["method"] == "paired" and verdict["rounds"] == 6
    assert verdict["low"] < 0.8 < verdict["high"] < 1 and verdict["text"].startswith("1B+2B uses ")
    alone = [
        v["high"] - v["low"] for one in found["files"] for v in one["verdicts"] if v["metric"] == verdict["metric"]
    ]
    assert verdict["high"] - verdict["low"] < max(alone)


def test_a_group_s_figures_are_those_of_all_its_rounds(record: Record) -> None:
    races = [read_race(record("one", seed=1, blocks=2)), read_race(record("two", seed=2))]
    found = across(races)
    arms = [file["arms"][0] for file in found["files"]]
    group = found["groups"][0]
    for key in ("rounds", "tokens", "seconds", "energy_joules"):
        assert group[key] == pytest.approx(arms[0][key] + arms[1][key])
    assert group["joules_per_token"] == pytest.approx(group["energy_joules"] / group["tokens"])
    assert group["tokens_per_second"] == pytest.approx(group["tokens"] / group["seconds"])
    assert group["power_watts"]["mean"] == pytest.approx(group["energy_joules"] / group["seconds"], rel=1e-6)
    assert group["reasons"] == ["simulated"]


def test_a_file_s_own_outcome_is_what_it_is_alone(record: Record) -> None:
    paths = [record("one", seed=1), record("two", seed=2)]
    found = across([read_race(path) for path in paths])
    for path, file in zip(paths, found["files"], strict=True):
        race = read_race(path)
        assert file == {"file": str(path), **outcome(race.ledger, race.cut_off)}


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"provenance": {"model": {"id": "large"}}}, "differ in model: tiny ({one}), large ({two})"),
        ({"provenance": {"prompts_sha256": "ffff"}}, "differ in prompts: stage 01234567 ({one}), stage ffff ({two})"),
        (
            {"provenance": {"devices": {"devices": [{"name": "NVIDIA A100"}]}}},
            "differ in GPU: NVIDIA H100 ({one}), NVIDIA A100 ({two})",
        ),
        (
            {"simulated": {"power": False, "arms": False}},
            "differ in simulation: simulated arms and power ({one}), all real ({two})",
        ),
    ],
)
def test_what_differs_is_refused_with_the_files_named(record: Record, other: dict[str, Any], what: str) -> None:
    one, two = record("one", seed=1), record("two", seed=2, **other)
    refused = wattrace("compare", one, two)
    assert refused.returncode == 1 and refused.stdout == "" and refused.stderr.count("\n") == 1
    assert what.format(one=one, two=two) in refused.stderr and "--anyway" in refused.stderr


def test_what_differs_is_compared_when_told_to_and_the_output_carries_it(record: Record) -> None:
    a100 = {"devices": {"devices": [{"name": "NVIDIA A100"}]}}
    one, two = record("one", seed=1), record("two", seed=2, provenance=a100)
    found = json.loads(wattrace("compare", one, two, "--anyway", "--json").stdout)
    values = [{"value": "NVIDIA H100", "files": [str(one)]}, {"value": "NVIDIA A100", "files": [str(two)]}]
    assert found["differences"] == [{"what": "GPU", "values": values}]
    assert [group["label"] for group in found["groups"]] == ["1A", "1B", "2A", "2B"], "other silicon is another group"
    methods = {(v["baseline"], v["contender"]): v["method"] for v in found["verdicts"]}
    across_runs = dict.fromkeys([("1A", "2A"), ("1A", "2B"), ("1B", "2B")], "unpaired")
    assert methods == {("1A", "1B"): "paired", **across_runs}
    text = wattrace("compare", one, two, "--anyway").stdout
    assert "NOT THE SAME GPU: NVIDIA H100" in text and "SIMULATED" in text and "1B to 1A: 1B uses" in text


def test_another_board_of_the_same_name_is_no_difference() -> None:
    other = {"devices": [{"name": "NVIDIA H100", "uuid": "GPU-2"}, {"name": "NVIDIA H100", "uuid": "GPU-3"}]}
    assert differences({"one": start(), "two": start(devices=other)}) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"model": {"id": "tiny", "revision": "abc"}}, ["model"]),
        ({"demo": {"workload": {"max_tokens": 32}}}, ["prompts"]),
        ({"demo": {"arms": [{"model": "a server's own name"}]}}, ["model"]),
        ({"devices": {}}, ["GPU"]),
        ({"simulated": {"power": True, "arms": False}}, ["simulation"]),
        ({"model": None, "prompts_sha256": None}, ["model", "prompts"]),
    ],
)
def test_what_counts_as_a_difference(changes: dict[str, Any], what: list[str]) -> None:
    assert [difference.what for difference in differences({"one": start(), "two": start(**changes)})] == what


def test_arms_with_other_arguments_are_other_groups(record: Record) -> None:
    first = read_race(record("one", seed=1))
    arms = [arm.model_copy(update={"requested": {"max_num_seqs": 4}}) for arm in first.start.arms]
    found = across([first, read_race(record("two", seed=2, arms=arms))])
    assert [group["label"] for group in found["groups"]] == ["1A", "1B", "2A", "2B"]


def test_the_same_board_under_another_power_limit_is_no_difference_but_another_group(record: Record) -> None:
    limits = [
        {"devices": {"devices": [{"name": "NVIDIA H100", "power_limit_watts": watts}]}} for watts in (700.0, 420.0)
    ]
    races = [read_race(record(str(n), seed=n, provenance=limits[n])) for n in (0, 1)]
    found = across(races)
    assert found["differences"] == []
    limited = {group["label"]: group["power_limit_watts"] for group in found["groups"]}
    assert limited == {"1A": [700.0], "1B": [700.0], "2A": [420.0], "2B": [420.0]}


def test_arms_of_another_environment_are_other_groups(record: Record) -> None:
    races = [
        read_race(record(str(n), seed=n, demo={"arms": [{"name": "arm A", "python": python}, {"name": "arm B"}]}))
        for n, python in ((0, "old/bin/python"), (1, "new/bin/python"))
    ]
    assert [group["label"] for group in across(races)["groups"]] == ["1A", "1B+2B", "2A"]


def test_a_run_that_is_there_twice_is_refused(record: Record) -> None:
    one = read_race(record("one", seed=1))
    with pytest.raises(RecordingError, match=r"of the same run as .*one\.jsonl; leave one of them out"):
        across([one, read_race(one.path)], anyway=True)


def test_the_error_names_every_difference(record: Record) -> None:
    two = record("two", seed=2, provenance={"model": {"id": "large"}, "prompts_sha256": None})
    with pytest.raises(NotComparable) as refused:
        across([read_race(record("one", seed=1)), read_race(two)])
    assert len(refused.value.differences) == 2


def test_one_file_prints_its_own_outcome_alone(record: Record) -> None:
    path = record("one", seed=1)
    found = json.loads(wattrace("compare", path, "--json").stdout)
    assert {"complete", "simulated", "arms", "verdicts"} <= found.keys() and "groups" not in found
    text = wattrace("compare", path).stdout
    assert "joules_per_token: B uses " in text and "across" not in text
