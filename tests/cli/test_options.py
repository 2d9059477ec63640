"""Sizes, methods and kinds of memory as options."""

from pathlib import Path

import pytest

from tests.cli.command import RUN, prefault_here, sentence


@pytest.mark.parametrize("size", ["4GiB", "1 GiB", "2M", "64k", "8192", "4KiB"])
def test_sizes_as_people_write_them(size: str, tmp_path: Path) -> None:
    """Units with or without iB and blank; refused for the directory alone, not the size."""
    elsewhere = ("run", "--backing", "file", "--dir", "/nonexistent", "--method", "Read")
    done = prefault_here(*elsewhere, "--size", size, cwd=tmp_path)
    assert (done.returncode, "/nonexistent" in sentence(done)) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--size", "0"), 2, "0 bytes, but must be at least one page"),
        (("--size", "-4KiB"), 2, "-4096 bytes, but must be at least one page"),
        (("--size", "much"), 2, "'much' is not a size; type one like"),
        (("--size", "2MiB2"), 2, "is not a size"),
        (("--size", "100000000001"), 2, "would round up to"),
        (("--size", "100000TiB"), 3, "memory"),
        (("--size", "9" * 29), 2, "would round up to"),
        (("--page-size", "12KiB"), 2, "has no pages of 12288 bytes; it has"),
        (("--method", "POPULATE_REED"), 2, "did you mean 'POPULATE_READ'"),
        (("--method", "xyzzy"), 2, "choose from Read, Write"),
        (("--method", "FALLOCATE"), 2, "choose memfd, tmpfs, file or hugetlbfs"),
        (("--backing", "memfd", "--method", "FALLOCATE"), 2, "choose shared"),
        (("--backing", "paper"), 2, "is not one of 'anon', 'memfd'"),
        (("--backing", "memfd", "--dir", "/tmp"), 2, "leave --dir out"),
        (("--backing", "tmpfs", "--page-size", "2MiB"), 2, "choose anon, memfd or hugetlbfs"),
        (("--backing", "hugetlbfs", "--page-size", "12KiB"), 2, "not of 12288 bytes"),
        (("--sharing", "both"), 2, "'private', 'shared'"),
        (("--start", "cached"), 2, "choose start empty"),
        (("--start", "cold"), 2, "choose backing file"),
        (("--start", "warm"), 2, "'empty', 'cached', 'cold'"),
        (("--repeats", "0"), 2, "repeats is a whole number from 1"),
        (("--repeats", str(10**21)), 2, "repeats is a whole number from 1 to 10000, not 1000"),
        (("--threads", str(10**12)), 2, "threads is a whole number from 1 to 1024, not 1000"),
        (("--repeats", "ten"), 2, "not a valid integer"),
        (("--threads", "-1"), 2, "threads is a whole number from 1"),
        (("--frobnicate",), 2, "--frobnicate"),
        (("--backing", "file", "--dir", "/nonexistent"), 3, "does not exist"),
        (("--backing", "file", "--dir", "/etc/passwd"), 3, "is not a directory"),
        (("--backing", "file", "--dir", "/etc/passwd/x"), 3, "is not a directory"),
        (("--backing", "file", "--dir", "/dev/shm"), 3, "memory and not a disk"),
        (("--backing", "tmpfs", "--dir", "/var/tmp"), 3, "not on tmpfs"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], status: int, words: str, tmp_path: Path
) -> None:
    """What is wrong and what to do, exit 2 or 3, no traceback, nothing made."""
    done = prefault_here(*RUN, *arguments, cwd=tmp_path)
    assert words in sentence(done)
    assert (done.returncode, done.stdout) == (status, "")
    assert list(tmp_path.iterdir()) == []
