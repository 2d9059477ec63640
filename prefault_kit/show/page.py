"""Pages that are exported: each opens offline, loads nothing, and escapes what it quotes.

``page.html`` is what they have in common; ``NAME_page.html`` fills its blocks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def render(template: str, **values: Any) -> str:
    """A whole HTML page, by a template of this room."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    return environment.get_template(template).render(**values)
