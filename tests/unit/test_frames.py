"""Wire messages, what viewers may send, and credit."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import frames
from server.frames import BACKLOG_BYTES, MAX_CLIENT_BYTES, Close, CloseCode, Credit, Message, parse_client

SIZE = 1000


def message(seq: int) -> Message:
    return Message(seq, str(seq).ljust(SIZE).encode())


def taken(credit: Credit) -> list[str]:
    found = []
    while (message := credit.take()) is not None:
        found.append(message.payload.decode().strip())
    return found


def test_seq_and_time_stand_before_any_other_key() -> None:
    made = frames.frame(7, 99, {"state": "idle", "power": {"mean": [1.5, None]}})
    assert made.startswith(b'{"type":"frame","seq":7,"t_ns":99,')
    assert orjson.loads(made)["power"] == {"mean": [1.5, None]}


def test_hello_carries_the_newest_frame_whole() -> None:
    newest = frames.frame(7, 99, {"state": "idle"})
    made = frames.hello(7, 100, {"run": None}, newest)
    assert made.startswith(b'{"type":"hello","protocol":1,"seq":7,"t_ns":100,')
    assert orjson.loads(made)["frame"] == orjson.loads(newest)


def test_missed_says_how_many() -> None:
    assert orjson.loads(frames.missed(3).payload) == {"type": "missed", "frames": 3}


def test_an_ack_is_a_frame_number() -> None:
    assert parse_client('{"ack": 12}') == 12
    assert parse_client(' {"ack":0}\n') == 0


@pytest.mark.parametrize(
    "said",
    [
        "", "x", "null", "[]", "12", "{}", '{"ack":-1}', '{"ack":1.5}', '{"ack":true}', '{"ack":null}',
        '{"ack":"1"}', '{"ack":1,"more":2}', '{"Ack":1}', '{"ack":' + "9" * 30 + "}", "[" * 1000, "\ud800",
        b'{"ack":1}', b"\xff", b"",
    ],
)  # fmt: skip
def test_anything_else_is_refused(said: str | bytes) -> None:
    assert parse_client(said) == Close(CloseCode.NOT_AN_ACK)


def test_a_long_message_is_refused_unread() -> None:
    assert parse_client('{"ack":1}'.ljust(MAX_CLIENT_BYTES)) == 1
    assert parse_client('{"ack":1}'.ljust(MAX_CLIENT_BYTES + 1)) == Close(CloseCode.TOO_LARGE)
    assert parse_client("é" * (MAX_CLIENT_BYTES // 2)) == Close(CloseCode.NOT_AN_ACK)
    assert parse_client("é" * (MAX_CLIENT_BYTES // 2 + 1)) == Close(CloseCode.TOO_LARGE)


def test_every_close_code_says_why_in_a_close_frame() -> None:
    for code in CloseCode:
        assert 0 < len(Close(code).reason.encode()) <= 123


def test_who_keeps_up_gets_everything() -> None:
    credit = Credit(limit=40, seq=0)
    for seq in range(1, 500):
        credit.offer(message(seq))
        assert taken(credit) == [str(seq)]
        if seq % 10 == 0:
            assert credit.acknowledge(seq) is None
    assert credit.missed == 0


def test_without_acks_only_the_newest_is_kept_and_missed_is_told() -> None:
    credit = Credit(limit=40, seq=0)
    credit.offer(message(1))
    assert taken(credit) == ["1"]
    credit.acknowledge(1)
    sent = []
    for seq in range(2, 102):
        credit.offer(message(seq))
        sent += taken(credit)
    assert sent == [str(seq) for seq in range(2, 42)]
    assert credit.exhausted
    credit.acknowledge(41)
    assert taken(credit) == [frames.missed(59).payload.decode(), "101"]
    credit.offer(message(102))
    assert taken(credit) == ["102"]


def test_who_never_acks_is_bounded_by_bytes() -> None:
    credit = Credit(limit=40, seq=0)
    for seq in range(1, 60):
        credit.offer(message(seq))
    assert taken(credit) == [str(seq) for seq in range(1, 60)]  # below the bound: nothing is lost
    for seq in range(60, 260):
        credit.offer(message(seq))
        assert credit.waiting_bytes <= BACKLOG_BYTES
    first, *rest = taken(credit)
    assert orjson.loads(first)["frames"] == credit.missed > 0
    assert rest[-1] == "259"


def test_a_frame_that_was_never_sent_cannot_be_acknowledged() -> None:
    credit = Credit(limit=40, seq=5)
    assert credit.acknowledge(6) == Close(CloseCode.NOT_AN_ACK)
    assert credit.acknowledge(5) is None


def test_a_hello_is_never_lost_and_needs_no_credit() -> None:
    credit = Credit(limit=2, seq=0)
    credit.acknowledge(0)
    for seq in (1, 2, 3):
        credit.offer(message(seq))
    assert taken(credit) == ["1", "2"]
    credit.offer(Message(3, b"hello", is_frame=False))
    for seq in (4, 5):
        credit.offer(message(seq))
    assert taken(credit) == ["hello"]
    assert credit.acknowledge(3) is None  # the frame within the hello counts as seen
    assert taken(credit) == [frames.missed(2).payload.decode(), "5"]


@given(st.lists(st.one_of(st.just("offer"), st.just("take"), st.just("hello"), st.integers(0, 30)), max_size=300))
def test_credit_against_a_model(steps: list[str | int]) -> None:
    """Whatever happens: order, bounds, and every frame either sent, waiting, or told as missed."""
    limit, seq, sent, told, acked, hellos = 5, 0, [], 0, -1, 0
    credit = Credit(limit, 0, backlog_bytes=10 * SIZE)
    for step in steps:
        if step == "offer":
            seq += 1
            credit.offer(message(seq))
        elif step == "hello":
            hellos += 1
            credit.offer(Message(seq, b"hello", is_frame=False))
        elif step == "take":
            got = credit.take()
            if got is None or got.payload == b"hello":
                continue
            if got.payload.startswith(b"{"):
                told += orjson.loads(got.payload)["frames"]
                got = credit.take()
                assert got is not None, "missed stands before a frame"
            sent.append(int(got.payload))
            assert len(sent) + told == sent[-1], "what was not sent before a frame has been told"
            if acked >= 0:
                assert sum(1 for number in sent if number > acked) <= limit
        elif isinstance(step, int) and credit.acknowledge(min(step, credit.last_sent)) is None:
            acked = max(acked, min(step, credit.last_sent))
        assert credit.waiting_bytes <= 10 * SIZE + SIZE
    assert sent == sorted(set(sent))
    if seq and not credit.exhausted:
        rest = [int(text) for text in taken(credit) if text[0].isdigit()]
        assert credit.exhausted or (sent + rest)[-1] == seq, "who comes back sees the newest"
