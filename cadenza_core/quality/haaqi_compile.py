"""How HAAQI's kernels are compiled, and where they are kept.

Numba keeps what it has compiled beside the source, in ``__pycache__``, and writes each file under a temporary name first,
so that several processes may compile at once. Where the package cannot be written to, they are kept in
``cache/numba`` below `CADENZA_HOME`; `NUMBA_CACHE_DIR` is respected. Without any such folder they are compiled anew in
each process.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import config

from ..settings import Settings

__all__ = ["kernel", "strict_kernel"]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _can_cache() -> bool:
    """Find a folder for compiled code; tell Numba of it if it is not Numba's own choice."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return _writable(Path(os.environ["NUMBA_CACHE_DIR"]))
    if _writable(Path(__file__).parent / "__pycache__"):
        return True
    folder = Settings.load().home / "cache" / "numba"
    if not _writable(folder):
        return False
    vars(config)["CACHE_DIR"] = str(folder)
    return True


_CACHE = _can_cache()


def kernel(function: Callable) -> Any:
    """Compile when first called: without the interpreter's lock, kept on disk, ``a * b + c`` rounded once."""
    return njit(cache=_CACHE, nogil=True, fastmath={"contract"})(function)


def strict_kernel(function: Callable) -> Any:
    """Compile as `kernel` does, but rounded as NumPy rounds."""
    return njit(cache=_CACHE, nogil=True)(function)
