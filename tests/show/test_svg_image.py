"""prefault_kit.show.svg_image: an SVG that stands alone."""

from prefault_kit.show.svg_image import INK, image


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_it_has_an_ink_and_a_size_of_its_own() -> None:
    """Nothing is left to a page around it, and nothing is dim."""
    svg = '<svg class="pt" width="100%" viewBox="0 0 9 4"><g stroke="currentColor" opacity="0.75"/>'
    inked = f'<svg width="9" class="pt" viewBox="0 0 9 4"><g stroke="{INK}"/>'
    assert image(svg, 9) == inked
    assert image('<svg fill-opacity="0.75">', 9) == '<svg width="9" fill-opacity="0.75">'
    assert image("", 9) is None


def test_the_ink_is_legible_on_light_and_dark() -> None:
    """On white, and on the ground of JupyterLab's dark theme."""
    assert contrast(INK, "#ffffff") > 4.5
    assert contrast(INK, "#111111") > 4
