"""What the tests of entrants have an arm do: a command's program, a turn, a turn until something has been said."""

import asyncio

from integration.staging import Stage

GOOD = "print('step 1', flush=True)"
SMALL = "workload: {max_tokens: 16, concurrency: 2}"


def commands(first: str, second: str = GOOD, more: str = "") -> str:
    """Two command arms that run Python programs; the first has `more` keys."""
    progress = "progress: {unit: step, pattern: 'step (?P<done>[0-9]+)'}"
    arms = []
    for name, code, extra in (("one", first, more), ("two", second, "")):
        block = "\n".join(f"      {line}" for line in code.splitlines())
        arms.append(
            f"- name: {name}\n  runtime: command\n  {progress}\n{extra}"
            f"  command:\n  - '{{python}}'\n  - -c\n  - |\n{block}\n"
        )
    return "".join(arms)


async def turn(stage: Stage, until: float | asyncio.Event = 30.0, label: str = "A"):
    entrant = stage.lineup.entrants[label]
    await entrant.wake()
    return await entrant.round(1, until if isinstance(until, asyncio.Event) else stage.in_seconds(until))


async def turn_until_it_speaks(stage: Stage):
    over = asyncio.Event()
    running = asyncio.create_task(turn(stage, over))
    await until(lambda: stage.rows("progress.A", "text"))
    over.set()
    return await running


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)
