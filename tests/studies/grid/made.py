"""Results made by hand."""

from typing import Any

from prefault_kit.measure.result import Result


def result(method: str = "Write", backing: str = "anon", **known: Any) -> Result:
    """A cell of 2 MiB of private memory that went well."""
    cell: dict[str, Any] = {
        "page_size_bytes": 4096,
        "sharing": "private",
        "size_bytes": 2 << 20,
        "start": "empty",
        "threads": 1,
        "repeats": 1,
        "outcome": "ok",
    }
    return Result(backing=backing, method=method, **(cell | known))
