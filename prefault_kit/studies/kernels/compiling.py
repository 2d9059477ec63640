"""The kit's C for a guest whose processor is not this host's: compiled by a guest, once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import prefault_kit
from prefault_kit.studies.kernels.cache import Cache, CacheError
from prefault_kit.studies.kernels.guest import COMPILED, PLACE, Guest

SOURCES = ("*.c", "*.h", "build.py")
SCRIPT = f"""cd /job/{PLACE}
rm -f *.so
python3 -c "
from build import ffibuilder
ffibuilder.emit_c_code('_prefault.c')" >/result/said 2>&1 || exit 1
gcc -shared -fPIC -std=gnu11 -O2 -I. -I$(echo /usr/include/python3.*) \\
    *.c -lpthread -o /result/{COMPILED} >>/result/said 2>&1
"""


class CompilingError(CacheError):
    """A kernel on which the C cannot be compiled: one sentence with what was said."""


def compiled(cache: Cache, guest: Guest, root: Path) -> Path | None:
    """The C as a library in the cache; None where what this host has will do."""
    if guest.architecture.is_here:
        return None
    kept = cache.place / f"{guest.architecture.name}-{_digest()}.so"
    if not kept.exists():
        outcome = guest.run(root, SCRIPT)
        library = outcome.files.get(COMPILED)
        if outcome.status != 0 or library is None:
            said = outcome.files.get("said", b"").decode(errors="replace").strip()
            why = said[-300:] or " | ".join(outcome.tail)
            raise CompilingError(f"a guest could not compile the kit's C: {why}")
        part = kept.with_suffix(".part-so")
        part.write_bytes(library)
        part.rename(kept)
    return kept


def _digest() -> str:
    """Of what is compiled."""
    native = Path(prefault_kit.__file__).parents[1] / PLACE
    text = b"".join(path.read_bytes() for each in SOURCES for path in sorted(native.glob(each)))
    return hashlib.sha256(text).hexdigest()[:16]
