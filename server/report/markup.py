"""HTML in which nothing that a recording says can be anything but text. Pure.

Whatever is not `Markup` is escaped where it is put in, so forgetting to think of it is safe.
"""

import html
import re

_VOID = frozenset({"meta", "br", "input", "path", "circle", "line", "rect"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """`value` as text of a page; control characters, which no page may have, become spaces."""
    return value if isinstance(value, Markup) else Markup(html.escape(_CONTROL.sub(" ", str(value)), quote=True))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element: `class_` is class, `data_slot` is data-slot; None leaves an attribute out, True gives it no value."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>" if name in {"meta", "br", "input"} else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{''.join(text(child) for child in children)}</{name}>")


def joined(parts: "list[Markup]") -> Markup:
    """One after the other."""
    return Markup("".join(parts))


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{text(value)}"'
