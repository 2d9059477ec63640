"""The command line: ``prefault-kit doctor``, ``run``, ``matrix``."""

from prefault_kit.cli.entry import main

__all__ = ["main"]
