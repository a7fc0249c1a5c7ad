"""Import packages that import torchaudio without needing it, where torchaudio itself does not import.

PyPI's CUDA build of torchaudio on a CPU-only torch raises OSError. openunmix wants it to resample, transformers to read
sound files; the studio does both itself. So an empty stand-in takes its place while they are imported; any use is an error.
"""

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["import_without_torchaudio"]

_IMPORTING = threading.Lock()


class _Absent(ModuleType):
    """Stands in for torchaudio."""

    def __init__(self) -> None:
        super().__init__("torchaudio")
        self.__spec__ = ModuleSpec("torchaudio", None)  # transformers looks for it

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"torchaudio.{name} was asked for, but torchaudio cannot be imported on this machine. Resample with "
            "cadenza_core.audio.resample, read with cadenza_core.audio.read_audio instead."
        )


@contextmanager
def _torchaudio_or_stand_in() -> Iterator[None]:
    try:
        importlib.import_module("torchaudio")
    except (OSError, ImportError, RuntimeError):  # RuntimeError: built for another CUDA version than torch
        sys.modules["torchaudio"] = _Absent()
        try:
            yield
        finally:
            del sys.modules["torchaudio"]
    else:
        yield


def import_without_torchaudio(name: str) -> ModuleType:
    """Import the module `name`, also where torchaudio does not import.

    Raises
    ------
    ImportError
        If the module itself cannot be imported.
    """
    with _IMPORTING:
        if name in sys.modules:
            return sys.modules[name]
        with _torchaudio_or_stand_in():
            return importlib.import_module(name)
