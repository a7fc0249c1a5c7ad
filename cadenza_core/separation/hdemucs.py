"""Hybrid Demucs as CAD1's first baseline used it: torchaudio's ``HDEMUCS_HIGH_MUSDB``.

The model is torchaudio's own ``models/_hdemucs.py``, loaded from that file alone. The file is pure Python on top of
torch, while ``import torchaudio`` also loads a compiled library, which fails where PyPI's CUDA build of torchaudio meets a
CPU-only torch. So the official baseline runs, with the official code, on both kinds of machine.

The weights are ``hdemucs_high_musdbhq_only.pt``. Its neighbour ``hdemucs_high_trained.pt`` is ``HDEMUCS_HIGH_MUSDB_PLUS``,
trained on MUSDB18-HQ's test set as well: not this system, and not allowed in CAD1.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress
from ..settings import Settings
from .base import SystemInfo, register
from .checkpoints import load_state, read_state
from .neural import Identity, NeuralSeparator
from .official import decompose_signal
from .weights import WeightFile

if TYPE_CHECKING:
    import torch

__all__ = ["INFO", "HDemucsBaseline"]

_SOURCES = ("drums", "bass", "other", "vocals")

INFO = SystemInfo(
    id="hdemucs_high_musdb",
    title="Hybrid Demucs (CAD1 baseline)",
    licence="MIT (Demucs, where it was trained; torchaudio states none of its own for it)",
    trained_on="MUSDB18-HQ, training set only",
    cad1_closed=True,
    size_mb=334.7,
    source="Défossez 2021, arXiv:2111.03600; torchaudio.pipelines.HDEMUCS_HIGH_MUSDB; CAD1 task 1 baseline 'demucs'",
    stems=_SOURCES,
    note="The official CAD1 baseline, with its segments and fades: a song of up to 11 s ends faded out.",
)

_FILE = WeightFile(
    name="hdemucs_high_musdbhq_only.pt",
    url="https://download.pytorch.org/torchaudio/models/hdemucs_high_musdbhq_only.pt",
    size=334_700_000,  # its publisher gives neither size nor digest: the size of the same state saved anew
    cached_as="torchaudio/models/hdemucs_high_musdbhq_only.pt",
)


class HDemucsBaseline(NeuralSeparator):
    """The official system; see the module's description."""

    packages = ("torch", "torchaudio")

    def __init__(self, settings: Settings) -> None:
        super().__init__(INFO, (_FILE,), settings)

    def parameters(self) -> Identity:
        """The recipe's segments and fades, standardised input."""
        return {"overlap_add": "cad1 recipe", "normalise": True}

    def package_fault(self) -> str | None:
        """Say that torchaudio's model file is not there; None if it is."""
        return super().package_fault() or (None if _source().is_file() else f"torchaudio has no {_source()}.")

    def build(self, paths: Sequence[Path]) -> Any:
        """Make the model from its file."""
        model = _network()
        load_state(model, read_state(paths[0]), paths[0])
        return model.eval()

    def run(self, model: Any, samples: np.ndarray, device: "torch.device", progress: Progress) -> np.ndarray:
        """Separate as the recipe does."""
        model.to(device)
        rate, stems = self.info.rate, len(self.info.stems)
        return decompose_signal(model, samples, stems, rate=rate, normalise=True, device=device, progress=progress)

    def regression_output(self, signal: np.ndarray, progress: Progress) -> np.ndarray:
        """Give what pyclarity's regression test computes: (stems, 2, n) for (1, 2, n), in double precision on the CPU."""
        model = self.build(self.paths(progress)).double()
        stems = len(self.info.stems)
        return decompose_signal(model, signal, stems, rate=self.info.rate, normalise=True, progress=progress)


def _source() -> Path:
    spec = importlib.util.find_spec("torchaudio")  # finds the folder, runs nothing
    folder = (spec.submodule_search_locations or [""])[0] if spec else ""
    return Path(folder) / "models" / "_hdemucs.py"


def _network() -> Any:
    return _module().hdemucs_high(sources=list(_SOURCES))


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cadenza_core._torchaudio_hdemucs", _source())
    if spec is None or spec.loader is None:
        raise CadenzaError(f"{_source()} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (OSError, ImportError) as error:
        raise CadenzaError(
            f"{_source()} cannot be loaded alone: {error}. Use torchaudio 2.11 or a neighbour."
        ) from error
    return module


register(INFO, HDemucsBaseline)
