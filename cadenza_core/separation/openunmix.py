"""Open-Unmix through the `openunmix` package: `umxhq` (CAD1's second baseline), `umxl`, `umx`.

The package imports torchaudio when it is imported, and needs it only to resample, which the studio does itself (soxr).
Where torchaudio does not import, :func:`import_openunmix` does without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
from .official import decompose_signal, overlap_add, smooth_plan
from .torchaudio_absent import import_without_torchaudio
from .weights import WeightFile

if TYPE_CHECKING:
    import torch

__all__ = ["SYSTEMS", "Unmix", "UnmixSeparator", "import_openunmix"]

_TARGETS = ("vocals", "drums", "bass", "other")
#: Entries of published files that the current class no longer has.
_SURPLUS = frozenset({"sample_rate", "stft.window", "transform.0.window"})


def import_openunmix() -> ModuleType:
    """Import ``openunmix.model``, also where torchaudio does not import.

    Raises
    ------
    CadenzaError
        If openunmix is not installed.
    """
    try:
        return import_without_torchaudio("openunmix.model")
    except ImportError as error:
        raise CadenzaError(f"The package openunmix cannot be imported: {error}.") from error


@dataclass(frozen=True)
class Unmix:
    """How an Open-Unmix separator is put together.

    Parameters
    ----------
    targets : tuple of str
        One network each, in this order.
    files : tuple of WeightFile
        In the same order.
    hidden_size : tuple of int
        Width of each network.
    n_fft, n_hop : int
        STFT, samples.
    rate : int
        Sample rate, Hz.
    niter : int >= 0
        Iterations of the Wiener filter (expectation maximisation).
    recipe : bool
        Cut and blend as CAD1's baseline does; else with `segment` and `fade`.
    segment, fade : float
        Seconds. The package would take the whole song at once, in several GB.
    """

    targets: tuple[str, ...]
    files: tuple[WeightFile, ...]
    hidden_size: tuple[int, ...]
    n_fft: int = 4096
    n_hop: int = 1024
    rate: int = 44100
    niter: int = 1
    recipe: bool = False
    segment: float = 30.0
    fade: float = 3.0

    @property
    def residual(self) -> bool:
        """One target alone: the rest of the mixture becomes a stem of its own (the filter needs two)."""
        return len(self.targets) == 1

    @property
    def stems(self) -> tuple[str, ...]:
        """What it gives, in its own order."""
        return (*self.targets, "residual") if self.residual else self.targets


class UnmixSeparator(NeuralSeparator):
    """Open-Unmix; see :class:`Unmix`."""

    packages = ("torch", "openunmix")

    def __init__(self, info: SystemInfo, spec: Unmix, settings: Settings) -> None:
        super().__init__(info, spec.files, settings)
        self.spec = spec

    def parameters(self) -> Identity:
        """The filter, and how a song is cut and blended."""
        spec = self.spec
        how = "cad1 recipe" if spec.recipe else f"{spec.segment} s, fades of {spec.fade} s"
        return {"niter": spec.niter, "wiener_win_len": 300, "overlap_add": how, "normalise": False}

    def build(self, paths: Sequence[Path]) -> Any:
        """Load the networks into the package's separator."""
        return self._build(paths, self.spec.niter)

    def _build(self, paths: Sequence[Path], niter: int) -> Any:
        model = import_openunmix()
        spec, networks = self.spec, {}
        for target, width, path in zip(spec.targets, spec.hidden_size, paths, strict=True):
            state = read_state(path)
            max_bin = len(state["input_mean"]) if "input_mean" in state else None
            bins = spec.n_fft // 2 + 1
            networks[target] = model.OpenUnmix(nb_bins=bins, nb_channels=2, hidden_size=width, max_bin=max_bin)
            load_state(networks[target], state, path, surplus=_SURPLUS)
        separator = model.Separator(
            networks, niter=niter, residual=spec.residual, sample_rate=spec.rate, n_fft=spec.n_fft, n_hop=spec.n_hop
        )
        separator.freeze()
        return separator

    def run(self, model: Any, samples: np.ndarray, device: "torch.device", progress: Progress) -> np.ndarray:
        """Separate segment by segment; the input is not standardised."""
        model.to(device)
        forward, stems, rate = partial(self._forward, model), len(self.info.stems), self.spec.rate
        if self.spec.recipe:
            return decompose_signal(
                forward, samples, stems, rate=rate, normalise=False, device=device, progress=progress
            )
        plan = smooth_plan(samples.shape[-1], round(self.spec.segment * rate), round(self.spec.fade * rate))
        return overlap_add(forward, samples, plan, stems, device=device, progress=progress)

    def _forward(self, model: Any, chunk: "torch.Tensor") -> "torch.Tensor":
        """Apply the separator; what is shorter than one STFT frame is padded with zeros for it."""
        import torch

        length = chunk.shape[-1]
        padded = torch.nn.functional.pad(chunk, (0, max(0, self.spec.n_fft - length)))
        out: torch.Tensor = model(padded)
        return out[..., :length]

    def regression_output(self, signal: np.ndarray, progress: Progress) -> np.ndarray:
        """Give what pyclarity's regression test computes: (stems, 2, n) for (1, 2, n), in double precision on the CPU.

        The test loads `umxhq` with its default of one filter iteration, and standardises: both unlike the baseline.
        """
        model = self._build(self.paths(progress), niter=1).double()
        forward, stems = partial(self._forward, model), len(self.info.stems)
        return decompose_signal(forward, signal, stems, rate=self.spec.rate, normalise=True, progress=progress)


def _files(record: int, digests: str, size: int) -> tuple[WeightFile, ...]:
    """Describe the files of a Zenodo record: ``<target>-<first 8 digits of its SHA-256>.pth``."""
    names = [(f"{target}-{digest[:8]}.pth", digest) for target, digest in zip(_TARGETS, digests.split(), strict=True)]
    url = f"https://zenodo.org/records/{record}/files"
    return tuple(WeightFile(name, f"{url}/{name}", digest, size, f"checkpoints/{name}") for name, digest in names)


# Full digests are given where independent parties agree on them; else the publisher's 8 digits, which are in the name.
_UMXHQ = """
    b62c91cedbc7a066f1778ead5b5cecb377aa3a46a31af1cce7c5c8769339d083
    9619578f885c54737cb0234f9f9a4a679ee4f31438fd77fd1dbe02bb16c2da0a
    8d85a5bd3f996a8867fca0e8442e077e5a3f5ec747a6112742452a8f347b39c8
    b52fbbf76479e752bd72e02304c602ac7802aa5bfbfb9cd12054b2695d5093ab
"""
#: The published separators.
SYSTEMS = {
    "umxhq": Unmix(_TARGETS, _files(3370489, _UMXHQ, 35_637_796), (512,) * 4, niter=0, recipe=True),
    "umxl": Unmix(_TARGETS, _files(5069601, "bccbd9aa 69e0ebd4 2ca1ce51 c8c5b3e6", 113_101_000), (1024,) * 4),
    "umx": Unmix(_TARGETS, _files(3370486, "c8df74a5 5a48008b 646024d3 f8e132cc", 35_638_000), (512,) * 4),
}

_PAPER = "Stöter, Uhlich, Liutkus & Mitsufuji 2019, Open-Unmix, JOSS 4(41), 1667"
_FACTS = (
    SystemInfo(
        "umxhq", "Open-Unmix UMX-HQ (CAD1 baseline)", "MIT", "MUSDB18-HQ, training set only", True, 142.6,
        f"{_PAPER}; Zenodo 3370489; CAD1 task 1 baseline 'openunmix'", stems=_TARGETS,
        note="The official CAD1 baseline (niter=0), with its segments and fades: a song of up to 11 s ends faded out.",
    ),
    SystemInfo(
        "umxl", "Open-Unmix UMX-L", "CC BY-NC-SA 4.0 (weights): no commercial use",
        "a private set of compressed stems, about 400 h", False, 452.4, f"{_PAPER}; Zenodo 5069601", stems=_TARGETS,
        note="Its training data go beyond what CAD1's rules allow.",
    ),
    SystemInfo(
        "umx", "Open-Unmix UMX", "MIT", "MUSDB18 (AAC, up to 16 kHz), training set only", False, 142.6,
        f"{_PAPER}; Zenodo 3370486", stems=_TARGETS,
        note="For comparison with older work. CAD1's rules name MUSDB18-HQ, not MUSDB18: ask before you submit.",
    ),
)  # fmt: skip

for _system in _FACTS:
    register(_system, partial(UnmixSeparator, _system, SYSTEMS[_system.id]))
