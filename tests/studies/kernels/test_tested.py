"""prefault_kit.studies.kernels.tested: what the tests did on a kernel, and the file of it."""

from pathlib import Path

import pytest

from prefault_kit.studies.kernels.tested import FILE, Count, read, text

DATA = Path(__file__).parents[3] / "data" / "kernels"
REPORT = b"""<testsuites><testsuite>
<testcase name="one"/><testcase name="two"/>
<testcase><skipped message="needs Linux 6.5"/></testcase>
<testcase><skipped message="needs root"/></testcase>
<testcase><skipped message="[Errno 38] memfd_secret: Function not implemented"/></testcase>
<testcase><skipped message="needs Linux 6.5"/></testcase>
<testcase><failure/></testcase><testcase><error/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted() -> None:
    """With the reasons of what was skipped, the most frequent first."""
    why = "needs Linux 6.5 (2); needs root (1); memfd_secret: Function not implemented (1)"
    assert Count.of("6.1.9", "x86_64", REPORT) == Count("6.1.9", 2, 4, 2, why)
    assert Count.of("6.12.9-16k", "aarch64", REPORT).kernel == "6.12.9-16k aarch64"
    for bad in (b"", REPORT[:-9]):
        with pytest.raises(ValueError, match=r"6\.1\.9: its tests left no whole report"):
            Count.of("6.1.9", "x86_64", bad)


def test_a_file_has_one_line_for_each_kernel(tmp_path: Path) -> None:
    """From old to new, those for x86-64 first; of two for one kernel the later."""
    rows = [
        Count("6.1.9 s390x", 1, 0, 0, ""),
        Count("6.12.1", 1, 1, 0, 'a "reason", with a comma (1)'),
        Count("6.1.9", 1, 0, 0, ""),
        Count("6.1.9", 2, 0, 0, ""),
    ]
    path = tmp_path / FILE
    path.write_text(text(rows))
    assert read(path) == [rows[3], rows[1], rows[0]]
    assert text(read(path)) == path.read_text()
