"""What can go wrong while the CPU engine is made."""

from __future__ import annotations


class BuildError(Exception):
    """One step of the build failed, and the person at the keyboard can do something about it.

    Attributes: what (went wrong), where (folder, package or step), remedy (what to do), detail (the failing
    command's last lines, may be empty).
    """

    def __init__(self, what: str, *, where: str, remedy: str, detail: str = "") -> None:
        super().__init__(what, where, remedy, detail)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        text = f"{self.what} ({self.where}). {self.remedy}"
        if not self.detail:
            return text
        return "\n".join([text, *(f"    {line}" for line in self.detail.splitlines())])
