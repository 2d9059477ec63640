"""Messages as sentences: an error's text or a reason, as a screen shows it."""

from __future__ import annotations


def sentence(text: str | None) -> str:
    """Begin with a capital and end with a full stop; of a traceback, the last line alone.

    >>> sentence("no huge pages are free")
    'No huge pages are free.'
    """
    text = (text or "").strip()
    if not text:
        return ""
    text = text.splitlines()[-1]
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
