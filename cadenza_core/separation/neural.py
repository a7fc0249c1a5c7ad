"""What all neural systems share: find and load weights once, choose the device, report errors."""

import contextlib
import importlib.metadata
import importlib.util
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..audio import Audio, Stems
from ..errors import CadenzaError, WeightsMissing
from ..progress import Progress, part, silent
from ..settings import Settings
from .base import SystemInfo
from .blocks import check_mixture
from .weights import WeightFile, find, missing_message, require

if TYPE_CHECKING:
    import torch

__all__ = ["FLOOR", "NeuralSeparator", "pick_device", "version_of"]

#: Standard deviation in place of 0, as in ``demucs.api`` (where it is always added).
FLOOR = 1e-8

Identity = Mapping[str, str | int | float | bool]


def version_of(package: str) -> str:
    """Give the version of an installed package without the build's name (``+cpu``); empty if it is not installed."""
    try:
        return importlib.metadata.version(package).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def pick_device(wanted: str) -> "torch.device":
    """Give the device named in the settings; ``auto`` is CUDA where there is one, else the CPU.

    Raises
    ------
    CadenzaError
        If there is no such device on this machine: nothing else is taken silently.
    """
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise CadenzaError(f"The device {wanted!r} is unknown; auto, cpu, cuda, cuda:1, mps are accepted.") from None
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = {"cpu": True, "cuda": (device.index or 0) < cuda, "mps": torch.backends.mps.is_available()}
    if not there.get(device.type):
        raise CadenzaError(f"The device {wanted!r} is not on this machine (CUDA devices: {cuda}). Use 'auto' or 'cpu'.")
    return device


@contextlib.contextmanager
def computing(title: str, device: "torch.device") -> Iterator[None]:
    """Compute without gradients, with the same numbers on every device, and turn a lack of memory into plain words."""
    import torch

    from .precision import full_precision

    try:
        with torch.no_grad(), full_precision(device):
            yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        short = isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in text
        if not short and "can't allocate memory" not in text:
            raise
        if device.type == "cuda":
            torch.cuda.empty_cache()
        where = "the computer's memory" if device.type == "cpu" else f"the memory of the GPU ({device})"
        advice = "" if device.type == "cpu" else " or use the processor (`CADENZA_DEVICE=cpu`)"
        raise CadenzaError(f"{title} does not fit into {where}. Close other programs that use it{advice}.") from error


class NeuralSeparator(ABC):
    """A system with weights.

    Parameters
    ----------
    info : SystemInfo
    files : sequence of WeightFile
    settings : Settings
    """

    #: Packages whose code it runs: their versions are part of its identity.
    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, info: SystemInfo, files: Sequence[WeightFile], settings: Settings) -> None:
        self._info = info
        self.files = tuple(files)
        self.settings = settings
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def info(self) -> SystemInfo:
        """The facts."""
        return self._info

    def identity(self) -> dict[str, str | int | float | bool]:
        """Digests of the weights, versions of the packages, parameters; imports nothing heavy.

        The digests are the published ones while a file is not on this machine.

        Raises
        ------
        WeightsMissing
            If a file has no published digest and is not there.
        """
        prints = []
        for file in self.files:
            located = find(file, self.info.id, self.settings)
            if located is None and not file.sha256:
                raise WeightsMissing(missing_message(self.info.id, [file], self.settings))
            prints.append(located.fingerprint if located else f"{file.name}:{file.sha256}")
        return {
            "weights": ", ".join(prints),
            **{package: version_of(package) for package in self.packages},
            **self.parameters(),
        }

    @abstractmethod
    def parameters(self) -> Identity:
        """What its result depends on besides weights and packages."""

    @abstractmethod
    def build(self, paths: Sequence[Path]) -> Any:
        """Make the model from its checked files, on the CPU, ready for inference."""

    @abstractmethod
    def run(self, model: Any, samples: np.ndarray, device: "torch.device", progress: Progress) -> np.ndarray:
        """Separate ``samples`` (2, n) into (stems, 2, n), both float32, stems as in ``info.stems``."""

    def package_fault(self) -> str | None:
        """Say which package it needs is not installed; None if all are."""
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"It needs the package {package}, which is not installed."
        return None

    def unavailable_reason(self) -> str | None:
        """Say why it cannot be used now: a package or weights are missing. None if it can."""
        if fault := self.package_fault():
            return fault
        missing = [file for file in self.files if find(file, self.info.id, self.settings) is None]
        return missing_message(self.info.id, missing, self.settings) if missing else None

    def paths(self, progress: Progress = silent) -> list[Path]:
        """Give the files of its weights, checked; missing ones are downloaded.

        Raises
        ------
        WeightsMissing
            If weights are not there and cannot be fetched.
        CadenzaError
            If a package is missing or a file is damaged.
        """
        if fault := self.package_fault():
            raise CadenzaError(f"{self.info.title} cannot be used. {fault}")
        return require(self.info.id, self.files, self.settings, progress)

    def load(self, progress: Progress = silent) -> Any:
        """Give the model; the first call finds or downloads, checks and reads its weights.

        Raises
        ------
        WeightsMissing
            If weights are not there and cannot be fetched.
        CadenzaError
            If a package is missing or a file is damaged or does not fit.
        """
        if self._model is None:
            paths = self.paths(part(progress, 0.0, 0.9))
            progress(0.9, f"loading the weights of {self.info.title}")
            self._model = self.build(paths)
        return self._model

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        """Separate a song or excerpt; one at a time, whatever the number of callers.

        Parameters
        ----------
        mixture : Audio [2 channels, at `info.rate`]
        truth : Stems, optional
            Ignored.
        progress : Progress
            Called at least twice a segment; may raise Cancelled.

        Returns
        -------
        Stems
            float32, the length of the mixture.

        Raises
        ------
        WeightsMissing
            If weights are not there and cannot be fetched.
        CadenzaError
            If the mixture has another rate or one channel, the device is not there, or memory does not suffice.
        """
        check_mixture(mixture, self.info)
        with self._lock:
            start = 0.0 if self._model is not None else 0.05
            model = self.load(part(progress, 0.0, start))
            device = pick_device(self.settings.device)
            with computing(self.info.title, device):
                stems = self.run(model, mixture.samples, device, part(progress, start, 1.0))
        return Stems(dict(zip(self.info.stems, stems, strict=True)), self.info.rate)
