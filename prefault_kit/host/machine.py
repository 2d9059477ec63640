"""What this machine is: the facts that every saved run carries."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict

from prefault_kit.host import accounts, cpu, damon, process, thp
from prefault_kit.kernel import hugepages, proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES


def facts() -> dict[str, object]:
    """This machine and kernel, for the record of a run: JSON-able, sizes in bytes.

    Never a host name, a user or a path. ``hypervisor`` is None on bare metal and ``unknown``
    where there is one without a name; ``memory_limit_bytes`` is the tightest memory cgroup's,
    None without one; ``huge_page_pools`` count pages; ``damon`` names the threads that may take
    idle memory back. Without /proc, what Python alone knows.
    """
    from importlib import metadata  # takes longer to import than the kit

    known: dict[str, object] = {
        "kernel": os.uname().release,
        "machine": os.uname().machine,
        "cpus": len(os.sched_getaffinity(0)),
        "page_size_bytes": PAGE_SIZE_BYTES,
        "python": ".".join(map(str, sys.version_info[:3])),
        "prefault_kit": metadata.version("prefault-kit"),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if process.why_not():
        return known
    machine = proc.meminfo()
    limits = [account.total_bytes for account in accounts.accounts() if account.limit]
    pools = hugepages.pools()
    return known | {
        "cpu": cpu.model(),
        "memory_bytes": machine["MemTotal"],
        "memory_limit_bytes": min(limits, default=None),
        "swap_bytes": machine["SwapTotal"],
        "huge_page_sizes_bytes": list(pools),
        "huge_page_pools": [asdict(pool) for pool in pools.values()],
        "thp": thp.enabled(),
        "shmem_thp": thp.shmem_enabled(),
        "hypervisor": cpu.hypervisor(),
        "damon": damon.threads(),
    }
