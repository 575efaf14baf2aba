"""The pages as browsers get them: a page's style sheets as one, its scripts as one, its modules as one.

What lies in static/ runs as it is, and does so in the tests. But a page has fifty of these files, and fifty requests
are most of the time until its first figure, for a phone in a full hall as beside a race on two cores. The joined parts
are named by their content, so that browsers keep them for good and an upgrade shows at once.
"""

import os
import re

from server import joining
from server.packed import Packed

_SHEETS = re.compile(r'(?:[ \t]*<link rel="stylesheet" href="static/[^>]*>\n)+')
_SHEET = re.compile(r'href="static/([\w/.-]+)"([^>]*)>')
_SCRIPTS = re.compile(r'(?:[ \t]*<script src="static/[^>]*></script>\n)+')
_SCRIPT = re.compile(r'src="static/([\w/.-]+)"')
_MODULE = re.compile(r'<script type="module" src="static/([\w/.-]+)"></script>')
_MOST_PARTS = 64  # of pages that were open before their files changed
_HTML, _CSS, _JS = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))

Stamp = frozenset[tuple[str, int, int]]


class JoinedPages:
    """Every page and its parts, made when first asked for, and made anew when a file has changed."""

    def __init__(self) -> None:
        self._stamp: Stamp = frozenset()
        self._pages: dict[str, Packed] = {}
        self._parts: dict[str, Packed] = {}

    def page(self, name: str) -> Packed:
        """That page of static/, such as `index.html`. ValueError when its modules cannot be joined."""
        if (stamp := _stamp()) != self._stamp:
            self._stamp, self._pages = stamp, {}
        if name not in self._pages:
            self._pages[name] = Packed.of(self._joined(name).encode(), _HTML)
        return self._pages[name]

    def part(self, name: str) -> Packed | None:
        """A part by the name that a page calls it by; None for any other."""
        return self._parts.get(name)

    def _joined(self, name: str) -> str:
        page = (joining.STATIC / name).read_text(encoding="utf-8")
        page = _SHEETS.sub(self._sheet, page)
        page = _SCRIPTS.sub(self._script, page)
        return _MODULE.sub(self._module, page)

    def _sheet(self, found: re.Match[str]) -> str:
        sheets = _SHEET.findall(found[0])
        address = self._keep(joining.style([name for name, _ in sheets]), _CSS)
        others = "".join(attributes for _, attributes in sheets)
        return f'  <link rel="stylesheet" href="{address}"{others}>\n'

    def _script(self, found: re.Match[str]) -> str:
        texts = [(joining.STATIC / name).read_text(encoding="utf-8") for name in _SCRIPT.findall(found[0])]
        return f'  <script src="{self._keep("".join(texts), _JS)}"></script>\n'

    def _module(self, found: re.Match[str]) -> str:
        return f'<script defer src="{self._keep(joining.script(found[1]), _JS)}"></script>'

    def _keep(self, content: str, media_type: str) -> str:
        """Its address."""
        part = Packed.of(content.encode(), media_type)
        name = f"{part.tag}.{'css' if media_type is _CSS else 'js'}"
        self._parts[name] = part
        while len(self._parts) > _MOST_PARTS:
            del self._parts[next(iter(self._parts))]
        return f"joined/{name}"


def _stamp() -> Stamp:
    """What changes when any file does."""
    with os.scandir(joining.STATIC) as entries:
        return frozenset((each.name, (stat := each.stat()).st_mtime_ns, stat.st_size) for each in entries)
