"""Whatever bytes a viewer sends end in an acknowledgement or a documented close."""

from hypothesis import given, settings
from hypothesis import strategies as st

from server.frames import Close, CloseCode, Credit, parse_client

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("ack"), inner),
    max_leaves=8,
)


@settings(max_examples=500)
@given(st.binary(max_size=3000) | st.text(max_size=3000) | st.text(alphabet='{}[]":,ack0123456789.-e \\u', max_size=60))
def test_rubbish(said: bytes | str) -> None:
    judged = parse_client(said)
    if isinstance(judged, Close):
        assert judged.code in {CloseCode.NOT_AN_ACK, CloseCode.TOO_LARGE}
    else:
        assert 0 <= judged < 2**64
        assert Credit(40, 7).acknowledge(judged) in {None, Close(CloseCode.NOT_AN_ACK)}


@given(JSON)
def test_json_that_is_no_ack(content: object) -> None:
    import json

    judged = parse_client(json.dumps(content))
    fits = isinstance(content, dict) and content.keys() == {"ack"} and type(content["ack"]) is int
    if not isinstance(judged, Close):
        assert fits
