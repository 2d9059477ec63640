"""Build the site: ``python -m docs.extension DIRECTORY``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from docs.extension import building

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as passing:
        sys.exit(building.build(Path(passing), Path(sys.argv[1])))
