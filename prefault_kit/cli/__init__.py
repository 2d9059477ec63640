"""The command line: ``prefault-kit`` and its commands, a module each."""

from prefault_kit.cli.entry import main

__all__ = ["main"]
