"""An SVG as an image by itself, which has no page around it to take its ink from.

A page shows an ``svg`` element in its own ink. A notebook that was opened and not run yet shows no
such element, but its words in a heap; it shows images, or the text beside them.
"""

from __future__ import annotations

INK = "#767676"
"""As far from white as from what JupyterLab calls dark: a contrast of 4.5 and of 4.2."""
DIM = 0.75
"""The opacity of words that are less important, in a page's ink."""


def image(svg: str, width_px: int) -> str | None:
    """The picture of an ``svg`` element for ``_repr_svg_``; None of an empty one.

    >>> image('<svg viewBox="0 0 2 1" fill="currentColor"></svg>', 20)
    '<svg width="20" viewBox="0 0 2 1" fill="#767676"></svg>'
    """
    if not svg:
        return None
    inked = svg.replace("currentColor", INK).replace('width="100%" ', "", 1)
    for dim, plain in ((f' opacity="{DIM}"', ""), (f"{{opacity:{DIM}}}", "{}")):
        inked = inked.replace(dim, plain)  # what is dim in a page's ink is legible in this
    return inked.replace("<svg ", f'<svg width="{width_px}" ', 1)
