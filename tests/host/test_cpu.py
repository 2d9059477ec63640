"""The processor's name and the hypervisor, from texts of several machines."""

import pytest

from prefault_kit.host import cpu

X86 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model name\t: AMD EPYC 7R13 Processor
flags\t\t: fpu vme de pse tsc msr {flag}lahf_lm cmp_legacy
"""

NEOVERSE = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""

POWER = """\
processor\t: 0
cpu\t\t: POWER9 (architected), altivec supported
clock\t\t: 2200.000000MHz
"""

RISCV = """\
processor\t: 0
hart\t\t: 1
isa\t\t: rv64imafdc
mmu\t\t: sv39
uarch\t\t: sifive,u74-mc
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86, "AMD EPYC 7R13 Processor"),
        (NEOVERSE, "ARM implementer 0x41 part 0xd0c"),
        (POWER, "POWER9 (architected), altivec supported"),
        (RISCV, "sifive,u74-mc"),
        ("processor\t: 0\n", None),
    ],
    ids=["x86", "aarch64", "ppc64le", "riscv64", "nothing"],
)
def test_model(text: str, name: str | None) -> None:
    """Each architecture says the processor's name in its own way."""
    assert cpu.parse_model(text) == name


VIRTUAL = X86.format(flag="hypervisor ")
METAL = X86.format(flag="")


@pytest.mark.parametrize(
    ("cpuinfo", "vendor", "product", "hypervisor"),
    [
        (VIRTUAL, "QEMU", "Standard PC (Q35 + ICH9, 2009)", "qemu"),
        (VIRTUAL, "Red Hat", "KVM", "kvm"),
        (VIRTUAL, "Amazon EC2", "c6i.large", "amazon"),
        (VIRTUAL, "Google", "Google Compute Engine", "google"),
        (VIRTUAL, "Microsoft Corporation", "Virtual Machine", "microsoft"),
        (VIRTUAL, "VMware, Inc.", "VMware Virtual Platform", "vmware"),
        (VIRTUAL, "innotek GmbH", "VirtualBox", "virtualbox"),
        (VIRTUAL, "Somebody", "Something", "unknown"),
        (VIRTUAL, "", "", "unknown"),
        (METAL, "Amazon EC2", "c6i.metal", None),
        (METAL, "Dell Inc.", "PowerEdge R740", None),
        (NEOVERSE, "Amazon EC2", "c6g.large", "amazon"),
        (NEOVERSE, "Amazon EC2", "c6g.metal", None),
        (NEOVERSE, "QEMU", "KVM Virtual Machine", "kvm"),
        (NEOVERSE, "GIGABYTE", "R181-T92-00", None),
        (NEOVERSE, "", "", None),
    ],
)
def test_hypervisor(cpuinfo: str, vendor: str, product: str, hypervisor: str | None) -> None:
    """The flag decides on x86, the firmware's names tell which, and elsewhere alone."""
    dmi = {"sys_vendor": vendor, "product_name": product}
    assert cpu.identify_hypervisor(cpuinfo=cpuinfo, dmi=dmi) == hypervisor


def test_hypervisor_by_other_ways() -> None:
    """Xen says itself, and so does the device tree of a small ARM machine."""
    assert cpu.identify_hypervisor(cpuinfo=METAL, dmi={}, xen="xen") == "xen"
    assert cpu.identify_hypervisor(cpuinfo=NEOVERSE, dmi={}, tree="linux,kvm") == "kvm"


def test_this_machine() -> None:
    """This machine's hypervisor agrees with the processor's flag, where there are flags."""
    flags = [line for line in cpu._cpuinfo().splitlines() if line.startswith("flags")]
    if flags and "hypervisor" in flags[0].split():
        assert cpu.hypervisor()
    elif flags:
        assert cpu.hypervisor() in (None, "xen")
    else:
        assert cpu.hypervisor() != "unknown"
