"""Modules as one script, and style sheets as one sheet: for a report, which is a single file, and for the live pages.

Each module becomes a function of its own that gives back what it exports, after those that it imports. That is all that
our own modules need: they export functions, classes and constants by name, and import each other in no circle.
"""

import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "static"

_IMPORT = re.compile(r"^import \{([^}]*)\} from '([^']+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_SHEET = re.compile(r'<link rel="stylesheet" href="static/([\w/.-]+\.css)"')
_ONLY_IN_MODULES = re.compile(
    r"^(?:import|export)\b(?! \{\};).*|\bawait import\(.*"
    r"|^(?=[\w(])(?!.*\b(?:function|async)\b)[^/\n]*\bawait\b.*",  # outside of any function
    re.MULTILINE,
)


def script(entry: str) -> str:
    """All that `entry` needs, and itself, as one classic script. ValueError names what cannot be joined."""
    found: dict[Path, str] = {}
    _collect((STATIC / entry).resolve(), found, ())
    names = {path: f"m{number}" for number, path in enumerate(found)}
    parts = [_wrapped(path, text, names) for path, text in found.items()]
    return "'use strict';\n" + "\n".join(parts)


def sheets(page: str) -> list[str]:
    """The names of a page's style sheets, in their order."""
    return _SHEET.findall((STATIC / page).read_text(encoding="utf-8"))


def style(names: list[str]) -> str:
    """Those sheets as one."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _collect(path: Path, found: dict[Path, str], above: tuple[Path, ...]) -> None:
    """`path` after all that it imports."""
    if path in above:
        raise ValueError(f"{path.name} imports itself, through {', '.join(each.name for each in above)}")
    if path in found:
        return
    text = path.read_text(encoding="utf-8")
    for _, target in _IMPORT.findall(text):
        _collect((path.parent / target).resolve(), found, (*above, path))
    found[path] = text


def _wrapped(path: Path, text: str, names: dict[Path, str]) -> str:
    """The module as a function that is called at once."""

    def bound(found: re.Match[str]) -> str:
        wanted = ", ".join(re.sub(r"\s+as\s+", ": ", name.strip()) for name in found[1].split(",") if name.strip())
        return f"const {{ {wanted} }} = {names[(path.parent / found[2]).resolve()]};\n"

    exported = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(bound, text))
    if left := _ONLY_IN_MODULES.search(body):
        raise ValueError(f"{path.name}: {left[0]!r} is nothing that joined modules can have")
    body = body.replace("export {};\n", "")
    return f"const {names[path]} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();"
