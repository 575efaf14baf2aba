"""Pages as they are served: their sheets, scripts and modules joined, under names that change with their content."""

import gzip
import re
from pathlib import Path

import pytest
from starlette.requests import Request

from server import joining
from server.joined import JoinedPages
from server.packed import Packed, takes_gzip


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(joining, "STATIC", tmp_path)
    return tmp_path


def request(**headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named})


def test_modules_that_cannot_be_one_script_are_refused(static: Path) -> None:
    (static / "a.js").write_text("import { b } from './b.js';\nexport const a = b;\n")
    (static / "b.js").write_text("import { a } from './a.js';\nexport const b = a;\n")
    with pytest.raises(ValueError, match=r"a\.js imports itself"):
        joining.script("a.js")
    for line in ("export default 3;", "const answer = await fetch('x');", "await wait();", "if (await asked()) go();"):
        (static / "b.js").write_text(f"{line}\n")
        with pytest.raises(ValueError, match=re.escape(line)):
            joining.script("a.js")
    (static / "b.js").write_text("// await\nexport const b = 1;\nasync function f() { await wait(); }\n")
    assert "await wait" in joining.script("a.js")


PAGE = """<head>
  <script src="static/one.js"></script>
  <script src="static/two.js"></script>
  <link rel="stylesheet" href="static/a.css">
  <link rel="stylesheet" href="static/b.css" id="last">
  <script type="module" src="static/main.js"></script>
</head>
"""


def test_a_page_asks_for_one_of_each_kind_and_for_new_ones_when_a_file_has_changed(static: Path) -> None:
    files = {"p.html": PAGE, "one.js": "one();\n", "two.js": "two();\n", "a.css": ".a {}\n", "b.css": ".b {}\n"}
    modules = {"main.js": "import { b } from './b.js';\nb();\n", "b.js": "export const b = 1;\n"}
    for name, text in (files | modules).items():
        (static / name).write_text(text)
    pages = JoinedPages()

    def parts() -> list[str]:
        return re.findall(r'(?:src|href)="joined/([^"]+)"', pages.page("p.html").plain.decode())

    scripts, sheet, module = parts()
    page = pages.page("p.html").plain.decode()
    assert 'id="last"' in page and "<script defer src=" in page and "static/" not in page
    texts = [part.plain.decode() for name in (scripts, sheet, module) if (part := pages.part(name))]
    assert texts[0] == "one();\ntwo();\n" and texts[1] == ".a {}\n\n.b {}\n" and "const b = 1" in texts[2]
    (static / "b.js").write_text("export const b = 22;\n")
    assert parts()[:2] == [scripts, sheet] and parts()[2] != module
    assert pages.part(module), "a page that is open may still ask for its own"
    assert pages.part("other.js") is None


@pytest.mark.parametrize("name", ["index.html", "view.html", "present.html", "present-locked.html"])
def test_every_page_of_ours_is_three_requests(name: str) -> None:
    page = JoinedPages().page(name).plain.decode()
    asked = re.findall(r'<(?:script|link rel="stylesheet")[^>]*(?:src|href)="([^"]+)"', page)
    assert len(asked) == 3 and all(path.startswith("joined/") for path in asked)


def test_what_is_known_is_not_sent_again_and_what_is_sent_is_packed() -> None:
    packed = Packed.of(b"a" * 1000, "text/css")
    first = packed.respond(request(accept_encoding="br, gzip"), "no-cache")
    assert gzip.decompress(bytes(first.body)) == b"a" * 1000 and first.headers["vary"] == "accept-encoding"
    again = packed.respond(request(accept_encoding="gzip", if_none_match=f'"x", W/{first.headers["etag"]}'), "no-cache")
    assert again.status_code == 304 and again.body == b""
    plain = packed.respond(request(if_none_match=first.headers["etag"]), "no-cache")
    assert plain.status_code == 200 and plain.body == b"a" * 1000 and "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [("gzip", True), ("*", True), ("br", False), ("gzip;q=0", False), ("gzip; q=0.5", True), ("", False)],
)
def test_gzip_is_for_those_who_say_so(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes
