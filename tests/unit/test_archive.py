"""The archive: any part of a long run, in few points, true to its extremes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import archive
from server.archive import Archive
from server.buckets import Bucket

PERIOD_NS = 50_000_000


def filled(rows: int, *, turn: int = 200) -> tuple[Archive, list[Bucket]]:
    """Watts that rise by one a bucket, A and B by turns of so many buckets."""
    buckets = [
        Bucket((n + 1) * PERIOD_NS, float(n % 500), n % 500 - 1.0, n % 500 + 1.0, "AB"[n // turn % 2])
        for n in range(rows)
    ]
    kept = Archive(PERIOD_NS)
    for bucket in buckets:
        kept.add(bucket)
    return kept, buckets


def test_a_short_part_comes_back_as_it_was() -> None:
    kept, buckets = filled(1000)
    assert kept.between(10 * PERIOD_NS, 50 * PERIOD_NS, 600) == buckets[9:50]


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 6000), begin=st.integers(0, 6000), span=st.integers(1, 6000), points=st.integers(1, 800))
def test_any_part_is_small_and_loses_no_extreme(rows: int, begin: int, span: int, points: int) -> None:
    kept, buckets = filled(rows)
    from_ns, to_ns = begin * PERIOD_NS, (begin + span) * PERIOD_NS
    found = kept.between(from_ns, to_ns, points)
    inside = [bucket for bucket in buckets if from_ns <= bucket.t_ns <= to_ns]
    turns = 1 + sum(before.arm != after.arm for before, after in pairwise(inside))
    assert len(found) <= points + 1 + turns
    assert all(before.t_ns < after.t_ns for before, after in pairwise(found))
    if inside and len(inside) <= 4 * points:
        assert min(bucket.low for bucket in found) == min(bucket.low for bucket in inside)
        assert max(bucket.high for bucket in found) == max(bucket.high for bucket in inside)
    if inside:
        assert found[-1].t_ns == inside[-1].t_ns or to_ns < buckets[-1].t_ns, "what is newest is not left out"
    for bucket in found:
        assert bucket.low <= bucket.mean <= bucket.high and bucket.arm in {"A", "B"}


def test_what_is_too_old_for_the_full_rate_is_there_at_a_coarser_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FULL_RATE_ROWS", 1000)
    monkeypatch.setattr(archive, "_BLOCK_ROWS", 300)
    kept, buckets = filled(5000)
    early = kept.between(0, 200 * PERIOD_NS, 600)
    assert early and early[0].t_ns <= 11 * PERIOD_NS and early[-1].t_ns >= 190 * PERIOD_NS
    assert kept.between(4900 * PERIOD_NS, 5000 * PERIOD_NS, 600) == buckets[4899:]
