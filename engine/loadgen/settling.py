"""When an arm that is warmed up has settled. Pure."""

from collections import deque

SECONDS = 3
SPREAD = 0.05


class Settling:
    """Watches tokens of successive seconds: settled is a speed that three of them agree on within 5 %.

    Tokens come a whole step of the batch at a time, and which side of a second's edge a step falls on is chance:
    so many tokens more may the seconds differ by. `step` is the most requests that were being answered at once.
    """

    def __init__(self) -> None:
        self.counts: deque[int] = deque(maxlen=SECONDS)

    def second(self, tokens: int, *, step: int) -> bool:
        """Enter one second's tokens; whether the speed has settled by now."""
        self.counts.append(tokens)
        if len(self.counts) < SECONDS or not all(self.counts):
            return False
        allowed = SPREAD * sum(self.counts) / SECONDS + step
        return max(self.counts) - min(self.counts) <= allowed
