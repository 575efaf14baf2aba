"""Recordings in the forms that other tools read: a module for each."""

from engine.export.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
