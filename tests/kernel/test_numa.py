"""prefault_kit.kernel.numa: nodes, and on which of them pages lie."""

import errno
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel import numa
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE


def test_lists_of_the_kernel() -> None:
    """Numbers, spans, and nothing."""
    assert numa.parse_list("0-3,8,10-11\n") == (0, 1, 2, 3, 8, 10, 11)
    assert numa.parse_list("\n") == ()


def test_without_numa_there_is_node_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a kernel that knows of no nodes."""
    monkeypatch.setattr(numa, "NODES", tmp_path / "none")
    assert (numa.nodes(), numa.nodes_with_memory(), numa.processors(0)) == ((0,), (0,), ())


def test_two_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One without memory is none for pages."""
    (tmp_path / "node1").mkdir()
    (tmp_path / "online").write_text("0-1\n")
    (tmp_path / "has_memory").write_text("0\n")
    (tmp_path / "node1/cpulist").write_text("2-3\n")
    monkeypatch.setattr(numa, "NODES", tmp_path)
    assert (numa.nodes(), numa.nodes_with_memory(), numa.processors(1)) == ((0, 1), (0,), (2, 3))


def test_pages_by_node() -> None:
    """Present pages alone; 1025 of them, which is more than one question."""
    with Mapping(Backing.anon(), 1030 * PAGE) as memory:
        memory.touch_write(0, 1025 * PAGE)
        memory.touch_read(1026 * PAGE, PAGE)
        found = numa.page_nodes(*memory.span())
    assert found is None or sum(found.values()) == 1025


def test_a_node_is_preferred() -> None:
    """One that is there; another is the kernel's EINVAL, which names the call."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        if numa.NODES.exists():
            numa.prefer(*memory.span(), numa.nodes_with_memory()[0])
        for node in (1023, 1024, -1):
            with pytest.raises(OSError, match=f"MPOL_PREFERRED, node {node}") as raised:
                numa.prefer(*memory.span(), node)
            assert raised.value.errno in (errno.EINVAL, errno.ENOSYS)
