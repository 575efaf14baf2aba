"""The viewers of `wattrace bench-observer`: a server of its own that shows the race, and a crowd that watches it."""

from server.observer.hall import served_hall

__all__ = ["served_hall"]
