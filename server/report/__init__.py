"""One race as one file: a page that replays it offline, or its key figure for a paper or a slide."""

from server.report.facts import Facts, read_facts
from server.report.figure import figure
from server.report.html import report_html
from server.report.markdown import report_markdown
from server.report.writing import written

__all__ = ["Facts", "figure", "read_facts", "report_html", "report_markdown", "written"]
