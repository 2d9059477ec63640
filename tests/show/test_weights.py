"""prefault_kit.show.weights: tables, pictures and sentences that the data gives."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from prefault_kit.host import Unavailable
from prefault_kit.show import weights
from prefault_kit.studies.weights import OVER_LIMIT, USED, Found, Load, Plan, Repetition, compare
from prefault_kit.studies.weights.loaders import LOADERS
from prefault_kit.studies.weights.ways import AT_ONCE, LAZY, O_DIRECT, PREPARED
from tests.studies.weights import made


def run(plan: Plan | None = None, **loads: float | None) -> Found:
    """Ways by the names that Python allows: lazy, once, direct, prepared."""
    names = {"lazy": LAZY, "once": AT_ONCE, "direct": O_DIRECT, "prepared": PREPARED}
    found = made.found(plan, **loads)
    return replace(found, entries={names[name]: each for name, each in found.entries.items()})


def cells(table: object, way: str) -> list[str]:
    line = next(line for line in repr(table).splitlines() if line.startswith(f"| {way} |"))
    return line.strip("| ").split(" | ")


def test_times_have_the_ratio_to_a_lazy_mapping() -> None:
    """Best and median of both times; who was killed has none."""
    found = run(lazy=8.0, once=4.0, prepared=None)
    assert cells(weights.times(found), AT_ONCE)[3:6] == ["4.00 ms", "4.00 ms", "0.50"]
    assert cells(weights.times(found), PREPARED)[1] == "killed (SIGKILL)"


def test_what_is_held_is_a_part_of_what_is_used() -> None:
    """All, none, or per cent; more than all is all."""
    size = made.SIZE
    load = Load(rss=size, anonymous=0, cached=2 * size, last_ms=1.0)
    own = Load(rss=size, anonymous=size // 4, cached=0, last_ms=1.0)
    found = Found(
        Plan(),
        {LAZY: (Repetition(load, load),), O_DIRECT: (Repetition(own, own),)},
        size,
        size,
    )
    assert cells(weights.holding(found), LAZY)[1:] == ["all", "none", "all", "none"]
    assert cells(weights.holding(found), O_DIRECT)[1:] == ["75%", "25%", "none", "25%"]
    unknown = Repetition(replace(load, cached=None), None)
    found = replace(found, entries={LAZY: (unknown,)})
    assert "|  |  |" in repr(weights.holding(found))


def test_where_memory_is_short() -> None:
    """Whether what was populated was still there; a lazy mapping was not populated."""
    short = Load(last_ms=1.0, use_major=3, again_major=2)
    kept = Load(last_ms=1.0)
    found = Found(Plan(), {LAZY: (Repetition(short),), AT_ONCE: (Repetition(short),)}, 1, 1)
    assert cells(weights.limited(found), AT_ONCE)[1:] == ["well", "yes", "yes"]
    assert cells(weights.limited(found), LAZY)[1:] == ["well", "", "yes"]
    found = replace(found, entries={AT_ONCE: (Repetition(kept),)})
    assert cells(weights.limited(found), AT_ONCE)[1:] == ["well", "no", "no"]
    dead = replace(found, entries={PREPARED: (Repetition(Load(ended="ENOMEM")),)})
    assert "error ENOMEM" in repr(weights.limited(dead))


@pytest.mark.parametrize("show", [weights.times, weights.holding, weights.limited, weights.winner])
def test_what_cannot_be_had_is_told(show: object) -> None:
    """As in every table of a notebook."""
    found = Found(Plan(), missing=Unavailable("no cgroup", "make one"))
    assert repr(show(found)).strip("'").startswith("not testable here: no cgroup")


def test_who_wins_in_a_sentence() -> None:
    """With its time and its share, who is as fast, and who did not come to an end."""
    text = weights.winner(run(lazy=8.0, once=4.0, direct=4.2, prepared=None))
    assert text == (
        f"cold: to the last byte {AT_ONCE} is the fastest (4.00 ms), 0.50 of lazy mmap's time; "
        f"within 10% of it {O_DIRECT}; did not end well: {PREPARED}."
    )
    assert "no way came to its end" in weights.winner(run(lazy=None))
    text = weights.winner(run(lazy=8.0, direct=None, prepared=None))
    assert text.endswith(f"did not end well: {O_DIRECT} / {PREPARED}.")  # names have commas


def along(*points: tuple[float, float | None, float | None]) -> list[Found]:
    return [
        run(Plan(size_bytes=made.SIZE, used=used), lazy=one, once=other)
        for used, one, other in points
    ]


def test_a_crossing_in_a_sentence() -> None:
    """Which side is whose, in the words of its axis; or that there is none."""
    found = compare(along((0.25, 5, 10), (1, 20, 10)), LAZY, AT_ONCE, USED)
    assert weights.crossing(found) == (
        f"Up to 0.5 of the tensors {LAZY} is faster, beyond it {AT_ONCE}."
    )
    found = compare(along((0.25, 5, 10), (1, 5, 10)), LAZY, AT_ONCE, USED)
    assert weights.crossing(found) == (
        f"{LAZY} is faster than {AT_ONCE} all along, 0.25 of the tensors to 1 of the tensors."
    )
    found = compare(along((0.25, 5, 10), (0.5, 20, 10), (1, 5, 10)), LAZY, AT_ONCE, USED)
    assert "more than once" in weights.crossing(found)
    found = compare(along((0.25, 10, 10), (1, 10, 10)), LAZY, AT_ONCE, USED)
    assert "as fast as each other" in weights.crossing(found)
    limits = [
        run(Plan(size_bytes=made.SIZE, limit_bytes=made.SIZE // over), lazy=5.0, once=other)
        for over, other in ((1, 2.0), (4, None))
    ]
    found = compare(limits, LAZY, AT_ONCE, OVER_LIMIT)
    assert weights.crossing(found) == (
        f"Up to 4 times the memory {AT_ONCE} is faster, beyond it {LAZY}."
    )


def test_pictures_are_drawn_and_say_what_they_show() -> None:
    """PNGs, also with a way that was killed and one that has no time at a point."""
    runs = [run(lazy=8.0, once=4.0, prepared=None), run(Plan(start="warm"), lazy=1.0, once=2.0)]
    picture = weights.picture(runs)
    assert repr(picture).splitlines() == [weights.winner(each) for each in runs]
    lines = compare(along((0.25, 5, 10), (1, None, 10)), LAZY, AT_ONCE, USED)
    crossings = weights.crossings([lines], [lines])
    assert repr(crossings).splitlines() == [weights.crossing(lines)] * 2
    for each in (picture, crossings):
        assert Image.open(io.BytesIO(each._repr_png_())).width == 1100


def test_loaders_have_their_sources() -> None:
    """A row each, with a link."""
    assert repr(weights.loaders()).count("](https://github.com/") == len(LOADERS)


def test_what_it_was_recorded_on() -> None:
    """Kernel, processors, the file."""
    assert weights.about([run(lazy=1.0)]).startswith("Linux 6.18, None, 2 CPUs; a file of 16 MiB")
