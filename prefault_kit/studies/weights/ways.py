"""Ways to load a file of weights, as data: to add one, add a row."""

from __future__ import annotations

from dataclasses import dataclass

MAPPED, READ, DIRECT = "mapped", "read", "direct"
"""The file itself is mapped; its content is read into memory; the same past the page cache."""

LLAMA = "https://github.com/ggml-org/llama.cpp/blob/master/src/llama-mmap.cpp"
SAFETENSORS = "https://github.com/huggingface/safetensors/blob/main/bindings/python/src/lib.rs"
VLLM = "https://github.com/vllm-project/vllm/blob/main/vllm/config/load.py"
TENSORRT = "https://github.com/NVIDIA/TensorRT-LLM/pull/17430"
MADVISE = "https://man7.org/linux/man-pages/man2/madvise.2.html"


@dataclass(frozen=True)
class Way:
    """One way to load: what comes before the first use, and where the weights then are."""

    name: str
    into: str
    """Where the weights are used: one of :data:`MAPPED`, :data:`READ`, :data:`DIRECT`."""
    steps: tuple[str, ...] = ()
    """What is done to all of it before: operations of a Mapping, or advice, by name."""
    source: str = ""
    """Who loads so, or asks for it."""
    in_windows: bool = False
    """Populated and used in pieces, one after the other."""
    let_go: bool = False
    """MADV_DONTNEED on each piece that has been used."""
    by_tensor: bool = False
    """Each tensor that is used is populated, and no other."""
    threads: bool = False
    """Populated by as many threads as the plan says."""
    thp: bool = False
    """Read into huge pages."""

    @property
    def copies(self) -> bool:
        """Whether the weights are the process's own, not the file's pages."""
        return self.into != MAPPED

    @property
    def prefaults(self) -> bool:
        """Whether the mapped pages are brought in before they are used."""
        return not self.copies and (bool(self.steps) or self.in_windows or self.by_tensor)


LAZY, WILLNEED, MAP_POPULATE, LOCKED = "mmap, lazy", "mmap, WILLNEED", "MAP_POPULATE", "mlock"
AT_ONCE, THREADS, WINDOWS = "POPULATE_READ", "POPULATE_READ, threads", "POPULATE_READ, windows"
LET_GO, BY_TENSOR = "POPULATE_READ, windows, let go", "POPULATE_READ, by tensor"
READ_IN, PREPARED, HUGE = "pread", "pread, prepared", "pread, huge pages"
O_DIRECT, DIRECT_HUGE = "O_DIRECT", "O_DIRECT, huge pages"

_ROWS = (
    Way(LAZY, MAPPED, source=SAFETENSORS),
    Way(WILLNEED, MAPPED, ("MADV_WILLNEED",), source=LLAMA),
    Way(MAP_POPULATE, MAPPED, ("map_populate",), source=LLAMA),
    Way(AT_ONCE, MAPPED, ("populate_read",), source=MADVISE),
    Way(THREADS, MAPPED, ("populate_read",), source=MADVISE, threads=True),
    Way(WINDOWS, MAPPED, source=TENSORRT, in_windows=True),
    Way(LET_GO, MAPPED, source=TENSORRT, in_windows=True, let_go=True),
    Way(BY_TENSOR, MAPPED, source=MADVISE, by_tensor=True),
    Way(LOCKED, MAPPED, ("mlock",), source=LLAMA),
    Way(READ_IN, READ, source=VLLM),
    Way(PREPARED, READ, ("populate_write",), source=MADVISE),
    Way(HUGE, READ, ("populate_write",), source=MADVISE, thp=True),
    Way(O_DIRECT, DIRECT, ("populate_write",), source=LLAMA),
    Way(DIRECT_HUGE, DIRECT, ("populate_write",), source=LLAMA, thp=True),
)

WAYS: dict[str, Way] = {way.name: way for way in _ROWS}
"""The ways by name."""
USUAL = tuple(name for name in WAYS if name not in (BY_TENSOR, LOCKED))
"""Those that a run tries unless told: without the ones that matter only where a part is used, and
where memory may be locked."""


def way(name: str) -> Way:
    """The way of a name; ValueError names those that there are."""
    if name not in WAYS:
        raise ValueError(f"there is no way {name!r} to load; choose from {', '.join(WAYS)}")
    return WAYS[name]
