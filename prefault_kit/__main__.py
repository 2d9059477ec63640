"""``python -m prefault_kit``: the command line without its installed name."""

import sys

from prefault_kit.cli import main

if __name__ == "__main__":
    sys.exit(main())
