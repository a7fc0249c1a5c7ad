"""Check that a system gives on this machine what it gave elsewhere: stored inputs, stored outputs, largest difference.

Two kinds of files are understood, both ``.npz`` without pickles:

- The studio's own, made by :func:`write_vectors`: ``format`` ("cadenza-vectors-1"), ``system``, ``identity`` (JSON),
  ``rate``, ``tolerance``, ``mixture`` (2, n) and ``stem/<name>`` (2, n), float32.
- The outputs that belong to pyclarity's tests of the CAD1 recipe (``cad1_decompose_signal_demucs.npz`` and
  ``..._openunmix.npz``): ``left_<stem>`` and ``right_<stem>``, 22,050 samples each. Their input is not in the file: NumPy's
  legacy generator with seed 123456789, uniform from 0 to 1, shape (1, 2, 22050), float64, through a double-precision model,
  standardised. The names are those of drums, bass, other, vocals *in that order*, whatever the model's order is: in
  Open-Unmix's file "drums" are the vocals, "bass" the drums, "other" the bass and "vocals" the rest; and that model ran
  with one iteration of its filter, unlike the baseline (niter=0).

The project ships no vectors of published weights: they would have to be made with those weights.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..audio import Audio
from ..errors import CadenzaError
from ..files import atomic_file
from ..progress import Progress, silent
from ..settings import Settings
from .base import Separator
from .run import get_system
from .weights import FileStatus, status

__all__ = ["Verification", "verify", "write_vectors"]

_FORMAT = "cadenza-vectors-1"
_RECIPE_NAMES = ("drums", "bass", "other", "vocals")
#: The recipe's own test allows 1.5e-6; other versions of torch and other processors need a little more.
_RECIPE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Verification:
    """What a check found.

    Parameters
    ----------
    system : str
    files : tuple of FileStatus
        The weights, with their digests compared.
    differences : mapping of str to float
        Largest absolute difference of each stem; empty if there were no vectors to compare with.
    tolerance : float
        Up to which a difference is accepted.
    """

    system: str
    files: tuple[FileStatus, ...]
    differences: Mapping[str, float]
    tolerance: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all digests are right and no difference is too large; a difference that is not a number fails."""
        sound = all(entry.path is not None and not entry.fault for entry in self.files)
        return sound and all(difference <= self.tolerance for difference in self.differences.values())


def verify(
    system_id: str, settings: Settings, vectors: Path | None = None, progress: Progress = silent
) -> Verification:
    """Compare the digests of a system's weights, and with `vectors` also its output.

    Parameters
    ----------
    system_id : str
    settings : Settings
    vectors : Path, optional
        A file of one of the two kinds.
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    WeightsMissing
        If weights are not on this machine and cannot be fetched.
    CadenzaError
        If there is no such system, or the file is not one of the two kinds or not for this system.
    """
    if vectors is None:
        return Verification(system_id, status(system_id, settings, check=True).files, {})
    separator = get_system(system_id, settings)
    content = _read(vectors)
    if "format" in content:
        differences, tolerance = _compare_own(separator, content, vectors, progress)
    else:
        differences, tolerance = _compare_recipe(separator, content, vectors, progress), _RECIPE_TOLERANCE
    return Verification(system_id, status(system_id, settings, check=True).files, differences, tolerance)


def write_vectors(
    system_id: str,
    settings: Settings,
    path: Path,
    *,
    seconds: float = 1.0,
    seed: int = 0,
    tolerance: float = 1e-4,
    progress: Progress = silent,
) -> None:
    """Separate seeded noise and store input and output, for :func:`verify` on another machine.

    Parameters
    ----------
    system_id : str
    settings : Settings
    path : Path
        An ``.npz`` file; about 1.8 MB per second of sound with four stems.
    seconds : float > 0
    seed : int >= 0
    tolerance : float > 0
        Largest difference to accept; 1e-4 leaves room for another processor or a GPU.
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    WeightsMissing
        If weights are not on this machine and cannot be fetched.
    CadenzaError
        If there is no such system, it needs true stems, or the file cannot be written.
    """
    separator = get_system(system_id, settings)
    rate = separator.info.rate
    shape = (2, max(1, round(seconds * rate)))
    mixture = np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)
    stems = separator.separate(Audio(mixture, rate), progress=progress)
    facts = {"system": system_id, "identity": json.dumps(dict(separator.identity())), "rate": rate}
    arrays: dict[str, Any] = {f"stem/{name}": samples for name, samples in stems.items()}
    arrays |= {"format": _FORMAT, "tolerance": tolerance, "mixture": mixture, **facts}
    path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except Exception as error:  # np.load fails in many ways on what is no .npz file
        raise CadenzaError(f"{path} cannot be read as vectors (.npz without pickles): {error}.") from error


def _compare_own(
    separator: Separator, content: Mapping[str, np.ndarray], path: Path, progress: Progress
) -> tuple[dict[str, float], float]:
    expected = {key.removeprefix("stem/"): value for key, value in content.items() if key.startswith("stem/")}
    try:
        kind, system = str(content["format"]), str(content["system"])
        mixture, rate = content["mixture"], int(content["rate"])
        tolerance = float(content["tolerance"])
    except (KeyError, ValueError, TypeError) as error:
        raise CadenzaError(f"{path} lacks a part of the studio's vectors: {error}.") from error
    if kind != _FORMAT or system != separator.info.id or set(expected) != set(separator.info.stems):
        raise CadenzaError(
            f"{path} holds {kind!r} vectors of {system!r} with {', '.join(expected)}; {_FORMAT!r} vectors of "
            f"{separator.info.id!r} with {', '.join(separator.info.stems)} are needed."
        )
    stems = separator.separate(Audio(mixture, rate), progress=progress)
    return {name: _difference(stems[name], expected[name], path) for name in stems}, tolerance


@runtime_checkable
class _Baseline(Protocol):
    def regression_output(self, signal: np.ndarray, progress: Progress) -> np.ndarray: ...


def _compare_recipe(
    separator: Separator, content: Mapping[str, np.ndarray], path: Path, progress: Progress
) -> dict[str, float]:
    if set(content) != {f"{side}_{name}" for side in ("left", "right") for name in _RECIPE_NAMES}:
        raise CadenzaError(f"{path} holds {', '.join(content)}: neither the studio's nor the recipe's vectors.")
    if not isinstance(separator, _Baseline) or len(separator.info.stems) != len(_RECIPE_NAMES):
        raise CadenzaError(f"{path} holds the CAD1 recipe's vectors, which are for hdemucs_high_musdb and umxhq.")
    signal = np.random.RandomState(123456789).uniform(size=(1, 2, 22050))
    given = separator.regression_output(signal, progress)
    differences = {}
    for position, stem in enumerate(separator.info.stems):
        name = _RECIPE_NAMES[position]
        expected = np.stack([content[f"left_{name}"], content[f"right_{name}"]])
        differences[stem] = _difference(given[position], expected, path)
    return differences


def _difference(given: np.ndarray, expected: np.ndarray, path: Path) -> float:
    if given.shape != expected.shape:
        raise CadenzaError(f"{path} holds stems of shape {expected.shape}; the system gives {given.shape}.")
    return float(np.max(np.abs(given.astype(np.float64) - expected)))
