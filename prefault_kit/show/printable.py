"""Names that may hold anything, as lines that a terminal and a page can show."""

from __future__ import annotations

LONGEST_NAME = 200


def printable(text: str) -> str:
    r"""One line without control characters, of bounded length.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    clean = printable_long(text)
    return clean if len(clean) <= LONGEST_NAME else f"{clean[: LONGEST_NAME - 3]}..."


def printable_long(text: str) -> str:
    """The same of a sentence, which may be as long as it is."""
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(letter: str) -> str:
    if letter in "\n\t":
        return {"\n": "\\n", "\t": "\\t"}[letter]
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
