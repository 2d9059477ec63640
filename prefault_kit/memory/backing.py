"""Where memory comes from: anonymous, memfd, tmpfs, a file on disk, hugetlbfs; and its page size.

To add a backing: a constructor here, its label, and how its file is opened.
"""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from typing import Self

from prefault_kit.kernel import hugepages, mounts
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes

KINDS = ("anon", "memfd", "tmpfs", "file", "hugetlbfs")
NOWHERE = ("anon", "memfd")
"""Those that lie in no directory."""


def label(kind: str, page_size_bytes: int) -> str:
    """The name of memory in the published table, also of memory that this host cannot have.

    >>> label("anon", 512 << 20), label("tmpfs", 4096)
    ('Anon 512 MiB', 'tmpfs')
    """
    if kind in ("anon", "memfd"):
        return f"{kind.capitalize()} {format_bytes(page_size_bytes)}"
    return kind


@dataclass(frozen=True)
class Backing:
    """Where memory comes from. Make one by :meth:`anon`, :meth:`memfd`, :meth:`tmpfs`...

    >>> Backing.memfd().has_file, Backing.anon().has_file, Backing.file("/var/tmp").on_disk
    (True, False, True)
    """

    kind: str
    page_size_bytes: int
    directory: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no backing {self.kind!r}; choose from {', '.join(KINDS)}")
        if self.page_size_bytes != PAGE_SIZE_BYTES:
            if self.kind in ("tmpfs", "file"):
                raise ValueError(
                    f"{self.kind} memory has pages of {format_bytes(PAGE_SIZE_BYTES)}; for huge "
                    "pages choose anon, memfd or hugetlbfs"
                )
            sizes = hugepages.pools()
            if self.page_size_bytes not in sizes and self.kind != "hugetlbfs":
                known = ", ".join(format_bytes(size) for size in (PAGE_SIZE_BYTES, *sizes))
                raise ValueError(
                    f"this system has no pages of {self.page_size_bytes} bytes; it has {known}"
                )

    @classmethod
    def of(
        cls,
        kind: str,
        *,
        page_size: int | None = None,
        directory: str | os.PathLike[str] | None = None,
    ) -> Self:
        """The backing that a kind of :data:`KINDS` names; ValueError when the words contradict.

        ``page_size`` is in bytes. Without a directory a file lies in the current one, and tmpfs
        and hugetlbfs are found among the mounts.

        >>> Backing.of("memfd").label == Backing.memfd().label
        True
        """
        if kind in NOWHERE:
            if directory is not None:
                raise ValueError(f"{kind} memory lies in no directory: leave the directory out")
            return cls(kind, page_size or PAGE_SIZE_BYTES)
        where = None if directory is None else os.fspath(directory)
        if kind == "hugetlbfs":
            return cls._hugetlbfs(page_size, where)
        if kind == "file" and where is None:
            where = os.curdir
        return cls(kind, page_size or PAGE_SIZE_BYTES, where)

    @classmethod
    def _hugetlbfs(cls, page_size: int | None, directory: str | None) -> Self:
        found = cls.hugetlbfs(directory)
        sizes = hugepages.pools()
        if page_size is None or not sizes:
            return found
        if page_size not in sizes:
            known = " or ".join(map(format_bytes, sizes))
            raise ValueError(f"hugetlbfs has pages of {known} here, not of {page_size} bytes")
        return cls("hugetlbfs", page_size, directory)

    @classmethod
    def anon(cls, page_size: int | None = None) -> Self:
        """Anonymous memory; ``page_size`` in bytes, a huge one meaning MAP_HUGETLB."""
        return cls("anon", page_size or PAGE_SIZE_BYTES)

    @classmethod
    def memfd(cls, page_size: int | None = None) -> Self:
        """A memfd_create(2) file; a huge ``page_size`` in bytes means MFD_HUGETLB."""
        return cls("memfd", page_size or PAGE_SIZE_BYTES)

    @classmethod
    def tmpfs(cls, directory: str | os.PathLike[str] | None = None) -> Self:
        """A file on tmpfs; without a directory, on the one found among the mounts."""
        return cls("tmpfs", PAGE_SIZE_BYTES, None if directory is None else os.fspath(directory))

    @classmethod
    def file(cls, directory: str | os.PathLike[str]) -> Self:
        """A file in a directory of any disk file system."""
        return cls("file", PAGE_SIZE_BYTES, os.fspath(directory))

    @classmethod
    def hugetlbfs(cls, directory: str | os.PathLike[str] | None = None) -> Self:
        """A file on hugetlbfs; without a directory, on the one found among the mounts."""
        if directory is not None and os.path.isdir(directory):
            size: int | None = os.statvfs(directory).f_bsize
        else:
            size = hugepages.default_size_bytes()
        path = None if directory is None else os.fspath(directory)
        return cls("hugetlbfs", size or PAGE_SIZE_BYTES, path)

    @property
    def has_file(self) -> bool:
        """Whether there is a file descriptor, and so fallocate(2) and a page cache."""
        return self.kind != "anon"

    @property
    def is_hugetlb(self) -> bool:
        """Whether pages come from a pool of hugetlb pages."""
        return self.kind == "hugetlbfs" or self.page_size_bytes != PAGE_SIZE_BYTES

    @property
    def on_disk(self) -> bool:
        """Whether data can be written back and evicted."""
        return self.kind == "file"

    @property
    def label(self) -> str:
        """The name in the published table: ``Anon 4 KiB``, ``Memfd 2 MiB``, ``tmpfs``..."""
        return label(self.kind, self.page_size_bytes)

    def find_directory(self) -> str | None:
        """The directory for the file: the one given, or the one found; None without any."""
        if self.directory is not None or self.kind not in mounts.USUAL:
            return self.directory
        block = self.page_size_bytes if self.is_hugetlb else None
        return mounts.find(self.kind, block_bytes=block)

    def open(self) -> int:
        """Open a new file of size 0 that vanishes with its descriptor; OSError as open(2) says."""
        if self.kind == "memfd":
            flags = os.MFD_CLOEXEC
            if self.is_hugetlb:
                log2 = self.page_size_bytes.bit_length() - 1
                flags |= os.MFD_HUGETLB | log2 << MAP["MAP_HUGE_SHIFT"]
            return os.memfd_create("prefault-kit", flags)
        directory = self.find_directory()
        if directory is None:
            raise FileNotFoundError(errno.ENOENT, f"no writable {self.kind} is mounted")
        try:
            return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # EISDIR and EOPNOTSUPP: this file system has no O_TMPFILE (open(2))
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
                raise
        fd, path = tempfile.mkstemp(prefix=".prefault-kit-", dir=directory)
        os.unlink(path)
        return fd
