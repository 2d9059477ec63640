"""The processor, and the hypervisor between it and this kernel."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

DMI = Path("/sys/class/dmi/id")

VENDORS = (
    ("kvm", "kvm"),
    ("qemu", "qemu"),
    ("vmware", "vmware"),
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("xen", "xen"),
    ("bhyve", "bhyve"),
    ("parallels", "parallels"),
    ("google compute engine", "google"),
    ("amazon", "amazon"),
    ("virtual machine microsoft", "microsoft"),
    ("openstack", "openstack"),
    ("apple virtualization", "apple"),
)
"""Words in the firmware's product and vendor names, and the hypervisor that they stand for."""

METAL = re.compile(r"\.metal\b", re.I)
"""In a product name: rented hardware without a hypervisor, whose vendor is a cloud all the same."""


def parse_model(text: str) -> str | None:
    """The processor's name in /proc/cpuinfo; on ARM its implementer and part number."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    for key in ("model name", "Model", "cpu model", "cpu", "uarch", "vendor_id"):
        if fields.get(key):
            return fields[key]
    if "CPU part" in fields:
        return f"ARM implementer {fields.get('CPU implementer')} part {fields['CPU part']}"
    return None


def identify_hypervisor(
    *, cpuinfo: str, dmi: Mapping[str, str], xen: str | None = None, tree: str | None = None
) -> str | None:
    """Name the hypervisor; ``unknown`` if there is one without a name, None if none is seen.

    ``dmi`` has ``sys_vendor`` and ``product_name`` of /sys/class/dmi/id, ``xen`` is
    /sys/hypervisor/type, ``tree`` is /proc/device-tree/hypervisor/compatible. On x86 the
    processor's flag decides, since clouds put their name on bare metal too.
    """
    if xen:
        return xen
    if tree:
        return tree.rpartition(",")[2]
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.M)
    if flags and "hypervisor" not in flags[1].split():
        return None
    product = dmi.get("product_name", "")
    names = f"{product} {dmi.get('sys_vendor', '')}".casefold()
    if not METAL.search(product):
        for word, hypervisor in VENDORS:
            if word in names:
                return hypervisor
    return "unknown" if flags else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""


@functools.cache
def _cpuinfo() -> str:
    # once: on large machines the kernel takes long to write it
    return Path("/proc/cpuinfo").read_text(errors="replace")


@functools.cache
def model() -> str | None:
    """The name of this machine's processor."""
    return parse_model(_cpuinfo())


@functools.cache
def hypervisor() -> str | None:
    """The hypervisor that this machine runs on, as :func:`identify_hypervisor` names it."""
    return identify_hypervisor(
        cpuinfo=_cpuinfo(),
        dmi={name: _read(DMI / name) for name in ("sys_vendor", "product_name")},
        xen=_read(Path("/sys/hypervisor/type")) or None,
        tree=_read(Path("/proc/device-tree/hypervisor/compatible")) or None,
    )
