"""The explorer's form: the cell as typed, what each control offers, what this host cannot run.

Two rules narrow the offer. What makes no sense for the chosen memory is left out (FALLOCATE of a
private mapping). What makes sense but cannot run on this host stays, with the reason and the
command that enables it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from prefault_kit.host import Unavailable
from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.experiment import STARTS, Experiment
from prefault_kit.memory.backing import KINDS, Backing
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.methods import METHODS
from prefault_kit.memory.sizes import format_bytes, parse_bytes
from prefault_kit.screens.options import Option, Problem

SYSTEM_PAGE = format_bytes(PAGE_SIZE_BYTES)


@dataclass(frozen=True)
class CellForm:
    """A cell as typed into the controls: ``page_size`` and ``size`` are texts such as ``2 MiB``."""

    backing: str = "anon"
    page_size: str = SYSTEM_PAGE
    sharing: str = "private"
    method: str = "POPULATE_READ"
    start: str = "empty"
    size: str = "2 MiB"
    repeats: int = 10
    directory: str = ""
    """Empty: found among the mounts (tmpfs, hugetlbfs), or the current directory (file)."""
    follow_up: bool = True

    def memory(self) -> Backing:
        """The backing; ValueError if it has no pages of this size."""
        if self.backing in ("anon", "memfd"):
            return Backing.of(self.backing, page_size=parse_bytes(self.page_size))
        return Backing.of(self.backing, directory=self.directory or None)

    def experiment(self) -> Experiment:
        """The cell; ValueError in one sentence when the form describes none."""
        return Experiment(
            backing=self.memory(),
            sharing=self.sharing,
            method=self.method,
            size_bytes=parse_bytes(self.size),
            start=self.start,
            repeats=self.repeats,
            follow_up=self.follow_up,
        )

    def problem(self) -> Problem | None:
        """What stops this cell here, or None."""
        try:
            cell = self.experiment()
        except ValueError as error:
            return Problem(str(error))
        return Problem.of(cell.why_not())

    # What each control offers

    def page_sizes(self) -> tuple[str, ...]:
        """The page sizes that the backing comes in, smallest first."""
        if self.backing in ("anon", "memfd"):
            sizes = [PAGE_SIZE_BYTES, *hugepages.pools()]
        else:
            sizes = [self.memory().page_size_bytes]
        return tuple(format_bytes(size) for size in sizes)

    def method_names(self) -> tuple[str, ...]:
        """The methods that make sense for the chosen memory, published ones first."""
        plain = replace(self, start="empty")
        return tuple(name for name in METHODS if replace(plain, method=name)._makes_sense())

    def starts(self) -> tuple[str, ...]:
        """The start states that make sense for the chosen memory."""
        plain = replace(self, method="Read")
        return tuple(start for start in STARTS if replace(plain, start=start)._makes_sense())

    def settled(self) -> CellForm:
        """The same form, with every value that is no longer on offer replaced by one that is."""
        form = self
        if form.page_size not in form.page_sizes():
            form = replace(form, page_size=form.page_sizes()[0])
        names = form.method_names()
        if form.method not in names:
            plain = form.method.removeprefix("FALLOCATE").removeprefix("+")
            form = replace(form, method=plain if plain in names else "POPULATE_READ")
        if form.start not in form.starts():
            form = replace(form, start="empty")
        return form

    def offer(self) -> dict[str, tuple[Option, ...]]:
        """Every control's options, by the control's name.

        Each is judged at the size of one page, so that an option is refused only if this host can
        run none of it.
        """
        usual = replace(self, start="empty", method="Read")
        here = usual._refused()
        return {
            "backing": tuple(_option(kind, usual._of(kind)) for kind in KINDS),
            "page_size": tuple(
                _option(size, replace(usual, page_size=size)) for size in self.page_sizes()
            ),
            "sharing": tuple(Option(sharing) for sharing in SHARINGS),
            "method": tuple(
                # memory that cannot be had is one problem, not one for each method
                Option(name) if here else _option(name, replace(usual, method=name))
                for name in self.method_names()
            ),
            "start": tuple(
                Option(start) if here else _option(start, replace(usual, start=start))
                for start in self.starts()
            ),
        }

    def _of(self, kind: str) -> CellForm:
        """The same with another backing; a directory is for the present backing only."""
        directory = self.directory if kind == self.backing else ""
        return replace(self, backing=kind, directory=directory).settled()

    def _page(self) -> Experiment:
        """The same cell at the size of one page, a huge one if the method is about those;
        ValueError if it makes no sense."""
        memory = self.memory()
        size_bytes = memory.page_size_bytes
        if METHODS[self.method].thp is not False:
            size_bytes = max(size_bytes, hugepages.default_size_bytes() or 0)
        return Experiment(
            backing=memory,
            sharing=self.sharing,
            method=self.method,
            size_bytes=size_bytes,
            start=self.start,
        )

    def _makes_sense(self) -> bool:
        try:
            self._page()
        except ValueError:
            return False
        return True

    def _refused(self) -> Unavailable | None:
        """What stops one page of this cell on this host, or None."""
        return self._page().why_not()


def _option(value: str, form: CellForm) -> Option:
    return Option.of(value, form._refused())
