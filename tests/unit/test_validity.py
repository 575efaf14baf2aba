"""Reason codes: what a hall reads instead of them."""

from engine.validity import Reason, dictionary, is_valid


def test_every_code_has_a_sentence_and_a_remedy() -> None:
    for reason in Reason:
        for text in (reason.sentence, reason.remedy):
            assert text.endswith(".") and text[0].isupper() and "_" not in text
        assert reason.sentence.count(". ") == 0, "one sentence"
        assert len(reason.sentence) <= 120


def test_the_page_gets_all_of_them() -> None:
    served = dictionary()
    assert set(served) == {reason.value for reason in Reason}
    assert served["gap"] == {"weight": "doubt", "sentence": Reason.GAP.sentence, "remedy": Reason.GAP.remedy}


def test_only_grave_reasons_make_a_figure_unusable() -> None:
    assert is_valid([]) and is_valid([Reason.SIMULATED, Reason.COUNTER_RESET])
    assert not is_valid([Reason.SIMULATED, Reason.COUNTER_AVERAGE_DISAGREE])
