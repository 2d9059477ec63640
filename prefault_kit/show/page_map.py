"""A map of a range: a colour for the state of each page, as a PNG that needs no script.

The text has the same as counts, for those who cannot see the picture and for the strict comparison
of notebooks.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefault_kit.kernel.pagemap import PAGE_STATES, Pages
from prefault_kit.memory.buffer import is_path
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.file_reading import FileReading
from prefault_kit.memory.residency import residency
from prefault_kit.show.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW
from prefault_kit.show.units import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from prefault_kit.memory.prefault import Memory

ABSENT = "not present"
COLOURS = {
    ABSENT: "#e4e4e4",
    "zero page": SKY,
    "anonymous": GREEN,
    "of the file": BLUE,
    "present": BLUE,
    "huge": PURPLE,
    "huge zero page": YELLOW,
    "swapped": ORANGE,
    "in the page cache": GREY,
}
"""A state and its colour."""
COLUMNS = 64
"""Pages in a row."""
MOST_CELLS = 1024
"""Of one range; in a larger range a cell stands for several pages."""
INCH_PER_CELL = 0.11
SURFACE = "white"
"""The background, in dark themes too: the colours of states and words are chosen for it."""


def states(pages: Pages, *, file: bool = False) -> list[str]:
    """The state of each page in words.

    ``file`` distinguishes a file's pages from private copies; ``pages`` must then come from
    ``memory.pages(file=True)``.
    """
    words = {value: _word(value, file) for value in set(pages.state_bytes)}
    return [words[value] for value in pages.state_bytes]


def _word(value: int, file: bool) -> str:
    is_set = {name for name, bit in PAGE_STATES.items() if value & bit}
    if "swapped" in is_set:
        return "swapped"
    if "present" not in is_set:
        return ABSENT
    if "zero" in is_set:
        return "huge zero page" if "huge" in is_set else "zero page"
    if "huge" in is_set:
        return "huge"
    if not file:
        return "present"
    return "of the file" if "file" in is_set else "anonymous"


@dataclass(frozen=True)
class PageMap:
    """Ranges of pages, drawn one under the other; ``rows`` is a title -> the state of each page."""

    rows: Mapping[str, Sequence[str]]

    def __repr__(self) -> str:
        wide = max(map(len, self.rows))
        lines = []
        for title, row in self.rows.items():
            counts = ", ".join(
                f"{count} {word}" for word, count in sorted(Counter(row).items(), key=_order)
            )
            pages = format_count(len(row), "page")
            lines.append(f"{title:<{wide}}  {pages}{': ' if counts else ''}{counts}")
        return "\n".join(lines)

    def _repr_png_(self) -> bytes:
        from matplotlib.colors import ListedColormap  # here, so that importing the kit is quick
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch

        names = list(COLOURS)
        used = [name for name in names if any(name in row for row in self.rows.values())]
        grids = {title: _grid(row) for title, row in self.rows.items()}
        heights = [len(grid) for grid in grids.values()]
        figure = Figure(
            figsize=(
                INCH_PER_CELL * COLUMNS + 0.4,
                INCH_PER_CELL * sum(heights) + 0.34 * len(heights) + 0.45,
            ),
            dpi=110,
            facecolor=SURFACE,
            layout="constrained",
        )
        axes = figure.subplots(len(grids), squeeze=False, gridspec_kw={"height_ratios": heights})[
            :, 0
        ]
        for axis, (title, grid) in zip(axes, grids.items(), strict=True):
            numbers = [
                [names.index(name) for name in line] + [-1] * (COLUMNS - len(line)) for line in grid
            ]
            axis.pcolormesh(
                numbers,
                cmap=ListedColormap([SURFACE, *COLOURS.values()]),
                vmin=-1.5,
                vmax=len(names) - 0.5,
                edgecolors=SURFACE,
                linewidth=0.8,
            )
            axis.invert_yaxis()
            axis.set_aspect("equal")
            axis.set_axis_off()
            axis.set_title(title, loc="left", fontsize=9)
        figure.legend(
            handles=[Patch(color=COLOURS[name], label=name) for name in used],
            loc="outside lower left",
            ncols=len(used),
            frameon=False,
            fontsize=9,
        )
        return png(figure)


def png(figure: Figure) -> bytes:
    """A figure in 256 colours: a third of the size, so that notebooks with many stay small."""
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    few = (
        Image.open(drawn)
        .convert("RGB")
        .quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    small = io.BytesIO()
    few.save(small, "png", optimize=True)
    return small.getvalue()


def _order(counted: tuple[str, int]) -> int:
    return list(COLOURS).index(counted[0])


def _grid(row: Sequence[str]) -> list[list[str]]:
    """The pages of a range in lines of :data:`COLUMNS` cells.

    A cell of several pages has their most frequent state.
    """
    share = max(1, -(-len(row) // MOST_CELLS))
    cells = [
        Counter(row[start : start + share]).most_common(1)[0][0]
        for start in range(0, len(row), share)
    ]
    return [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)] or [[]]


def page_map(
    memory: Memory | Mapping[str, Pages | Sequence[str]], *, file: bool = False
) -> PageMap:
    """Draw the pages of memory of yours: of a buffer, of a path, of a tensor in a weights file.

    >>> import mmap
    >>> from prefault_kit import PAGE_SIZE_BYTES, page_map
    >>> with mmap.mmap(-1, 4 * PAGE_SIZE_BYTES, mmap.MAP_PRIVATE) as memory:
    ...     memory[PAGE_SIZE_BYTES] = 1
    ...     print(page_map(memory))
    memory  4 pages: 3 not present, 1 anonymous

    Or several ranges under their titles, as a dict: of each what ``memory.pages()`` returned, or a
    word for each page, of :data:`COLOURS`; ValueError for any other, or where there is no range.
    ``file`` as for :func:`states`. A notebook shows a picture; the text has the same as counts.
    """
    if isinstance(memory, Mapping):
        return _of_rows(memory, file=file)
    return PageMap({"memory": _words(memory)})


def _words(memory: Memory) -> list[str]:
    """The state of each page of a buffer; of a path, what the page cache has."""
    if is_path(memory):
        memory = FilePart.whole(memory)  # type: ignore[arg-type]
    if isinstance(memory, FilePart):
        with memory.opened() as fd:
            cached = FileReading.of(memory, fd, "", 1).cached_pages()
        return ["in the page cache" if each else ABSENT for each in cached]
    found = residency(memory)
    assert found.states is not None
    words = states(found.states, file=found.states.file is not None)
    kind = "of the file" if found.file else "anonymous"  # where all are of one kind
    known = found.file is not None and found.states.file is None
    return [kind if known and word == "present" else word for word in words]


def _of_rows(rows: Mapping[str, Pages | Sequence[str]], *, file: bool) -> PageMap:
    if not rows:
        raise ValueError("there is no range to draw: give at least one title and its pages")
    words = {}
    for title, row in rows.items():
        if not isinstance(row, Pages) and (isinstance(row, str) or not isinstance(row, Sequence)):
            raise ValueError(
                f"the pages of {title!r} are what memory.pages() returned, or a list of words, not "
                f"{row!r}"
            )
        words[str(title)] = states(row, file=file) if isinstance(row, Pages) else list(row)
    if unknown := {str(word) for row in words.values() for word in row} - set(COLOURS):
        raise ValueError(
            f"no colour for {', '.join(sorted(unknown))}; there is {', '.join(COLOURS)}"
        )
    return PageMap(words)
