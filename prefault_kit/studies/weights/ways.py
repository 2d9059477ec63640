"""Ways to load a file of weights, as data: to add one, add a row."""

from __future__ import annotations

from dataclasses import dataclass

MAPPED, READ, DIRECT = "mapped", "read", "direct"
"""The file itself is mapped; its content is read into memory; the same past the page cache."""

LLAMA = "https://github.com/ggml-org/llama.cpp/blob/master/src/llama-mmap.cpp"
SAFETENSORS = (
    "https://github.com/huggingface/safetensors/blob/main/bindings/python/src/lib.rs"
)
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


LAZY, AT_ONCE, WINDOWS = "mmap, lazy", "POPULATE_READ", "POPULATE_READ, windows"
BY_TENSOR, PREPARED, O_DIRECT = "POPULATE_READ, by tensor", "pread, prepared", "O_DIRECT"

_ROWS = (
    Way(LAZY, MAPPED, source=SAFETENSORS),
    Way("mmap, WILLNEED", MAPPED, ("MADV_WILLNEED",), source=LLAMA),
    Way("MAP_POPULATE", MAPPED, ("map_populate",), source=LLAMA),
    Way(AT_ONCE, MAPPED, ("populate_read",), source=MADVISE),
    Way("POPULATE_READ, threads", MAPPED, ("populate_read",), source=MADVISE, threads=True),
    Way(WINDOWS, MAPPED, source=TENSORRT, in_windows=True),
    Way("POPULATE_READ, windows, let go", MAPPED, source=TENSORRT, in_windows=True, let_go=True),
    Way(BY_TENSOR, MAPPED, source=MADVISE, by_tensor=True),
    Way("mlock", MAPPED, ("mlock",), source=LLAMA),
    Way("pread", READ, source=VLLM),
    Way(PREPARED, READ, ("populate_write",), source=MADVISE),
    Way("pread, huge pages", READ, ("populate_write",), source=MADVISE, thp=True),
    Way(O_DIRECT, DIRECT, ("populate_write",), source=LLAMA),
    Way("O_DIRECT, huge pages", DIRECT, ("populate_write",), source=LLAMA, thp=True),
)

WAYS: dict[str, Way] = {way.name: way for way in _ROWS}
"""The ways by name."""
USUAL = tuple(name for name in WAYS if name not in (BY_TENSOR, "mlock"))
"""Those that a run tries unless told: without the ones that matter only where a part is used, and
where memory may be locked."""


def way(name: str) -> Way:
    """The way of a name; ValueError names those that there are."""
    if name not in WAYS:
        raise ValueError(f"there is no way {name!r} to load; choose from {', '.join(WAYS)}")
    return WAYS[name]
