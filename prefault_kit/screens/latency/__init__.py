"""The latency probe as a screen: how long first writes take, live, and what undoes a preparation.

In a notebook: ``from prefault_kit.screens.latency import latency_probe; latency_probe()``.
"""

from prefault_kit.screens.latency.model import LatencyScreen
from prefault_kit.screens.latency.view import LatencyView, latency_probe, view

__all__ = ["LatencyScreen", "LatencyView", "latency_probe", "view"]
