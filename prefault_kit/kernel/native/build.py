"""Build ``prefault_kit.kernel.native._prefault`` with cffi in API mode (run by setup.py).

The functions that Python sees are declared once, in ``api.h``; the constants are named here and
take their values from the system's headers, or from ``constants.h`` where headers lag.
"""

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PLACE = HERE.relative_to(ROOT)

CONSTANTS = """
PROT_NONE PROT_READ PROT_WRITE PROT_EXEC
MAP_SHARED MAP_PRIVATE MAP_ANONYMOUS MAP_NORESERVE MAP_POPULATE MAP_HUGETLB MAP_HUGE_SHIFT
MAP_DROPPABLE
MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE
MADV_DONTFORK MADV_DOFORK MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP
MADV_COLD MADV_PAGEOUT MADV_POPULATE_READ MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED MADV_COLLAPSE
MADV_HWPOISON MADV_GUARD_INSTALL MADV_GUARD_REMOVE MADV_WIPEONFORK MADV_KEEPONFORK
FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_ZERO_RANGE
MCL_FUTURE MCL_ONFAULT CLONE_NEWNS CLONE_NEWUSER MS_REC MS_PRIVATE
UFFDIO_REGISTER_MODE_MISSING UFFDIO_REGISTER_MODE_WP UFFD_FEATURE_PAGEFAULT_FLAG_WP
UFFD_FEATURE_WP_HUGETLBFS_SHMEM UFFD_FEATURE_WP_UNPOPULATED UFFD_FEATURE_POISON
UFFD_FEATURE_WP_ASYNC
PR_SET_THP_DISABLE PR_SET_PDEATHSIG EHWPOISON MPOL_PREFERRED
PF_TOUCH_READ PF_TOUCH_WRITE PF_TOUCH_READ_WRITE PF_TOUCH_ATOMIC
PF_ADVISE PF_MLOCK PF_MLOCK_ONFAULT PF_PROTECT
PF_PAGE_IS_WRITTEN PF_PAGE_IS_GUARD
PF_STATE_PRESENT PF_STATE_ZERO PF_STATE_HUGE PF_STATE_SWAPPED PF_STATE_FILE PF_STATE_WRITTEN
PF_BLOCK_NONE PF_BLOCK_DELAYED PF_BLOCK_UNWRITTEN PF_BLOCK_WRITTEN
""".split()

SOURCES = ("calls", "fuse", "guard", "numa", "touch", "uffd", "views", "work")

ffibuilder = FFI()
ffibuilder.cdef((HERE / "api.h").read_text())
ffibuilder.cdef("".join(f"static const int {name};\n" for name in CONSTANTS))
ffibuilder.set_source(
    "prefault_kit.kernel.native._prefault",
    '#include "prefault.h"\n',
    # setuptools wants sources relative to the project's root
    sources=[f"{PLACE}/{name}.c" for name in SOURCES],
    depends=[f"{PLACE}/{name}.h" for name in ("api", "constants", "prefault")],
    include_dirs=[str(HERE)],
    extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra"],
    libraries=["pthread"],
)

if __name__ == "__main__":  # pragma: no cover
    ffibuilder.compile(tmpdir=str(ROOT), verbose=True)
