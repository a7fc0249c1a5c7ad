"""How HAAQI's kernels are compiled, and where they are kept.

Numba keeps what it has compiled on disk and writes each file under a temporary name first, so that several processes may
compile at once. It looks at the time of a function's own file alone, but a kernel here holds code of other files; so the
folder is named after the content of all of them. It is in ``__pycache__`` beside the source, or where that cannot be
written to in ``cache/numba`` below `CADENZA_HOME`; `NUMBA_CACHE_DIR` goes first. Without any such folder, kernels are
compiled anew in each process.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
from llvmlite import binding
from numba import njit
from numba.core import config as _config

from ..errors import CadenzaError
from ..settings import Settings

__all__ = ["compiling", "is_compiled", "kernel", "strict_kernel"]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path | None:
    """Find a folder for compiled code."""
    here = Path(__file__).parent
    content = hashlib.sha256()
    for source in sorted(here.glob("haaqi*.py")):
        content.update(source.read_bytes())
    name = f"haaqi-{content.hexdigest()[:16]}"
    wanted = os.environ.get("NUMBA_CACHE_DIR")
    choices = [Path(wanted)] if wanted else []
    choices.append(here / "__pycache__")
    with contextlib.suppress(CadenzaError):  # a faulty config.toml is told of where it is needed
        choices.append(Settings.load().home / "cache" / "numba")
    return next((folder / name for folder in choices if _writable(folder / name)), None)


_FOLDER = _cache_folder()


def _mark() -> Path | None:
    """Give the file that is there once all kernels are compiled for this processor by this version of Numba."""
    return None if _FOLDER is None else _FOLDER / f"compiled-{binding.get_host_cpu_name()}-{version('numba')}"


def is_compiled() -> bool:
    """Say whether all kernels are on the disk."""
    mark = _mark()
    return mark is not None and mark.is_file()


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Let one process after the other compile all kernels, until one has: the others then load what it has compiled.

    Numba lets several compile the same at once, which takes each of them a minute.
    """
    mark = _mark()
    if mark is None or mark.is_file():
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a file system without locks: they compile at once
            stack.enter_context(filelock.FileLock(mark.with_suffix(".lock")))
        yield
        with contextlib.suppress(OSError):
            mark.touch()


def _compile(function: Callable, **options: Any) -> Any:
    config: Any = _config  # without types
    before = config.CACHE_DIR
    try:
        # a dispatcher asks for the folder when it is made
        config.CACHE_DIR = str(_FOLDER or "")
        return njit(cache=_FOLDER is not None, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before


def kernel(function: Callable) -> Any:
    """Compile when first called: without the interpreter's lock, kept on disk, ``a * b + c`` rounded once."""
    return _compile(function, fastmath={"contract"})


def strict_kernel(function: Callable) -> Any:
    """Compile as `kernel` does, but rounded as NumPy rounds."""
    return _compile(function)
