"""prefault_kit.studies.kernels.architecture: machines of QEMU."""

import platform
import re
import shutil
import subprocess

import pytest

from prefault_kit.studies.kernels.architecture import ARCHITECTURES, Architecture

INSTALLED = [each for each in ARCHITECTURES.values() if shutil.which(each.qemu)]


@pytest.mark.parametrize("each", INSTALLED, ids=lambda each: each.name)
def test_qemu_knows_the_machine_and_its_processor(each: Architecture) -> None:
    """It starts with these options, and without a warning; it is told to stop at once."""
    done = subprocess.run(
        [each.qemu, "-nodefaults", "-display", "none", "-S", "-monitor", "stdio", *each.options],
        input="quit\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_flavours_have_names_of_their_own() -> None:
    """No package is of two flavours."""
    for each in ARCHITECTURES.values():
        names = [
            f"linux-image-6.12.117+deb13-{kind}"
            for kind in ("cloud-amd64", "rt-amd64", "amd64", "cloud-arm64", "arm64-16k", "rt-arm64",
                         "arm64", "powerpc64le", "powerpc64le-64k", "s390x")
        ]  # fmt: skip
        for name in names:
            assert sum(bool(re.fullmatch(form, name)) for form in each.kernels.values()) <= 1
        found = [
            name for name in names for form in each.kernels.values() if re.fullmatch(form, name)
        ]
        assert len(found) == len(each.kernels)


def test_one_of_them_may_be_here() -> None:
    """As uname calls it."""
    here = [each.name for each in ARCHITECTURES.values() if each.is_here]
    assert here == [name for name in ARCHITECTURES if name == platform.machine()]
