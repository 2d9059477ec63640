"""Machines that QEMU can be: how each is started, and which of Debian's kernels are for it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """A processor with a board."""

    name: str
    """As ``uname -m`` says it."""
    debian: str
    """As Debian says it."""
    qemu: str
    """The emulator."""
    package: str
    """Debian's, that has the emulator."""
    options: tuple[str, ...]
    """Of the emulator, for the board and, where the processor is emulated, for that."""
    console: str
    """Where its kernel says what it does."""
    kernels: Mapping[str, str]
    """By flavour, which is "" for the usual one: what packages of kernels are called, as a regular
    expression."""

    @property
    def is_here(self) -> bool:
        """Whether this host is one, so that KVM may run it and the kit's C is compiled for it."""
        return self.name == platform.machine()


X86_64 = Architecture(
    "x86_64", "amd64", "qemu-system-x86_64", "qemu-system-x86",
    ("-cpu", "max"), "ttyS0",
    {"": r"linux-image-\d.*-cloud-amd64", "rt": r"linux-image-\d.*-rt-amd64"},
)  # fmt: skip
AARCH64 = Architecture(
    "aarch64", "arm64", "qemu-system-aarch64", "qemu-system-arm",
    # authenticating pointers as the standard has it takes an emulator most of its time
    ("-M", "virt", "-cpu", "max,pauth-impdef=on"), "ttyAMA0",
    {
        "": r"linux-image-\d.*-cloud-arm64",
        "16k": r"linux-image-\d.*-arm64-16k",
        "rt": r"linux-image-\d.*-rt-arm64",
    },
)  # fmt: skip
PPC64LE = Architecture(
    "ppc64le", "ppc64el", "qemu-system-ppc64", "qemu-system-ppc",
    # an emulator has none of the mitigations that are promised by default
    ("-M", "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off",
     "-cpu", "power9"), "hvc0",
    {"": r"linux-image-\d.*-powerpc64le", "64k": r"linux-image-\d.*-powerpc64le-64k"},
)  # fmt: skip
S390X = Architecture(
    "s390x", "s390x", "qemu-system-s390x", "qemu-system-misc",
    ("-M", "s390-ccw-virtio", "-cpu", "max"), "ttysclp0",
    {"": r"linux-image-\d.*-s390x"},
)  # fmt: skip
ARCHITECTURES = {each.name: each for each in (X86_64, AARCH64, PPC64LE, S390X)}
"""By name."""
FLAVOURS = frozenset(flavour for each in ARCHITECTURES.values() for flavour in each.kernels)
"""All of them, with "" for the usual one."""
