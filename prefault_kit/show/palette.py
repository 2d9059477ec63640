"""The colours of data: Okabe and Ito's set, which colour-blind readers tell apart."""

from __future__ import annotations

GREY = "#767676"
SKY = "#56B4E9"
BLUE = "#0072B2"
GREEN = "#009E73"
YELLOW = "#F0E442"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
