"""What `wattrace rehearse` prints in the end: what is ready, what is not, and the next step."""

from rich.console import Console
from rich.text import Text

from engine.rehearsal import Rehearsal


def print_rehearsal(found: Rehearsal, command: str) -> None:
    """`command` is what shows the demo."""
    console = Console(highlight=False)
    console.print()
    for sentence in found.ready:
        console.print(Text("✓ ", style="green") + Text(sentence), soft_wrap=True)
    for sentence in found.missing:
        console.print(Text("✗ ", style="bold red") + Text(sentence), soft_wrap=True)
    if found.ok:
        console.print(Text(f"Ready. On the day: {command}", style="bold green"))
    else:
        console.print(Text("Not ready. Put right what is marked, and rehearse again.", style="bold"))
