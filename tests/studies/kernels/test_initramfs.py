"""prefault_kit.studies.kernels.initramfs: modules after those that they need, in an archive."""

import gzip
import lzma
import stat
from pathlib import Path

import pytest

from prefault_kit.studies.kernels import initramfs


def module(depends: str) -> bytes:
    """As much of a module as is read."""
    return b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Modules of a kernel that has virtio_pci built in."""
    place = tmp_path / "lib" / "modules"
    (place / "fs").mkdir(parents=True)
    (place / "fs" / "ext4.ko").write_bytes(module("mbcache,jbd2"))
    (place / "fs" / "jbd2.ko.xz").write_bytes(lzma.compress(module("")))
    (place / "fs" / "mbcache.ko").write_bytes(module(""))
    (place / "fs" / "virtio_blk.ko").write_bytes(module("virtio-ring"))
    (place / "fs" / "virtio_ring.ko").write_bytes(module(""))
    return place


def test_a_module_comes_after_what_it_depends_on(modules: Path) -> None:
    """Once each; what is not there is built in."""
    found = initramfs.in_order(("virtio_pci", "virtio_blk", "ext4", "jbd2"), modules)
    names = list(found)
    assert sorted(names) == ["ext4", "jbd2", "mbcache", "virtio-ring", "virtio_blk"]
    assert names.index("ext4") > max(names.index("mbcache"), names.index("jbd2"))
    assert names.index("virtio_blk") > names.index("virtio-ring")
    assert found["jbd2"] == module("")


def test_a_compression_that_is_not_known_is_told(modules: Path) -> None:
    """By the name of the file."""
    (modules / "fs" / "xfs.ko.zst").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"xfs\.ko\.zst is compressed"):
        initramfs.in_order(("xfs",), modules)


@pytest.mark.parametrize("content", [b"junk\n", b"", lzma.compress(module(""))[:-9]])
def test_a_damaged_module_is_told(modules: Path, content: bytes) -> None:
    """By the name of the file, whether it is something else or cut."""
    (modules / "fs" / "jbd2.ko.xz").write_bytes(content)
    with pytest.raises(ValueError, match=r"fs/jbd2\.ko\.xz is damaged"):
        initramfs.in_order(("ext4",), modules)


def unpacked(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Modes and contents of a newc archive, by name."""
    found, at = {}, 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * each : at + 14 + 8 * each], 16) for each in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        begin = -(-(at + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = mode, archive[begin : begin + size]
        at = -(-(begin + size) // 4) * 4


def test_the_archive_has_all_of_it(modules: Path) -> None:
    """Directories, modules, busybox, and a script that loads the modules in their order."""
    found = unpacked(gzip.decompress(initramfs.build(modules, b"busybox!")))
    assert found["bin/busybox"] == (stat.S_IFREG | 0o755, b"busybox!")
    assert found["modules/jbd2.ko"] == (stat.S_IFREG | 0o644, module(""))
    assert found["new"] == (stat.S_IFDIR | 0o755, b"")
    mode, script = found["init"]
    assert mode & 0o111
    assert b"for module in virtio-ring virtio_blk mbcache jbd2 ext4;" in script
