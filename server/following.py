"""The text on screen: one answer at a time from each arm, from its first character to its last. Pure."""

from engine.documents import Mark, MarkKind, Page

LENGTH = 200
"""Characters of text and of prompt that are shown."""
_MANY = 1024
"""Requests that are remembered at most: far more than any demo has in flight."""


class Follower:
    """Follows one request of one arm until it ends, then the newest that is being answered."""

    def __init__(self) -> None:
        self.followed: int | None = None
        self.prompt = ""
        self.text = ""
        self._prompts: dict[int, str] = {}
        self._texts: dict[int, str] = {}

    def mark(self, mark: Mark) -> None:
        """Requests that begin and end; at a round's end nothing of it is being answered any more."""
        if mark.kind is MarkKind.ROUND_END:
            for request in list(self._prompts):
                self._forget(request)
        if mark.request is None:
            return
        match mark.kind:
            case MarkKind.REQUEST_SUBMITTED:
                self._prompts[mark.request] = _printable(mark.text or "")[:LENGTH]
                while len(self._prompts) > _MANY:
                    self._forget(next(iter(self._prompts)))
            case MarkKind.REQUEST_FINISHED | MarkKind.REQUEST_FAILED:
                self._forget(mark.request)
            case _:
                pass

    def page(self, page: Page) -> None:
        """Pieces of answers (`request` and `text` columns)."""
        pieces = zip(page.data.get("request", ()), page.data.get("text", ()), strict=False)
        for request, text in pieces:
            if isinstance(request, int) and request in self._prompts and isinstance(text, str):
                self._texts[request] = (self._texts.get(request, "") + _printable(text))[-LENGTH:]
        self._follow()

    def line(self, page: Page) -> None:
        """What a command prints: its newest line."""
        texts = [text for text in page.data.get("text", ()) if isinstance(text, str) and text.strip()]
        if texts:
            self.text = _printable(texts[-1])[-LENGTH:]

    def _forget(self, request: int) -> None:
        self._prompts.pop(request, None)
        self._texts.pop(request, None)
        if request == self.followed:
            self.followed = None  # its text stays until another one has some

    def _follow(self) -> None:
        if self.followed is None and self._texts:
            self.followed = max(self._texts)
        if self.followed is not None:
            self.prompt = self._prompts.get(self.followed, "")
            self.text = self._texts[self.followed]


def _printable(text: str) -> str:
    """Control characters but line ends as spaces: on the wire each would take six bytes."""
    if text.isprintable():
        return text
    return "".join(char if (char >= " " and char != "\x7f") or char == "\n" else " " for char in text)
