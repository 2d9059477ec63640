"""Cells that show a screen: tests press its buttons, and pictures of it are taken."""

EXPLORER = """
from prefault_kit.screens.explorer import explorer

bench = explorer()
"""
"""A cell that shows the explorer."""
PROBE = """
from prefault_kit.screens.latency import latency_probe

screen = latency_probe()
"""
"""A cell that shows the latency probe."""
TRIAL = """
from prefault_kit.screens.trial import your_program

model = your_program()
"""
"""A cell that shows the trial of a program."""
TRUTH_TABLE = """
from prefault_kit.screens.truth_table import truth_table
from prefault_kit.studies.kernels.recorded import of_the_kit

table = truth_table(of_the_kit())
"""
"""A cell that shows the table of kernels."""
