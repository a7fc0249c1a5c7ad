"""The Demucs family through the `demucs` package: its architectures, its way to cut and blend, its published weights.

The published models are "bags": one or several networks whose outputs are averaged with weights per source. Weights are
found and read by this package (:mod:`.weights`, :mod:`.checkpoints`), never by ``demucs.pretrained``, which downloads by
itself and unpickles without restriction. The input is standardised as ``demucs.api.Separator`` does it. The "shift trick"
is off (``shifts=0``): it draws random numbers, and the same song shall give the same stems.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress
from ..settings import Settings
from .base import SystemInfo, register
from .checkpoints import demucs_bag, demucs_model
from .neural import FLOOR, Identity, NeuralSeparator
from .weights import HubFile, WeightFile

if TYPE_CHECKING:
    import torch

__all__ = ["BAGS", "Bag", "DemucsSeparator"]

_SOURCES = ("drums", "bass", "other", "vocals")


@dataclass(frozen=True)
class Bag:
    """A published bag or a user's: its files in order, one row of weights per file, a segment length in seconds."""

    files: tuple[WeightFile, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    segment: float | None = None


class DemucsSeparator(NeuralSeparator):
    """A bag of Demucs models.

    Parameters
    ----------
    info : SystemInfo
    bag : Bag
    settings : Settings
    segment : float > 0, optional
        Segment length in seconds instead of the models' own: shorter needs less memory and may cost quality.
    overlap : float, 0 <= overlap < 1
        Share of a segment that overlaps the next one.
    """

    packages = ("torch", "demucs")

    def __init__(
        self, info: SystemInfo, bag: Bag, settings: Settings, *, segment: float | None = None, overlap: float = 0.25
    ) -> None:
        if not 0 <= overlap < 1 or (segment is not None and not 0 < segment < math.inf):
            raise CadenzaError(
                f"segment={segment}, overlap={overlap}: a segment must be longer than 0 s and an overlap from 0 to below 1."
            )
        super().__init__(info, bag.files, settings)
        self.bag = bag
        self.segment = segment
        self.overlap = overlap

    def parameters(self) -> Identity:
        """How the models are put together and applied."""
        own = self.segment or self.bag.segment
        bag = "" if self.bag.weights is None else json.dumps(self.bag.weights)
        return {"bag": bag, "segment": own or "the model's", "overlap": self.overlap, "shifts": 0}

    def build(self, paths: Sequence[Path]) -> Any:
        """Load the networks into a bag."""
        bag = demucs_bag([demucs_model(path) for path in paths], self.bag.weights, self.bag.segment)
        if tuple(bag.sources) != self.info.stems:
            raise CadenzaError(
                f"{paths[0]} gives {', '.join(bag.sources)}; {', '.join(self.info.stems)} were expected."
            )
        if self.segment and self.segment > bag.max_allowed_segment:
            raise CadenzaError(f"{self.info.title} takes segments of up to {float(bag.max_allowed_segment):.1f} s.")
        return bag

    def run(self, model: Any, samples: np.ndarray, device: "torch.device", progress: Progress) -> np.ndarray:
        """Standardise, apply the bag, undo the standardisation: ``demucs.api.Separator.separate_tensor``."""
        import torch

        wav = torch.from_numpy(np.require(samples, requirements="W"))
        ref = wav.mean(0)
        std = ref.std() + FLOOR if len(ref) > 1 else torch.tensor(FLOOR)
        mix = (wav - ref.mean()).div_(std)[None]
        out = self._apply(model, mix, device, progress)[0]
        return out.mul_(std).add_(ref.mean()).numpy()

    def _apply(self, bag: Any, mix: "torch.Tensor", device: "torch.device", progress: Progress) -> "torch.Tensor":
        """Do what ``demucs.apply.apply_model`` does for a bag, with one model's output and one sum in memory."""
        from demucs.apply import apply_model

        total: torch.Tensor | None = None
        for i, (network, weights) in enumerate(zip(bag.models, bag.weights, strict=True)):
            show = partial(_show, progress, i, len(bag.models), mix.shape[-1])
            try:
                out = apply_model(
                    network, mix, shifts=0, overlap=self.overlap, segment=self.segment, device=device, callback=show
                )
            finally:
                network.to("cpu")  # a bag may not fit on a GPU all at once
            for source, weight in enumerate(weights):
                out[:, source] *= weight
            total = out if total is None else total.add_(out)
            del out
        assert total is not None
        for source, column in enumerate(zip(*bag.weights, strict=True)):
            total[:, source] /= sum(column)
        return total


def _show(progress: Progress, index: int, count: int, length: int, event: dict[str, Any]) -> None:
    """Turn a callback of ``apply_model`` (before and after each segment) into progress."""
    done = (event["segment_offset"] + 1) / (length + 1)
    text = "separating" if count == 1 else f"separating, model {index + 1} of {count}"
    progress((index + done) / count, text)


def _file(folder: str, name: str, size: int, repo: str, sha256: str = "", hub_sha256: str = "") -> WeightFile:
    """Describe a file of Meta's server: ``<signature>-<first 8 digits of its SHA-256>.th``."""
    signature, digest = name.split("-")
    return WeightFile(
        name=f"{name}.th",
        url=f"https://dl.fbaipublicfiles.com/demucs/{folder}/{name}.th",
        sha256=sha256 or digest,
        size=size,
        cached_as=f"checkpoints/{name}.th",
        hub=HubFile(f"adefossez/{repo}", f"{signature}.safetensors", hub_sha256),
    )


_HT, _MDX = "hybrid_transformer", "mdx_final"
# Full digests are given where independent parties agree on them; else the publisher's 8 digits, which are in the name.
_HTDEMUCS = _file(
    _HT, "955717e8-8726e21a", 84_141_911, "HTDemucs",
    "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4",
    "d9fa14133cfcc034a6758923bb3a8ca9f8dfd0b582134643bbf83f72c17576dd",
)  # fmt: skip
_HTDEMUCS_FT = (
    _file(
        _HT, "f7e0c4bc-ba3fe64a", 84_141_271, "HTDemucs-ft",
        "ba3fe64ae8ef66ac9a4857222ce48efbdc5eb3ad375cb79dd13debee5aaa4066",
        "2c85ab3c62dd6edd8e0b965e38b16fd1cdde357cc25de6b6bc9ce7c83f60925f",
    ),
    _file(
        _HT, "d12395a8-e57c48e6", 84_141_271, "HTDemucs-ft",
        "e57c48e6b0e38af4f7118d7bd08c49f0a0c0edf7d09143bdd902ea0d237303e6",
        "5b01a97567ae9a3178a6236fb520251045c03eb8834bc8c24a4eec11d6c8fb56",
    ),
    _file(
        _HT, "92cfc3b6-ef3bcb9c", 84_141_271, "HTDemucs-ft",
        "ef3bcb9c8b40d14ae5d51b6db2587339cc12c6b77c0be151ce6d69002e087bf2",
        "a241863551f30d01c42bd7b97da40839922ead3acb0f1fcab25682f55b4eeb59",
    ),
    _file(
        _HT, "04573f0d-f3cf25b2", 84_141_271, "HTDemucs-ft",
        "f3cf25b222c4eed7cd49dd8b2c9597d50c18bd154090f7b919cfa5f93cf22c49",
        "68854b0d7c2b3274723b5761f6fd9f5aec5f1bcd3f0de7c1669546fdb7871b7c",
    ),
)  # fmt: skip
_MDX_EXTRA = (
    _file(
        _MDX, "e51eebcc-c1b80bdd", 167_399_275, "Demucs-mdx_extra",
        "c1b80bdd6de58274abf359e66822a76f49ce2b9f086fc5dc917ac14598e6bebf",
    ),
    _file(
        _MDX, "a1d90b5c-ae9d2452", 167_391_595, "Demucs-mdx_extra",
        "ae9d245283bf24b552913ee233a1101dcd0aeaed59b1c0a2da0e1f6eda15101b",
    ),
    _file(
        _MDX, "5d2d6c55-db83574e", 167_391_595, "Demucs-mdx_extra",
        "db83574e05b2308f76e2764819da673f2d16d437b9e619f5fcb72f275fc0e24f",
    ),
    _file(
        _MDX, "cfa93e08-61801ae1", 167_399_275, "Demucs-mdx_extra",
        "61801ae1567d606c97a9c3469e943ae306d0a873eeb60d623ae7cfc7042b3f68",
    ),
)  # fmt: skip

#: The published bags, as in the package's ``remote/*.yaml``.
BAGS = {
    "htdemucs": Bag((_HTDEMUCS,)),
    "htdemucs_ft": Bag(
        _HTDEMUCS_FT,
        ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
    ),
    "hdemucs_mmi": Bag((_file(_HT, "75fc33f5-1941ce65", 167_407_275, "Demucs-hdemucs_mmi"),), segment=44),
    "mdx": Bag(
        (
            _file(_MDX, "0d19c1c6-0f06f20e", 178_048_329, "Demucs-mdx"),
            _file(_MDX, "7ecf8ec1-70f50cc9", 178_048_329, "Demucs-mdx"),
            _file(_MDX, "c511e2ab-fe698775", 167_334_095, "Demucs-mdx"),
            _file(_MDX, "7d865c68-3d5dd56b", 167_918_783, "Demucs-mdx"),
        ),
        ((1.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0)),
        segment=44,
    ),
    "mdx_extra": Bag(_MDX_EXTRA, segment=44),
}

_HYBRID = "Défossez 2021, Hybrid Spectrogram and Waveform Source Separation, arXiv:2111.03600"
_TRANSFORMER = "Rouard, Massa & Défossez 2023, Hybrid Transformers for Music Source Separation, arXiv:2211.08553"
_NOT_CLOSED = "Its training data go beyond what CAD1's rules allow."


def _info(system_id: str, title: str, trained_on: str, source: str, note: str, *, closed: bool = False) -> SystemInfo:
    size = round(sum(file.size for file in BAGS[system_id].files) / 1e6, 1)
    return SystemInfo(system_id, title, "MIT", trained_on, closed, size, source, stems=_SOURCES, note=note)


_FACTS = (
    _info("htdemucs", "Hybrid Transformer Demucs", "MUSDB18-HQ and 800 more songs", _TRANSFORMER, _NOT_CLOSED),
    _info(
        "htdemucs_ft", "Hybrid Transformer Demucs, fine-tuned", "MUSDB18-HQ and 800 more songs", _TRANSFORMER,
        f"Four networks, one for each source: four times the work of htdemucs, slightly better. {_NOT_CLOSED}",
    ),
    _info("hdemucs_mmi", "Hybrid Demucs, retrained", "MUSDB18-HQ and 800 more songs", _HYBRID, _NOT_CLOSED),
    _info(
        "mdx", "Demucs bag of MDX 2021, track A", "MUSDB18-HQ only", _HYBRID,
        "Four networks (two time-domain Demucs, two Hybrid Demucs); won track A of the Music Demixing Challenge 2021.",
        closed=True,
    ),
    _info(
        "mdx_extra", "Demucs bag of MDX 2021, track B", "MUSDB18-HQ including its test set, and more songs", _HYBRID,
        f"Four networks. It has seen MUSDB18-HQ's test songs: its scores on them mean nothing. {_NOT_CLOSED}",
    ),
)  # fmt: skip

for _system in _FACTS:
    register(_system, partial(DemucsSeparator, _system, BAGS[_system.id]))
