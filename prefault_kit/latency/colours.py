"""A colour for each way, the same in every chart."""

from __future__ import annotations

from prefault_kit.latency.ways import TOUCHED, WAYS

_COLOURS = ("#767676", "#56B4E9", "#0072B2", "#E69F00", "#CC79A7", "#D55E00", "#009E73")
"""Okabe and Ito's set, which colour-blind readers tell apart."""
COLOURS = dict(zip(WAYS, _COLOURS, strict=True))
DASHED = ("POPULATE_READ", "MLOCK_ONFAULT", TOUCHED)
"""Ways whose line is dashed, for it lies on another."""
