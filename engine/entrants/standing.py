"""Whether an arm can work: it can, it may again soon, or never again."""

import asyncio

from engine.errors import ArmError


class Standing:
    """Down at first; whoever keeps the arm tells, whoever needs it waits."""

    def __init__(self) -> None:
        self._known = asyncio.Event()
        self._lost: ArmError | None = None

    def up(self) -> None:
        """It can work."""
        self._known.set()

    def down(self) -> None:
        """It cannot, but it is being started again."""
        self._known.clear()

    def lose(self, error: ArmError) -> None:
        """It is gone for good."""
        self._lost = error
        self._known.set()

    async def wait(self) -> None:
        """Return when it can work; raise ArmError when it never will."""
        await self._known.wait()
        if self._lost is not None:
            raise self._lost
