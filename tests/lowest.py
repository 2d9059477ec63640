"""Print constraints that pin each dependency to the lowest version that pyproject.toml promises."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def lowest() -> list[str]:
    """``name==version`` of every dependency with a lower bound, extras included."""
    extras = PROJECT["optional-dependencies"].values()
    every = [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]
    bounds = (re.fullmatch(r"([\w-]+)>=([\d.]+)", each) for each in every)
    return sorted({f"{bound[1]}=={bound[2]}" for bound in bounds if bound})


if __name__ == "__main__":
    print("\n".join(lowest()))
