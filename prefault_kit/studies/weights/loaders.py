"""What the well-known loaders do, as data, each with its source: to add one, add a row.

Read in the sources in autumn 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.studies.weights.ways import (
    LAZY,
    LLAMA,
    LOCKED,
    MAP_POPULATE,
    O_DIRECT,
    READ_IN,
    SAFETENSORS,
    VLLM,
    WILLNEED,
    WINDOWS,
)

GITHUB = "https://github.com"


@dataclass(frozen=True)
class Loader:
    """A program, with the option that makes it load so."""

    who: str
    option: str
    does: str
    way: str
    """The way here that is nearest to it."""
    source: str


LOADERS = (
    Loader(
        "llama.cpp",
        "`--load-mode mmap`",
        "a shared mapping, advised to be read in order, made with MAP_POPULATE and then WILLNEED",
        MAP_POPULATE,
        LLAMA,
    ),
    Loader(
        "llama.cpp",
        "the same with `--numa`",
        "no prefetch, and MADV_RANDOM on the whole mapping: a populate later waits for every page",
        LAZY,
        LLAMA,
    ),
    Loader(
        "llama.cpp",
        "`--load-mode none`, once `--no-mmap`",
        "reads each tensor into memory that it has allocated",
        READ_IN,
        f"{GITHUB}/ggml-org/llama.cpp/pull/20834",
    ),
    Loader("llama.cpp", "`--load-mode mmap+mlock`", "maps and locks", LOCKED, LLAMA),
    Loader(
        "llama.cpp",
        "`--load-mode dio`",
        "O_DIRECT; it was the default for some weeks, until January 2026",
        O_DIRECT,
        f"{GITHUB}/ggml-org/llama.cpp/pull/19109",
    ),
    Loader(
        "GGUF",
        "the format",
        "data aligned and tensors in one piece each, so that a mapping can be used as it is",
        LAZY,
        f"{GITHUB}/ggml-org/ggml/blob/master/docs/gguf.md",
    ),
    Loader(
        "safetensors",
        '`backend="mmap"`, the default',
        "a private mapping that is only read, for torch one of torch's own; no advice",
        LAZY,
        SAFETENSORS,
    ),
    Loader(
        "safetensors",
        "the reading backend, since 0.8",
        "pread into temporary memory, dropped when it is on its device",
        READ_IN,
        f"{GITHUB}/safetensors/safetensors/pull/760",
    ),
    Loader(
        "vLLM",
        '`safetensors_load_strategy="lazy"`, the default but on NFS',
        "safetensors' mapping; on NFS it reads the files into the page cache first",
        LAZY,
        VLLM,
    ),
    Loader("vLLM", '`"eager"`', "reads each file whole into memory", READ_IN, VLLM),
    Loader(
        "transformers",
        "`disable_mmap=True`, by itself on some FUSE mounts",
        "reads the file whole into memory, where it maps it otherwise",
        READ_IN,
        f"{GITHUB}/huggingface/transformers/pull/45547",
    ),
    Loader(
        "ExecuTorch",
        "Metal backend",
        "a mapping, advised WILLNEED while other things are prepared",
        WILLNEED,
        f"{GITHUB}/pytorch/executorch/pull/18236",
    ),
    Loader(
        "TensorRT-LLM",
        "prefetch",
        "reads in chunks into a buffer that it drops; POPULATE_READ was proposed in review",
        WINDOWS,
        f"{GITHUB}/NVIDIA/TensorRT-LLM/pull/17430",
    ),
)
"""In the order in which they are shown."""
