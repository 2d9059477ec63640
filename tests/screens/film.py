"""A moving picture of a screen: frames that the browser shows, with what is done below them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from tests.screens.lab import Tab

WIDTH, MARGIN = 800, 12
BAND = 40
"""The height of the line below a frame."""
COLORS = 128
LOOKS = 20
ARROW = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (13, 12))
"""The mouse's pointer, which no screenshot has."""
INK, GROUND = "#ffffff", "#263238"


@dataclass
class Film:
    """Frames of a page, as wide as the screen on it; its window is made to fit."""

    tab: Tab
    height: int
    frames: list[Image.Image] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.tab.page
        page.set_viewport_size({"width": 1000, "height": 2600})
        wanted = WIDTH - 2 * MARGIN
        beside = 1000 - self._screen["width"]
        page.set_viewport_size({"width": round(wanted + beside), "height": 2600})
        self.tab.await_true(lambda: abs(self._screen["width"] - wanted) <= 1)

    def shot(
        self,
        words: str,
        *,
        seconds: float = 2.5,
        top: Any = None,
        pointer: tuple[float, float] | None = None,
        still: bool = True,
    ) -> None:
        """Take a frame, as soon as nothing moves any more, or at once.

        ``top`` is what it begins with, else the top of the screen; ``pointer`` where the mouse is.
        """
        origin = top.bounding_box() if top else self._screen
        left, y = self._screen["x"] - MARGIN, origin["y"] - MARGIN
        clip = {"x": left, "y": y, "width": WIDTH, "height": self.height}
        shown = self.tab.page.screenshot(clip=clip)
        for _ in range(LOOKS if still else 0):
            self.tab.page.wait_for_timeout(150)
            before, shown = shown, self.tab.page.screenshot(clip=clip)
            if shown == before:
                break
        frame = Image.new("RGB", (WIDTH, self.height + BAND), GROUND)
        frame.paste(Image.open(io.BytesIO(shown)).convert("RGB"))
        draw = ImageDraw.Draw(frame)
        below = self._screen["y"] + self._screen["height"] + MARGIN - y
        if below < self.height:  # what follows in the notebook
            draw.rectangle((0, below, WIDTH, self.height - 1), frame.getpixel((0, 0)))
        draw.text((MARGIN, self.height + 10), words, INK, ImageFont.load_default(17))
        if pointer:
            corners = [(pointer[0] - left + x, pointer[1] - y + down) for x, down in ARROW]
            draw.polygon(corners, "black", "white")
        self.frames.append(frame)
        self.durations_ms.append(round(seconds * 1000))

    def save(self, path: Path) -> None:
        """Write a GIF of all frames, which share a small palette; it begins again at its end."""
        reel = Image.new("RGB", (WIDTH, len(self.frames) * (self.height + BAND)))
        for number, frame in enumerate(self.frames):
            reel.paste(frame, (0, number * frame.height))
        palette = reel.quantize(COLORS)
        drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        drawn[0].save(
            path,
            save_all=True,
            append_images=drawn[1:],
            duration=self.durations_ms,
            loop=0,
            optimize=True,
        )

    @property
    def _screen(self) -> dict[str, float]:
        found: dict[str, float] = self.tab.page.locator(".prefault").first.bounding_box()
        return found
