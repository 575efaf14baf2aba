"""Entrants: whoever takes turns in a race, an arm with its clients or a command."""

from engine.entrants.command import CommandEntrant
from engine.entrants.served import ServedEntrant

AnyEntrant = ServedEntrant | CommandEntrant

__all__ = ["AnyEntrant", "CommandEntrant", "ServedEntrant"]
