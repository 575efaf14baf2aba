"""Under a path of somebody else's host, as jupyter-server-proxy serves: pages, stream, API, login and console."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from serving import Serving

from e2e.conftest import viewer
from e2e.prefixed import PREFIX, PrefixProxy
from e2e.test_links import wait_for_frames

pytestmark = pytest.mark.browser


@pytest.fixture
def served() -> Iterator[tuple[Serving, PrefixProxy]]:
    with Serving(autostart=True) as server, PrefixProxy(server.port) as proxy:
        yield server, proxy


@pytest.mark.parametrize("page_name", ["", "view"])
def test_the_page_works_under_a_path(browser: Browser, served: tuple[Serving, PrefixProxy], page_name: str) -> None:
    server, proxy = served
    with viewer(browser, f"{proxy.url}{page_name}") as page:
        if page_name == "":
            wait_for_frames(page, 20)
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        assert server.stage.hub.viewers == 1
    assert proxy.strays == []


def test_login_and_console_work_under_a_path(browser: Browser, served: tuple[Serving, PrefixProxy]) -> None:
    server, proxy = served
    ticket = server.stage.gate.issue_ticket()
    with viewer(browser, f"{proxy.url}login?ticket={ticket}&to=present") as page:
        assert page.url == f"{proxy.url}present"
        (cookie,) = [each for each in page.context.cookies() if each["name"] == f"wattrace-{server.port}"]
        assert cookie["path"] == PREFIX, "it goes to nobody else on that host"
        page.locator("[data-name=freeze]").click()
        for _ in range(100):
            if server.stage.show.payload()["frozen"]:
                break
            page.wait_for_timeout(100)
        assert server.stage.show.payload()["frozen"] is True
    assert proxy.strays == []
