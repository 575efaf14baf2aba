"""Phones of the audience: each has a number of its own in a cookie, and may write only so often. No I/O."""

import hmac
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import HTTPConnection
from starlette.responses import Response

from engine.clock import NS
from server.auth import by_tls

_COOKIE_SECONDS = 86_400
_ID_BYTES = 9
_SEAL_BYTES = 12


class Phones:
    """Gives phones their numbers, and knows its own again: a number that somebody makes up is none."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, connection: HTTPConnection) -> str | None:
        """The number of the phone that asks; None when it has none of ours."""
        phone, _, seal = connection.cookies.get(cookie_name(connection), "").partition(".")
        return (
            phone if seal and hmac.compare_digest(self._seal(phone).encode(), seal.encode("utf-8", "replace")) else None
        )

    def give(self, connection: HTTPConnection, response: Response) -> None:
        """Give the phone that asks a number, with this response. Scripts cannot read it, nor other sites send it."""
        phone = secrets.token_urlsafe(_ID_BYTES)
        response.set_cookie(
            cookie_name(connection),
            f"{phone}.{self._seal(phone)}",
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=by_tls(connection),
        )

    def _seal(self, phone: str) -> str:
        return hmac.digest(self._secret, phone.encode("utf-8", "replace"), "sha256")[:_SEAL_BYTES].hex()


def address(connection: HTTPConnection) -> str:
    """Whose neighbour the phone is: its network address; empty for this machine's own, from which tunnels come."""
    host = connection.client.host if connection.client else ""
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return ""
    return host


def cookie_name(connection: HTTPConnection) -> str:
    """Browsers share cookies between ports, so each port has a name of its own."""
    server = connection.scope.get("server")
    return f"wattrace-phone-{server[1] if server else 0}"


@dataclass
class _Bucket:
    tokens: float
    filled_ns: int


class Limiter:
    """So many acts at once, then so many a second, for each key; of more than `most` keys the longest silent go."""

    def __init__(self, *, burst: int, per_second: float, most: int = 4096) -> None:
        self._burst, self._per_second, self._most = burst, per_second, most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_seconds(self, key: str, now_ns: int) -> float:
        """0 when `key` may act now, which is counted; else how long it has to wait."""
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now_ns))
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        grown = (now_ns - bucket.filled_ns) / NS * self._per_second
        bucket.tokens, bucket.filled_ns = min(self._burst, bucket.tokens + max(0.0, grown)), now_ns
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_second
        bucket.tokens -= 1
        return 0.0
