"""What the tables on the terminal have in common."""

DASH = "—"
"""What stands where a figure is unknown."""


def shown(value: float | None, digits: int) -> str:
    """`value` with so many digits after the point, and a dash where it is unknown."""
    return DASH if value is None else f"{value:,.{digits}f}"
