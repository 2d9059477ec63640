"""Memory accounts: the machine's, and those of cgroups."""

import os
import re
import resource
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import accounts
from prefault_kit.kernel import cgroup

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("total", "reserve"),
    [(128 * MIB, 32 * MIB), (1 * GIB, 64 * MIB), (20 * GIB, 1 * GIB), (1000 * GIB, 50 * GIB)],
)
def test_reserve(total: int, reserve: int) -> None:
    """The reserve is 5 %, at least 64 MiB, at most a quarter."""
    assert accounts.reserve_bytes(total) == reserve


def test_usable_is_never_negative() -> None:
    """An account that is used up has nothing to give."""
    assert accounts.Account("this machine", GIB, 10 * MIB).usable_bytes == 0


def test_machine_account() -> None:
    """The machine's account comes first and agrees with what it has in pages."""
    account = accounts.accounts()[0]
    pages = account.total_bytes // resource.getpagesize()
    assert account.name == "this machine"
    assert account.limit is None
    assert 0 < account.usable_bytes < account.available_bytes <= account.total_bytes
    assert pages == os.sysconf("SC_PHYS_PAGES")


def test_tightest() -> None:
    """The tightest account is the one with the least to give."""
    least = accounts.tightest().usable_bytes
    slack = 64 * MIB  # other processes go on while this one looks twice
    assert all(account.usable_bytes >= least - slack for account in accounts.accounts())


def _own_memory_cgroup() -> Path:
    levels = cgroup.own_directories("memory")
    for _version, level in levels:
        if os.access(level, os.W_OK):
            return level
    pytest.skip("needs a memory cgroup that may be written")


@pytest.mark.needs("root")
def test_real_limit(ask: Callable[..., Any]) -> None:
    """In a cgroup of 256 MiB, 512 MiB of written memory are refused and the zero page is not."""
    parent = _own_memory_cgroup()
    child = parent / f"prefault-kit-test-{os.getpid()}"
    try:
        child.mkdir()
    except OSError:
        pytest.skip("needs a memory cgroup that may be written")
    try:
        limit = next(
            (
                child / name
                for name in ("memory.max", "memory.limit_in_bytes")
                if (child / name).exists()
            ),
            None,
        )
        if limit is None:
            pytest.skip("needs a memory cgroup that may be written")
        limit.write_text(str(256 << 20))
        enter = ["sh", "-c", f'echo $$ > "{child}/cgroup.procs"; exec "$@"', "sh"]
        cell = "backing=Backing.anon(), sharing='private', size_bytes=512 << 20, method="
        reason, command = ask(enter, f"{cell}'POPULATE_WRITE'")
        assert "the memory cgroup of this process" in reason
        assert re.match(r"51[23](\.\d)? MiB of memory are needed", reason)  # with its page tables
        assert command.endswith(f"| sudo tee {shlex.quote(str(limit))}")
        assert ask(enter, f"{cell}'POPULATE_READ'") is None
        assert ask([], f"{cell}'POPULATE_WRITE'") is None
        # the command is enough, to the byte
        limit.write_text(command.split()[1])
        assert ask(enter, f"{cell}'POPULATE_WRITE'") is None
    finally:
        child.rmdir()
