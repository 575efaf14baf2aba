"""What `wattrace check` prints for people."""

from rich.console import Console
from rich.markup import escape

from engine.clock import NS
from engine.recording import Report

_STYLES = {"good": "bold green", "unverified": "bold yellow", "cut off": "bold yellow", "wrong": "bold red"}


def print_report(report: Report) -> None:
    """The verdict, what it is about, and what was found."""
    console = Console(highlight=False, soft_wrap=True)
    seconds = report.newest_t_ns / NS
    rows = sum(facts.rows for facts in report.streams.values())
    verdict = report.verdict
    console.print(f"[{_STYLES[verdict]}]{verdict}[/]  {escape(report.file)}")
    simulated = ", simulated" if report.simulated else ""
    console.print(
        f"  {seconds:,.1f} s, {rows:,} rows in {len(report.streams)} streams, {report.rounds} rounds, "
        f"{report.requests:,} requests; schema {report.schema_version}{simulated}"
    )
    if report.cut is not None:
        console.print(
            f"  {report.cut['why']}: behind line {report.cut['after_line']:,} (byte {report.cut['after_byte']:,}), "
            f"{report.cut['seconds']:,.3f} s after its start; wattrace recover makes it whole"
        )
    console.print(f"  {_proof(report)}")
    for finding in report.findings:
        style = "red" if finding.weight == "error" else "yellow"
        console.print(f"  [{style}]{finding.weight}[/]  {escape(str(finding))}")


def _proof(report: Report) -> str:
    """What the verdict rests on."""
    changed = any(finding.code == "changed" for finding in report.findings)
    seal = "its bytes are as they were written" if report.sealed and not changed else "nothing proves its bytes"
    if changed:
        seal = "its bytes were changed"
    differ = any(finding.code == "figures" for finding in report.findings)
    figures = "its figures follow from its samples to the last bit" if report.recomputed else "it tells no figures"
    if report.unverified:
        figures = "whether its figures follow cannot be said: another method worked them out"
    if differ:
        figures = "its figures do not follow from its samples"
    return f"{seal}; {figures}"
