"""prefault_kit.kernel.tracer: advice is put into a program that nobody changed; what it sees."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from prefault_kit.kernel import tracer
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.tracer import KINDS, REFUSALS, End, Event, Rule, Tracer
from tests.kernel import traced

pytestmark = [pytest.mark.needs("compiler"), pytest.mark.needs("tracing")]

PAGES = 512
SIZE = PAGES * PAGE
WRITE = ("MADV_POPULATE_WRITE",)
ANONYMOUS = ("anonymous private",)
PATIENCE_S = 60


class Seen(NamedTuple):
    """A run: the words that the program said, what the tracer saw of it, how it ended."""

    said: list[str]
    events: list[Event]
    end: End

    @property
    def refused(self) -> list[str]:
        return [each.refused for each in self.events if each.refused]


def rule(*advices: str, **options: object) -> Rule:
    """A rule for what the program maps, and hardly for what its loader does."""
    return Rule(advices or WRITE, **{"least_bytes": SIZE - PAGE, "access": "w"} | options)  # type: ignore[arg-type]


def run(*words: object, rules: Sequence[Rule] = (), **options: object) -> Seen:
    """Run the program to its end; what it writes is short enough for a pipe."""
    reader, writer = os.pipe()
    command = [traced.program(), *map(str, words)]
    try:
        streams = (-1, writer, writer)
        with Tracer(command, rules, streams=streams, **options) as running:  # type: ignore[arg-type]
            assert running.wait(PATIENCE_S), "it hangs"
        os.close(writer)
        said = os.read(reader, 1 << 16).decode().split()
    finally:
        os.close(reader)
    return Seen(said, running.events(), running.end())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("anonymous", PAGES, 3), [PAGES] * 3),
        (("shared", PAGES), [PAGES]),
        (("memfd", PAGES), [PAGES]),
        (("heap", PAGES), [PAGES]),
        (("grow", PAGES), [2 * PAGES]),
        (("fork", PAGES, 3), [PAGES] * 3),
        (("vfork", PAGES), [PAGES] * 2),
        (("untraced", PAGES), [PAGES]),
        (("threads", PAGES, 40), [40 * PAGES]),
        (("signals", PAGES, 40), [40 * PAGES]),
        (("stop", PAGES), [PAGES]),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_pages_are_there_before_the_program_has_them(
    words: tuple[object, ...], expected: list[int]
) -> None:
    """Whatever makes the mapping: threads, children, what it executes, interrupted or stopped."""
    found = run(*words, rules=[rule()])
    assert [int(each) for each in found.said] == expected
    assert found.end.status == 0
    assert found.end.injections >= len(expected)
    assert not any(each.errno for event in found.events for each in event.injected)


def test_without_a_rule_nothing_happens() -> None:
    """Traced or not, the program finds what it would find."""
    for options in ({}, {"record": True, "follow": True}, {"traced": False}):
        found = run("anonymous", PAGES, 2, **options)
        assert found.said == ["0", "0"]
        assert (found.end.status, found.end.injections) == (0, 0)


def test_a_mapping_is_told_whole() -> None:
    """Kind, size, access and the advice that was put in, with its time."""
    found = run("anonymous", PAGES, rules=[rule()])
    event = next(each for each in found.events if each.injected)
    assert (event.what, event.kind, event.access, event.length) == (
        "mmap", "anonymous private", "rw-", SIZE,
    )  # fmt: skip
    assert event.address % PAGE == 0 and event.address
    assert event.injected[0].advice == "MADV_POPULATE_WRITE"
    assert event.injected[0].elapsed_ns > 0
    assert event.time_ns > 0


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("anonymous", PAGES), "anonymous private"),
        (("shared", PAGES), "anonymous shared"),
        (("memfd", PAGES), "memfd"),
        (("heap", PAGES), "heap"),
    ],
)
def test_kinds_are_told_apart(words: tuple[object, ...], kind: str) -> None:
    """A rule for another kind leaves the mapping alone."""
    others = tuple(each for each in KINDS if each != kind)
    assert run(*words, rules=[rule(kinds=(kind,))]).said == [str(PAGES)]
    assert run(*words, rules=[rule(kinds=others)]).said == ["0"]


def test_files_are_matched_by_their_path(tmp_path: Path) -> None:
    """And a private mapping is written for the program, which writes no file."""
    file = tmp_path / "data"
    file.write_bytes(bytes(SIZE))
    before = file.stat()
    ours, others = (rule(path=f"*/{name}") for name in ("data", "other"))
    copied = run("file", PAGES, file, "private", rules=[ours])
    assert copied.said == [str(PAGES)]
    assert next(each for each in copied.events if each.injected).path == str(file)
    assert run("file", PAGES, file, "private", rules=[others]).end.injections == 0
    odd = file.rename(tmp_path / "a\\b")  # as by fnmatch of Python, a backslash is one
    ours = rule(path=f"*/{odd.name}")
    assert run("file", PAGES, odd, "private", rules=[ours]).end.injections == 1
    file = odd.rename(file)
    after = file.stat()
    assert (after.st_mtime_ns, after.st_blocks) == (before.st_mtime_ns, before.st_blocks)


def test_no_file_is_written() -> None:
    """POPULATE_WRITE of a shared file would make its pages dirty, and fill its holes."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(SIZE)
        found = run("file", PAGES, file.name, rules=[rule()])
        assert os.stat(file.name).st_blocks == 0
    assert found.end.injections == 0
    assert found.refused == ["it would make pages of a file dirty, and no file is written"]


@pytest.mark.parametrize(
    ("what", "moment", "reasons"),
    [
        ("late", "writable", {"dirty"}),
        ("late", "advice", {"it may not be written", "dirty"}),
        ("covered", "writable", {"dirty"}),
        ("covered", "mmap", {"it may not be written", "dirty"}),
    ],
)
def test_no_file_is_written_later(what: str, moment: str, reasons: set[str]) -> None:
    """Neither after its own advice, nor as it becomes writable, nor where it grows; also not a
    file of which a page lies in other memory."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(SIZE)
        ours = rule(access="", moment=moment, kinds=("anonymous private", "file shared"))
        found = run(what, PAGES, file.name, rules=[ours], follow=moment != "mmap")
        assert os.stat(file.name).st_blocks == 0
    assert found.end.status == 0
    assert all(any(reason in each for each in found.refused) for reason in reasons)
    assert not [each for each in found.events if each.injected and each.what != "mmap"]


def test_a_mapping_stays_one() -> None:
    """Advice that is remembered is given behind the end of a file too: else mremap would fail."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(3 * PAGE)
        ours = rule("MADV_RANDOM", access="", kinds=("file shared",))
        found = run("longer", PAGES, file.name, rules=[ours])
    assert (found.end.status, found.end.injections) == (0, 1)


def test_registers_stay_what_they_were() -> None:
    """Of a call whose arguments were changed, too: a compiler may count on them."""
    for options in ({"drop_populate": True}, {"drop_advice": True}):
        found = run("registers", PAGES, rules=[Rule(least_bytes=SIZE, **options)])
        assert found.said == ["1"]
        assert any(each.dropped for each in found.events)


def test_a_program_that_handles_its_faults_is_given_nothing_from_there_on() -> None:
    """It would not be asked for what is there already (userfaultfd)."""
    found = run("handles", PAGES, rules=[rule()])
    assert (found.said, found.end.status) == (["0"], 0)
    assert "userfaultfd" in [each.what for each in found.events]
    assert REFUSALS[tracer.lib.PF_REFUSED_HANDLES] in found.refused


def test_beyond_the_end_of_a_file_nothing_is_asked_for(tmp_path: Path) -> None:
    """There is no memory there: the advice stops at its last page."""
    file = tmp_path / "short"
    file.write_bytes(bytes(3 * PAGE - 1))
    found = run("file", PAGES, file, "private", rules=[rule()])
    event = next(each for each in found.events if each.injected)
    assert (event.advised_length, event.injected[0].errno) == (3 * PAGE, None)


@pytest.mark.parametrize(
    ("words", "options", "reason"),
    [
        (("reserve", PAGES), {"access": ""}, "PROT_NONE"),
        (("stack", PAGES), {}, "stack"),
        (("stack", PAGES), {"moment": "writable"}, "stack"),
        (("device", PAGES), {}, "device"),
        (("device", PAGES), {"moment": "advice"}, "device"),
        (("device", PAGES), {"moment": "writable"}, "device"),
        (("reserved", PAGES), {}, "not enough memory"),
    ],
)
def test_what_must_not_be_populated_is_refused(
    words: tuple[object, ...], options: dict[str, object], reason: str
) -> None:
    """Reserved address space, stacks, devices, more than there is: told, and left alone."""
    found = run(*words, rules=[rule(kinds=tuple(KINDS), **options)])
    assert set(found.said) == {"0"}
    assert any(reason in each for each in found.refused)
    assert (found.end.status, found.end.injections) == (0, 0)


def test_a_part_that_is_made_writable_later() -> None:
    """Of reserved address space just that part is populated, when it is made writable."""
    found = run("reserve", PAGES, rules=[rule(moment="writable")])
    assert found.said == [str(PAGES)]
    event = next(each for each in found.events if each.injected)
    assert (event.what, event.length) == ("mprotect", SIZE)


def test_after_its_own_advice() -> None:
    """The range that the program advised, once it has: its first page is not in it."""
    found = run("advice", PAGES, rules=[rule(moment="advice")])
    assert found.said == [str(PAGES - 1)]
    event = next(each for each in found.events if each.injected)
    assert (event.what, event.advice) == ("madvise", "MADV_NOHUGEPAGE")


def test_what_a_program_asks_for_can_be_left_out() -> None:
    """MAP_POPULATE, and advice; the program is told that it succeeded."""
    assert run("populate", PAGES).said == [str(PAGES)]
    dropped = run("populate", PAGES, rules=[Rule(least_bytes=SIZE, drop_populate=True)])
    assert (dropped.said, dropped.end.status) == (["0"], 0)
    found = run("advice", PAGES, rules=[Rule(least_bytes=SIZE - PAGE, drop_advice=True)])
    assert [each.dropped for each in found.events if each.what == "madvise"] == [True]


def test_advice_that_changes_what_memory_holds_is_never_left_out() -> None:
    """A program that relies on MADV_DONTNEED still finds zeros."""
    found = run("dontneed", PAGES, rules=[Rule(least_bytes=SIZE - PAGE, drop_advice=True)])
    assert found.said == ["0"]
    assert [each.advice for each in found.events if each.dropped] == ["MADV_SEQUENTIAL"]


def test_several_advices_in_order() -> None:
    """Each with its own error; the registers are those of the mmap afterwards."""
    advices = ["MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE", "MADV_POPULATE_READ"]
    advices += ["MLOCK_ONFAULT"] * (os.geteuid() == 0)
    found = run("anonymous", 16, rules=[rule(*advices, least_bytes=16 * PAGE, most_bytes=SIZE)])
    events = [each for each in found.events if each.length == 16 * PAGE]
    assert [each.advice for each in events[0].injected] == advices
    assert found.said == ["16"]
    assert found.end.status == 0


def test_what_the_program_may_lock_is_its_own() -> None:
    """Its mremap of locked memory, and its mlock, would fail at the limit."""
    command = ["prlimit", f"--memlock={SIZE}:{SIZE}", traced.program(), "grow", str(PAGES)]
    if os.geteuid() == 0:
        command[2:2] = ["setpriv", "--inh-caps=-ipc_lock", "--bounding-set=-ipc_lock"]
    if not all(map(shutil.which, ("prlimit", "setpriv"))):
        pytest.skip("needs prlimit and setpriv")
    ours = [rule("MLOCK_ONFAULT", kinds=ANONYMOUS, most_bytes=SIZE)]
    with Tracer(command, ours, streams=(-1, 2, 2)) as running:
        assert running.wait(PATIENCE_S)
    last = [each for each in running.events() if each.length == SIZE][-1]
    assert (last.refused, last.injected) == (REFUSALS[tracer.lib.PF_REFUSED_LOCKS], ())
    assert running.end().status == 0


def test_an_error_of_advice_is_told_and_the_program_goes_on() -> None:
    """MADV_COLLAPSE of memory that holds nothing fails, on every kernel that has it or not."""
    found = run("anonymous", 16, rules=[rule("MADV_COLLAPSE", least_bytes=16 * PAGE)])
    event = next(each for each in found.events if each.injected and each.length == 16 * PAGE)
    assert event.injected[0].errno == "EINVAL"
    assert (found.said, found.end.status) == (["0"], 0)


def test_the_sum_is_bounded() -> None:
    """By what was asked for, and by what the caller says is left, asked again when it is used."""
    bounded = run("anonymous", PAGES, 4, rules=[rule()], most_bytes=2 * SIZE)
    assert bounded.said == [str(PAGES)] * 2 + ["0"] * 2
    assert bounded.refused == ["not enough memory is free for it"] * 2
    asked: list[int] = []

    def left() -> int:
        asked.append(1)
        return SIZE if len(asked) == 1 else 0

    limited = run("anonymous", PAGES, 3, rules=[rule()], available=left)
    assert limited.said == [str(PAGES), "0", "0"]
    assert len(asked) == 3
    reserve = 1 << 60
    assert run("anonymous", PAGES, rules=[rule()], reserve_bytes=reserve).said == ["0"]


def test_a_program_that_filters_its_calls_is_given_nothing_from_there_on() -> None:
    """Its filter could kill it for what it never called."""
    found = run("filter", PAGES, rules=[rule()])
    assert (found.said, found.end.status) == ([str(PAGES), "0"], 0)
    assert REFUSALS[tracer.lib.PF_REFUSED_FILTERED] in found.refused


def test_a_child_has_what_its_parent_had() -> None:
    """Its mappings are known; and its filter, which would kill the child for advice."""
    assert run("inherits", PAGES, rules=[rule()]).said == [str(2 * PAGES)]
    found = run("inherits", PAGES, 1, rules=[rule()])
    assert (found.said, found.end.status) == ([str(PAGES)], 0)


def test_a_setuid_program_is_told(tmp_path: Path) -> None:
    """Which has none of its owner's privilege."""
    copy = tmp_path / "setuid"
    shutil.copy(traced.program(), copy)
    copy.chmod(0o4755)
    with Tracer([str(copy), "fail"], record=True) as running:
        assert running.wait(PATIENCE_S)
    executed = [each.refused for each in running.events() if each.what == "exec"]
    assert executed == [REFUSALS[tracer.lib.PF_REFUSED_SETUID]]


def test_what_is_left_is_asked_anew_after_a_while() -> None:
    """32 MiB were given: others may have taken memory meanwhile."""
    asked: list[int] = []

    def left() -> int:
        asked.append(1)
        return 1 << 40

    size = 20 << 20
    run("anonymous", size // PAGE, 3, rules=[rule(least_bytes=size)], available=left)
    assert len(asked) == 2


def test_holes_on_tmpfs_stay_holes() -> None:
    """Populated for a private mapping too, and at any moment, the file would keep the pages."""
    if not Path("/dev/shm").is_mount():
        pytest.skip("needs a tmpfs at /dev/shm")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.truncate(SIZE)
        kinds = ("file private", "file shared")
        for what, moment in (("file", "mmap"), ("late", "advice")):
            ours = rule("MADV_POPULATE_READ", access="", kinds=kinds, moment=moment)
            words = ("private",) if what == "file" else ()
            found = run(what, PAGES, file.name, *words, rules=[ours])
            assert REFUSALS[tracer.lib.PF_REFUSED_HOLES] in found.refused
            assert (found.end.injections, os.stat(file.name).st_blocks) == (0, 0)


def test_a_program_that_traces_is_ended_and_told() -> None:
    """Who is traced cannot trace: it would not be the same program."""
    found = run("trace", PAGES)
    assert (found.end.traces, found.end.status) == (True, -signal.SIGKILL)


def test_how_it_ended() -> None:
    """Exit status, signal, and processes that it left behind, which are ended."""
    assert run("fail").end.status == 9
    assert run("killed", PAGES, rules=[rule()]).end.status == -signal.SIGKILL
    for is_traced in (True, False):
        found = run("daemon", traced=is_traced)
        assert (found.end.status, found.end.left) == (0, 1)


def test_figures_of_the_program() -> None:
    """Faults and memory are the program's own."""
    plain = run("write", PAGES, 2).end
    given = run("write", PAGES, 2, rules=[rule("MADV_NOHUGEPAGE", *WRITE)]).end
    assert plain.peak_bytes > SIZE and plain.page_table_bytes
    assert given.status == 0
    untraced = run("write", PAGES, 2, traced=False).end
    assert untraced.minor_faults > 0
    assert untraced.page_table_bytes is None


def test_what_is_small_is_not_even_stopped() -> None:
    """The filter compares the length: no stop for each of a thousand mappings."""
    few = run("write", 4, 1, rules=[rule(least_bytes=1 << 40)]).end.stops
    many = run("write", 4, 1000, rules=[rule(least_bytes=1 << 40)]).end.stops
    assert many == few


def test_what_is_let_go_is_told() -> None:
    """By munmap, and by mremap that moves: another mapping may take its place."""
    found = run("write", PAGES, 2, record=True, follow=True, least_bytes=SIZE)
    gone = [(each.address, each.length) for each in found.events if each.what == "munmap"]
    made = [
        (each.address, each.length)
        for each in found.events
        if each.what == "mmap" and each.kind == "anonymous private"
    ]
    assert set(made) <= set(gone) and len(gone) >= 2
    grown = run("grow", PAGES, record=True, follow=True, least_bytes=SIZE).events
    last = next(at for at, each in enumerate(grown) if each.what == "mremap")
    old = [each.address for each in grown if each.what == "munmap" and each.length == SIZE]
    assert bool(old) == (grown[last].address != grown[last - 1 - bool(old)].address)


def test_of_too_many_events_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are counted: memory has an end."""
    monkeypatch.setattr(tracer, "_CAPACITY", 16)
    monkeypatch.setattr(tracer, "MOST_BATCHES", 2)
    found = run("write", 4, 100, record=True, least_bytes=4 * PAGE)
    assert 16 < len(found.events) <= 32
    assert found.events[0].what == "exec"
    assert len(found.events) + found.end.lost > 100


def test_looks_while_the_program_stands_still() -> None:
    """Where it maps, unmaps and ends; its memory can be read meanwhile."""
    seen: list[tuple[str, bool]] = []

    def look(event: Event) -> None:
        maps = Path(f"/proc/{event.pid}/maps").read_text()
        seen.append((event.what, "traced" in maps))

    run("write", PAGES, 2, record=True, follow=True, look=look, looks=50, least_bytes=SIZE)
    names = [name for name, _ in seen]
    assert names.count("munmap") >= 2 and names[-1] == "exit"
    assert all(readable for _, readable in seen[-5:])


def test_what_a_look_raises_comes_back_and_the_program_is_gone() -> None:
    """In the middle of everything."""

    def look(event: Event) -> None:
        raise RuntimeError(str(event.pid))

    with pytest.raises(RuntimeError) as caught:
        run("spin", PAGES, record=True, look=look, looks=1)
    assert not Path(f"/proc/{caught.value}").exists()


def test_the_program_ends_with_the_block() -> None:
    """Whatever it does then; a signal for what has ended is nothing."""
    for options in ({}, {"traced": False}):
        with Tracer([traced.program(), "spin", "1"], streams=(-1, 1, 2), **options) as running:
            assert not running.wait(0.05)
        assert not Path(f"/proc/{running.pid}").exists()
        running.signal(signal.SIGTERM)
        assert running.end().status == -signal.SIGKILL


def test_it_is_killed_in_the_middle() -> None:
    """From outside, while a hundred threads map: the tracer comes to an end."""
    rules = [rule("MADV_NOHUGEPAGE", *WRITE)]
    with Tracer([traced.program(), "threads", str(PAGES), "100"], rules) as running:
        killer = threading.Timer(0.02, lambda: os.kill(running.pid or 0, signal.SIGKILL))
        killer.start()
        assert running.wait(PATIENCE_S)
        killer.join()
    assert running.end().status in (-signal.SIGKILL, 0)


def test_other_children_of_this_process_are_not_waited_for() -> None:
    """The tracer's thread knows its own alone."""
    child = os.posix_spawn("/bin/true", ["true"], {})
    time.sleep(0.05)
    run("anonymous", 1)
    assert os.waitpid(child, 0)[0] == child


def test_programs_that_cannot_be_run() -> None:
    """Each error names the file."""
    for name, error in (("/no/such", FileNotFoundError), ("/etc/passwd", PermissionError)):
        with pytest.raises(error) as caught:
            Tracer([name])
        assert caught.value.filename == name
    with tempfile.NamedTemporaryFile("w", delete=False) as script:
        script.write("no program")
    os.chmod(script.name, 0o700)
    try:
        with Tracer([script.name]) as running:
            running.wait(PATIENCE_S)
        with pytest.raises(OSError, match="format"):
            running.end()
    finally:
        os.unlink(script.name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"advices": ("MADV_DONTNEED",)}, "may change what memory holds"),
        ({"advices": ("MADV_COLD",) * 5}, "at most 4"),
        ({"kinds": ("stack",)}, "no kind of mapping"),
        ({"moment": "noon"}, "no moment"),
        ({"access": "rq"}, "r, w and x"),
        ({"least_bytes": 0}, "above 0"),
        ({"least_bytes": 2, "most_bytes": 1}, "not above the most"),
        ({"path": "x" * 256}, "at most 255"),
        ({"path": "a\0b"}, "null byte"),
    ],
)
def test_bad_rules(options: dict[str, object], said: str) -> None:
    """One sentence each, before anything is run."""
    with pytest.raises(ValueError, match=said):
        Rule(**options)  # type: ignore[arg-type]


def test_bad_commands() -> None:
    """No command, a null byte, too many rules."""
    for command, rules, said in (
        ([], [], "is needed"),
        (["a\0b"], [], "null byte"),
        (["true"], [rule()] * 17, "at most 16"),
    ):
        with pytest.raises(ValueError, match=said):
            Tracer(command, rules)
