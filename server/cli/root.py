"""The console script: all commands, and what becomes of errors.

Heavy modules are imported inside the command that needs them: a viewer waits for the first page, not for us.
"""

import os
import sys
from typing import Annotated

import typer

from engine import __version__
from engine.errors import WattraceError
from server.cli import archive, exporting, measuring, racing, recordings, rehearsing, reporting, shelving
from server.cli.options import debugging

app = typer.Typer(
    name="wattrace",
    help="Race LLM-inference configurations side by side; watch their watts, joules and tokens live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(racing.demo)
app.command()(racing.run)
# What follows the command's name is the command's own, with or without `--` before it.
app.command(context_settings={"allow_interspersed_args": False})(measuring.measure)
app.command()(racing.replay)
app.command()(recordings.record)
app.command()(recordings.compare)
app.command()(archive.check)
app.command()(archive.pack)
app.command()(archive.recover)
app.command()(reporting.report)
app.command()(reporting.bench_observer)
app.command()(exporting.export)
app.command("import")(exporting.import_)
app.command("list")(shelving.list_)
app.command()(shelving.keep)
app.command()(shelving.prune)
app.command()(recordings.demos)
app.command()(measuring.doctor)
app.command()(rehearsing.rehearse)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"wattrace {__version__}")
        raise typer.Exit


@app.callback(epilog="--debug, anywhere: show tracebacks and the children's logs.")
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Race LLM-inference configurations side by side; watch their watts, joules and tokens live."""


def _take_debug_flag(arguments: list[str]) -> None:
    """`--debug` may stand anywhere before a `--`; our children inherit it."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--debug" in own:
        arguments.remove("--debug")
        os.environ["WATTRACE_DEBUG"] = "1"


def main() -> None:
    """The console script: every expected error is one line on stderr and an exit status."""
    _take_debug_flag(sys.argv)
    try:
        app()
    except WattraceError as error:
        if debugging():
            raise
        print(f"wattrace: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(141)  # the reader of our output is gone: as a shell numbers SIGPIPE
    except Exception as error:
        if debugging():
            raise
        print(
            f"wattrace: a fault of its own: {type(error).__name__}: {error}; see more with --debug",
            file=sys.stderr,
        )
        sys.exit(70)
