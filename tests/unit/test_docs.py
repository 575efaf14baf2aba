"""What the documentation says is what the code does."""

import json
import re
from pathlib import Path

import pytest

from engine.documents import MarkKind, json_schema
from engine.metrics import METRICS
from server.cli.root import app

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_published_schema_is_the_one_in_use() -> None:
    """Renew it with: python -c "from engine.documents import json_schema; ..." as docs/recording.md says."""
    assert json.loads(text("docs/document.schema.json")) == json_schema()


def test_every_metric_is_documented() -> None:
    documented = text("docs/recording.md")
    assert [name for name in METRICS if f"`{name}`" not in documented] == []


def test_every_metrics_source_and_moment_are_documented() -> None:
    documented = text("docs/recording.md")
    origins = {metric.origin for metric in METRICS.values()}
    assert [origin for origin in origins if origin.moment not in documented] == []
    assert [origin for origin in origins if f"`{origin.source.split(', ', maxsplit=1)[0]}" not in documented] == []


def test_every_kind_of_mark_is_documented() -> None:
    documented = text("docs/recording.md")
    assert [kind.value for kind in MarkKind if f"`{kind.value}`" not in documented] == []


def commands() -> list[tuple[str, list[str]]]:
    from typer.main import get_command

    found = []
    for name, command in get_command(app).commands.items():
        options = [o for p in command.params if not getattr(p, "hidden", False) for o in p.opts if o.startswith("--")]
        found.append((name, [option for option in options if option != "--help"]))
    return found


@pytest.mark.parametrize(("command", "options"), commands())
def test_every_command_and_option_is_in_the_readme(command: str, options: list[str]) -> None:
    readme = text("README.md")
    assert f"wattrace {command}" in readme
    section = re.search(rf"^wattrace {command}\b.*?(?=^wattrace |^```)", readme, re.MULTILINE | re.DOTALL)
    assert section is not None
    assert [option for option in options if option not in section.group()] == []


def test_every_setting_is_documented() -> None:
    used = set()
    for folder in ("engine", "server"):
        for file in (ROOT / folder).rglob("*.py"):
            used |= set(re.findall(r"\bWATTRACE_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8")))
    documented = text("docs/settings.md")
    assert [name for name in sorted(used) if f"`{name}`" not in documented] == []
