"""Acks past the parser: a WebSocket frame that came alone and whole is read at a glance. Pure.

Viewers send little but acks, each a packet of some 20 bytes, but a thousand send thousands a second, and a parser that
is ready for anything takes several times as long as what an ack means. Whatever is not so plain is left to the parser.
"""

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the one in C, where there is one

_FINAL_TEXT = 0x81
"""FIN, and opcode 1 (RFC 6455, 5.2)."""
_FIN, _MASKED, _LENGTH = 0x80, 0x80, 0x7F
_HEAD_BYTES, _MASK_BYTES = 2, 4
_LENGTH_BYTES = {126: 2, 127: 8}
"""What follows the head where the seven bits do not say the length."""


def short_text(data: bytes) -> str | None:
    """The text, where `data` is one masked, unfragmented text frame of at most 125 bytes; None for anything else."""
    size = len(data) - _HEAD_BYTES - _MASK_BYTES
    if not 0 <= size < min(_LENGTH_BYTES) or data[0] != _FINAL_TEXT or data[1] != _MASKED | size:
        return None
    try:
        return apply_mask(data[6:], data[2:6]).decode()
    except UnicodeDecodeError:
        return None


def whole(data: bytes) -> bool:
    """Whether `data`, which begins where a frame does, ends where one does, and no message goes on after it."""
    at = 0
    while at + _HEAD_BYTES <= len(data):
        head, second = data[at], data[at + 1]
        if not head & _FIN:
            return False
        at += _HEAD_BYTES
        size = second & _LENGTH
        if extended := _LENGTH_BYTES.get(size):
            size = int.from_bytes(data[at : at + extended], "big")
            at += extended
        at += size + (_MASK_BYTES if second & _MASKED else 0)
    return at == len(data)
