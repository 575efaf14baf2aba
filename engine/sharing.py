"""Whose power else a sensor sees: a divided board's other instances, a processor's other programs. Pure."""

from collections.abc import Collection

from engine.documents import Descriptor, Start
from engine.validity import Reason


def divided_boards(start: Start) -> frozenset[str]:
    """The ids of the boards that are divided into MIG instances: NVML tells the whole board's power, never a part's."""
    power = start.provenance.get("devices")
    boards = power.get("devices") if isinstance(power, dict) else None
    known = boards if isinstance(boards, list) else []
    return frozenset(str(board.get("uuid")) for board in known if isinstance(board, dict) and board.get("mig") is True)


def shared_sensor(descriptor: Descriptor, divided: Collection[str]) -> tuple[Reason, ...]:
    """What is to be said, as long as the device is there, of figures of it; `divided` boards as the start told them."""
    whole_package, whole_board = descriptor.source == "rapl", descriptor.device in divided
    return (*([Reason.WHOLE_PACKAGE] * whole_package), *([Reason.WHOLE_BOARD] * whole_board))
