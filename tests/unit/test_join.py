"""The way to the viewer page: which addresses there are, and the code on screen."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from server.audience.join import NO_NETWORK, ONLY_HERE, Join, UnknownAddress, qr_svg
from server.audience.phones import Phones
from server.settings import Settings

NETWORKS = ["192.168.1.5", "10.0.0.7"]


def join(found: list[str] = NETWORKS, **settings: Any) -> Join:
    return Join(replace(Settings(), **settings), lambda: found)


def test_on_loopback_there_is_no_way_in_and_it_says_why() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        here = join(host=host)
        assert here.entrances(8765) == [] and here.why_none(8765) == ONLY_HERE
        with pytest.raises(UnknownAddress):
            here.show(8765, None)
    assert join([], host="0.0.0.0").why_none(8765) == NO_NETWORK


def test_every_network_is_a_way_in_and_the_speaker_picks() -> None:
    both = join(host="0.0.0.0")
    assert [way.url for way in both.entrances(8765)] == [f"http://{host}:8765/view" for host in NETWORKS]
    assert both.payload() is None
    both.show(8765, None)
    assert both.payload() == {"url": "http://192.168.1.5:8765/view", "short": "192.168.1.5:8765/view", "shown": True}
    both.show(8765, "10.0.0.7")
    assert both.listed(8765)["shown"] == "10.0.0.7"
    with pytest.raises(UnknownAddress):
        both.show(8765, "https://elsewhere.example")
    both.hide()
    assert both.payload() is None


def test_names_that_the_operator_has_set_come_first() -> None:
    ways = join(host="0.0.0.0", hosts=("race.example",), origins=("https://stage.example",)).entrances(80)
    assert [(way.url, way.short) for way in ways] == [
        ("https://stage.example/view", "https://stage.example/view"),
        ("http://race.example/view", "race.example/view"),
    ]
    assert [way.short for way in join(host="fd00::5").entrances(8765)] == ["[fd00::5]:8765/view"]
    behind_a_proxy = join(host="127.0.0.1", origins=("https://stage.example",))
    assert [way.url for way in behind_a_proxy.entrances(8765)] == ["https://stage.example/view"]


def test_the_code_is_dark_on_light_with_its_quiet_zone_and_nothing_that_a_policy_forbids() -> None:
    root = ElementTree.fromstring(qr_svg("http://192.168.1.5:8765/view"))
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    assert (left, top) == (0, 0) and width == height and (width - 8 - 17) % 4 == 0, "modules, and four on each side"
    ground, code = list(root)
    assert (ground.attrib["fill"], code.attrib["stroke"]) == ("#fff", "#000")
    assert code.attrib["d"].startswith("M4 4.5")
    assert all("style" not in node.attrib and not node.tag.endswith(("script", "style")) for node in root.iter())


def request(cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    server = {"scheme": "http", "server": ("t", 80), "path": "/", "query_string": b""}
    return Request({"type": "http", **server, "headers": headers})


def test_a_phones_number_is_ours_or_none() -> None:
    phones, response = Phones(), Response()
    phones.give(request(), response)
    set_cookie = response.headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "SameSite=strict" in set_cookie
    cookie = set_cookie.partition(";")[0]
    number = phones.of(request(cookie))
    assert number is not None and phones.of(request(cookie)) == number
    name, _, value = cookie.partition("=")
    for forged in ("", "x", "x.y", f"other.{value.partition('.')[2]}", value[:-1], f"{value}0"):
        assert phones.of(request(f"{name}={forged}")) is None
    assert Phones().of(request(cookie)) is None, "another server's"
