"""The methods of populating memory, as data: to add one, add a row.

A method is a sequence of operations of :class:`prefault_kit.Mapping`, each timed by itself. Names
are those of the table published in 2021; the rows after it are the kit's own.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """One way to populate a range."""

    name: str
    steps: tuple[str, ...]
    """Operations of :class:`~prefault_kit.Mapping`, or advice for its ``advise``, in order."""
    published: bool
    """Whether the table of 2021 has it."""
    writes: bool
    """Whether it leaves a page of its own (or a dirty one) behind for every page of the range."""
    summary: str
    thp: bool | None = False
    """How :class:`~prefault_kit.Mapping` treats transparent huge pages for it."""

    @property
    def allocates_file(self) -> bool:
        """Whether it begins with fallocate(2)."""
        return "fallocate" in self.steps


_TOUCHES = (
    Method("Read", ("touch_read",), True, False, "Read one byte of each page."),
    Method("Write", ("touch_write",), True, True, "Write one byte of each page."),
    Method(
        "Read/Write",
        ("touch_read_write",),
        True,
        True,
        "Read one byte of each page and write it back: content stays as it was.",
    ),
    Method(
        "POPULATE_READ",
        ("populate_read",),
        True,
        False,
        "madvise(MADV_POPULATE_READ): map every page readable, as if each were read.",
    ),
    Method(
        "POPULATE_WRITE",
        ("populate_write",),
        True,
        True,
        "madvise(MADV_POPULATE_WRITE): map every page writable, as if each were written.",
    ),
)

_FALLOCATE = Method(
    "FALLOCATE",
    ("fallocate",),
    True,
    False,
    "fallocate(): allocate the file's blocks; fills no page table.",
)

_OWN = (
    Method(
        "MAP_POPULATE",
        ("map_populate",),
        False,
        True,
        "mmap(MAP_POPULATE): populate while mapping; errors are swallowed.",
    ),
    Method(
        "WILLNEED",
        ("MADV_WILLNEED",),
        False,
        False,
        "madvise(MADV_WILLNEED): a hint to read a file ahead; maps nothing.",
    ),
    Method(
        "MLOCK",
        ("mlock",),
        False,
        True,
        "mlock(): populate and keep the pages in memory.",
    ),
    Method(
        "MADV_COLLAPSE",
        ("populate_write", "MADV_COLLAPSE"),
        False,
        True,
        "POPULATE_WRITE, then madvise(MADV_COLLAPSE): gather the pages into huge ones.",
        thp=None,
    ),
)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *_TOUCHES,
        _FALLOCATE,
        *(
            Method(
                f"FALLOCATE+{touch.name}",
                ("fallocate", *touch.steps),
                True,
                touch.writes,
                f"fallocate(), then {touch.name}.",
            )
            for touch in _TOUCHES
        ),
        *_OWN,
    )
}
"""Every method by name: the published ones in the published order, then the kit's own."""


def method(name: str) -> Method:
    """Look a method up by its name; ValueError with the nearest one when there is none."""
    try:
        return METHODS[name]
    except KeyError:
        folded = {known.casefold(): known for known in METHODS}
        near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
        hint = f"did you mean {folded[near[0]]!r}?" if near else f"choose from {', '.join(METHODS)}"
        raise ValueError(f"there is no method {name!r}; {hint}") from None


def applies(
    method: Method, *, has_file: bool, sharing: str, hugetlb: bool, on_disk: bool = False
) -> str | None:
    """Say in one sentence why a method makes no sense for a kind of memory, or None if it does."""
    if method.allocates_file and not has_file:
        return f"{method.name} needs a file to allocate: choose memfd, tmpfs, file or hugetlbfs"
    if method.allocates_file and sharing == "private":
        return (
            f"{method.name} allocates the file, which a private mapping then copies: choose shared"
        )
    if method.name == "WILLNEED" and hugetlb:
        return "WILLNEED reads a file ahead, and hugetlb memory has no file on disk behind it"
    if method.name == "MADV_COLLAPSE":
        if hugetlb:
            return "MADV_COLLAPSE makes transparent huge pages, and hugetlb pages are huge already"
        if on_disk or (has_file and sharing == "private"):
            return (
                "MADV_COLLAPSE gathers anonymous or shared memory: choose anon, or memfd or tmpfs "
                "with shared"
            )
    return None
