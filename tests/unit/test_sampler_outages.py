from engine.clock import NS
from engine.documents import Mark, MarkKind
from engine.sampler.outages import Outages


def watch(failing: list[tuple[float, float]], seconds: float) -> list[tuple[float, Mark]]:
    """The marks, and when they were told, of a device that fails within these seconds; 100 looks a second."""
    outages, told = Outages("gpu0", {"stream": "gpu0"}), []
    for step in range(round(seconds * 100)):
        t = step / 100
        failed = any(begin <= t < end for begin, end in failing)
        outages.see("GPU is lost" if failed else None, round(t * NS))
        if step % 4 == 0:
            told += [(t, mark) for mark in outages.marks(round(t * NS))]
    return told + [(seconds, mark) for mark in outages.marks(round(seconds * NS), last=True)]


def test_a_failure_is_told_at_once_and_so_is_its_end():
    (begun, begin), (ended, end) = watch([(2, 5)], 8)
    assert (begin.kind, begin.t_ns) == (MarkKind.WARNING, 2 * NS)
    assert "GPU is lost" in str(begin.text)
    assert (end.kind, end.t_ns, end.data["since_t_ns"]) == (MarkKind.NOTE, 5 * NS, 2 * NS)
    assert (begun, ended) == (2.0, 5.0)
    assert (begin.data["outage"], end.data["outage"]) == ("begin", "end")


def test_one_missed_reading_is_told_too():
    (begun, _), (ended, end) = watch([(2.01, 2.02)], 5)
    assert begun < 2.1
    assert ended < 3.1
    assert end.t_ns == 2.02 * NS


def test_flicker_is_one_outage_and_no_flood():
    told = watch([(1 + n * 0.1, 1.05 + n * 0.1) for n in range(100)], 14)
    assert len(told) <= 22
    assert [mark.kind for _, mark in told] == [MarkKind.WARNING, MarkKind.NOTE] * (len(told) // 2)


def test_what_is_not_over_at_the_end_was_told_when_it_began():
    assert [mark.kind for _, mark in watch([(2, 99)], 4)] == [MarkKind.WARNING]


def test_two_outages_are_two():
    told = watch([(1, 2), (4, 5)], 8)
    assert [mark.t_ns // NS for _, mark in told] == [1, 2, 4, 5]


def test_what_happens_last_is_told_however_soon():
    assert [mark.kind for _, mark in watch([(1, 2), (2.5, 2.6)], 2.7)] == [
        MarkKind.WARNING,
        MarkKind.NOTE,
        MarkKind.WARNING,
        MarkKind.NOTE,
    ]
