"""The command line: a module for each group of commands, put together in `root`."""

from server.cli.root import main

__all__ = ["main"]
