"""prefault_kit.kernel.numa_maps: bytes by node, on captured texts and on this process."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel import numa_maps
from prefault_kit.kernel.looking import Looking


def test_pages_of_a_huge_size_count_as_such() -> None:
    """The unit is the mapping's page size."""
    line = "7f0000 default file=/a\\040b huge anon=2 dirty=2 N0=1 N3=1 kernelpagesize_kB=2048"
    assert numa_maps.parse_line(line) == (0x7F0000, {0: 2 << 20, 3: 2 << 20})


def test_a_line_without_pages_has_no_nodes() -> None:
    """As of a mapping that was never touched."""
    assert numa_maps.parse_line("7f0000 default") == (0x7F0000, {})


@pytest.mark.parametrize(("text", "nodes"), [("0\n", 1), ("0-3\n", 4), ("0,2-3\n", 3)])
def test_nodes_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, nodes: int
) -> None:
    """Ranges and single ones."""
    (tmp_path / "online").write_text(text)
    monkeypatch.setattr(numa_maps, "ONLINE", tmp_path / "online")
    assert numa_maps.online_nodes() == nodes
    monkeypatch.setattr(numa_maps, "ONLINE", tmp_path / "none")
    assert numa_maps.online_nodes() == 1


def test_this_process_has_memory_on_a_node() -> None:
    """And reading it is counted as looking."""
    if not os.path.exists("/proc/self/numa_maps"):
        assert numa_maps.online_nodes() == 1
        return
    fd, looking = os.open("/proc/self/numa_maps", os.O_RDONLY), Looking()
    try:
        found = numa_maps.read(fd, looking)
    finally:
        os.close(fd)
    assert sum(sum(nodes.values()) for nodes in found.values()) > 0
    assert looking.calls > 0
