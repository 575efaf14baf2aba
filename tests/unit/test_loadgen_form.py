"""How requests are spelled, for vLLM and for others."""

from typing import Any

import orjson
import pytest

from engine.config import Workload
from engine.documents import MarkKind
from engine.loadgen.form import Form


def sent(form: Form, question: str = "Why?", **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(form.body(question, **options))
    return body


def test_vllm_gets_its_own_fields_and_others_do_not() -> None:
    workload = Workload(prefix_cache="off", fixed_length=True, max_tokens=32)
    own, other = (Form("m", workload, vllm=vllm) for vllm in (True, False))
    body = sent(own, salt=own.salt(3, 7))
    assert body["cache_salt"] == "round 00003 request 000007"
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert body["ignore_eos"] is True and body["min_tokens"] == body["max_tokens"] == 32
    assert body["messages"][0]["content"] == "Why?"
    foreign = sent(other, salt=other.salt(3, 7))
    assert foreign.keys() == {"model", "messages", "max_tokens", "temperature", "seed", "stream", "stream_options"}
    assert foreign["stream_options"] == {"include_usage": True}
    assert foreign["messages"][0]["content"] == "[round 00003 request 000007]\nWhy?"
    assert "stream_options" not in sent(Form("m", workload, vllm=False, usage=False))


@pytest.mark.parametrize(("mode", "different"), [("keep", 1), ("per_round", 2), ("off", 4)])
def test_salts_are_one_for_ever_one_a_round_or_one_a_request(mode: Any, different: int) -> None:
    form = Form("m", Workload(prefix_cache=mode))
    salts = {form.salt(number, nth) for number in (1, 2) for nth in (1, 2)}
    assert len(salts) == different and (None in salts) is (mode == "keep")


@pytest.mark.parametrize("mode", ["per_round", "off"])
def test_salts_are_such_as_vllm_takes(mode: Any) -> None:
    """vLLM 0.32 refuses more than 128 characters, and @, /, backslash and NUL."""
    salt = Form("m", Workload(prefix_cache=mode)).salt(10_000, 100_000) or ""
    assert 0 < len(salt) <= 128 and not set(salt) & set("@/\\\0")


def test_the_handbook_is_sent_before_the_question_and_the_salt_before_both() -> None:
    form = Form("m", Workload(prompts="handbook", prefix_cache="per_round"), vllm=False)
    text = sent(form, salt=form.salt(1, 1))["messages"][0]["content"]
    assert text.startswith("[round 00001]\nYou answer") and text.endswith("\nWhy?") and "12. Leaving." in text


def test_a_short_first_answer_is_of_no_fixed_length() -> None:
    body = sent(Form("m", Workload(fixed_length=True)), max_tokens=8)
    assert body["max_tokens"] == 8 and "min_tokens" not in body


def test_what_a_server_cannot_do_is_said() -> None:
    workload = Workload(prefix_cache="off", fixed_length=True)
    assert Form("m", workload).remarks() == []
    assert Form("m", Workload(), vllm=False).remarks() == []
    kinds = [kind for kind, _ in Form("m", workload, vllm=False).remarks()]
    assert kinds == [MarkKind.NOTE, MarkKind.WARNING]
