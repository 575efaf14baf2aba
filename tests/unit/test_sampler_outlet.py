import os
from collections.abc import Iterator

import pytest

from engine.documents import Mark, MarkKind, Page, decode
from engine.sampler.outlet import Outlet


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            continue  # the test has closed it


def page(number: int, rows: int = 100) -> Page:
    start = number * 1000
    return Page(
        stream="gpu0",
        t_ns=list(range(start, start + rows)),
        data={"power_instant_watts": [123.456] * rows},
    )


def read_all(reader: int) -> list[bytes]:
    os.set_blocking(reader, False)
    chunks = []
    while True:
        try:
            chunk = os.read(reader, 1 << 20)
        except BlockingIOError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).splitlines(keepends=True)


def test_documents_arrive_in_order_and_whole(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1])
    outlet.prepare()
    for number in range(20):
        outlet.send(page(number))
    assert outlet.flush()
    assert [decode(line) for line in read_all(pipe[0])] == [page(number) for number in range(20)]


def test_a_full_pipe_never_blocks_and_what_waits_is_written_later(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1])
    outlet.prepare()
    count = 0
    while outlet.flush():
        outlet.send(page(count))
        count += 1
    lines = read_all(pipe[0])
    assert outlet.flush()
    lines += read_all(pipe[0])
    assert [decode(line) for line in b"".join(lines).splitlines()] == [page(number) for number in range(count)]


def test_beyond_the_backlog_pages_are_dropped_and_told_as_a_gap(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1], limit_bytes=20_000)
    outlet.prepare()
    number = 0
    while len(outlet._waiting) < 20_000:
        outlet.send(page(number))
        outlet.flush()
        number += 1
    lost = range(number, number + 3)
    for each in lost:
        outlet.send(page(each))
    lines = read_all(pipe[0])
    outlet.flush()
    lines += read_all(pipe[0])
    outlet.send(page(number + 3))
    assert outlet.drain(0)
    lines += read_all(pipe[0])
    documents = [decode(line) for line in b"".join(lines).splitlines()]
    first, last = lost[0] * 1000, lost[-1] * 1000 + 99
    assert documents[:number] == [page(each) for each in range(number)]
    gap = documents[number]
    assert isinstance(gap, Mark)
    assert (gap.kind, gap.t_ns, gap.end_t_ns, gap.data) == (MarkKind.GAP, first, last, {"stream": "gpu0"})
    assert documents[number + 1 :] == [page(number + 3)]


def test_a_loss_is_told_at_the_end_at_the_latest(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1], limit_bytes=4_000)
    outlet.prepare()
    while outlet.flush():
        outlet.send(page(0))
    while not outlet._lost:
        outlet.send(page(1))
    lines = read_all(pipe[0])
    outlet.flush()
    assert outlet.drain(0)
    lines += read_all(pipe[0])
    assert isinstance(decode(b"".join(lines).splitlines()[-1]), Mark)


def test_a_reader_that_never_reads_is_not_waited_for_for_ever(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1])
    outlet.prepare()
    while outlet.flush():
        outlet.send(page(0))
    assert not outlet.drain(0)


def test_a_reader_that_has_gone_is_an_error(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1])
    outlet.prepare()
    os.close(pipe[0])
    outlet.send(page(0))
    with pytest.raises(BrokenPipeError):
        outlet.flush()


def test_what_is_not_a_pipe_is_written_too(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        outlet = Outlet(file.fileno())
        outlet.prepare()
        outlet.send(page(0))
        assert outlet.flush()
    assert decode((tmp_path / "file").read_bytes()) == page(0)
