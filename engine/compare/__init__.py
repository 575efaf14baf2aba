"""Verdicts: what the rounds of two arms say about their ratio. Pure: numbers in, a sentence out.

docs/statistics.md has the method, what else was considered, and how often each is wrong.
"""

from engine.compare.interval import Interval, blocks_wanted
from engine.compare.sequential import anytime_half_width, anytime_interval, decided_for_good, log_evidence
from engine.compare.student import student_half_width, student_interval, student_t_95, welch_interval
from engine.compare.verdict import Verdict, judge, judge_unpaired, log_ratios
from engine.compare.words import COMPARED, plural

__all__ = [
    "COMPARED",
    "Interval",
    "Verdict",
    "anytime_half_width",
    "anytime_interval",
    "blocks_wanted",
    "decided_for_good",
    "judge",
    "judge_unpaired",
    "log_evidence",
    "log_ratios",
    "plural",
    "student_half_width",
    "student_interval",
    "student_t_95",
    "welch_interval",
]
