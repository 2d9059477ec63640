"""A colour for each way, the same in every chart."""

from __future__ import annotations

from prefault_kit.latency.ways import TOUCHED, WAYS
from prefault_kit.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

COLOURS = dict(zip(WAYS, (GREY, SKY, BLUE, ORANGE, PURPLE, VERMILLION, GREEN), strict=True))
DASHED = ("POPULATE_READ", "MLOCK_ONFAULT", TOUCHED)
"""Ways whose line is dashed, for it lies on another."""
