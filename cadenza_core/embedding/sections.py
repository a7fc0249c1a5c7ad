"""Where a song changes, and which of its parts sound alike: sections from embeddings over time.

Embeddings are averaged over half seconds and smoothed over three; a checkerboard kernel along the diagonal of their
self-similarity gives the novelty (Foote, *Automatic audio segmentation using a measure of audio novelty*, ICME 2000), whose
peaks are the boundaries. Sections are then grouped by the distance of their means (average linkage, as many groups as the
silhouette likes best): those of one letter sound alike.
"""

import string
from dataclasses import dataclass

import numpy as np
import scipy.cluster.hierarchy
import scipy.ndimage
import scipy.signal
import scipy.spatial.distance

from ..errors import CadenzaError
from .api import Timestamps

__all__ = ["Section", "Timeline", "find_sections"]

_BLOCK = 0.5  # s
_REACH = 10.0  # s, half the kernel; less in a short song
_SMOOTH = 3.0  # s
_SHORTEST = 5.0  # s
_DIMENSIONS = 16


@dataclass(frozen=True)
class Section:
    """One section: start and stop, s, and a letter that it shares with sections that sound alike."""

    start: float
    stop: float
    letter: str


@dataclass(frozen=True, eq=False)
class Timeline:
    """The sections of a song.

    Parameters
    ----------
    sections : tuple of Section
    times, novelty : np.ndarray [shape=(n,)]
        Seconds, and how much changes there, 0 to 1.
    """

    sections: tuple[Section, ...]
    times: np.ndarray
    novelty: np.ndarray


def find_sections(found: Timestamps, duration: float, *, sensitivity: float = 0.5) -> Timeline:
    """Find the sections of a song.

    Parameters
    ----------
    found : Timestamps
        Of the whole song.
    duration : float
        Its length, s.
    sensitivity : float
        0 to 1: how small a change begins a new section.

    Raises
    ------
    CadenzaError
        If the sensitivity is out of range or there are no embeddings.
    """
    if not 0.0 <= sensitivity <= 1.0 or not len(found.times):
        raise CadenzaError(
            f"A sensitivity of {sensitivity} and {len(found.times)} timestamps: 0 to 1, and at least one."
        )
    blocks = _blocks(found)
    times = (np.arange(len(blocks)) + 0.5) * _BLOCK
    points = _principal(blocks)
    novelty = _novelty(scipy.ndimage.uniform_filter1d(points, round(_SMOOTH / _BLOCK), axis=0, mode="nearest"))
    edges = _boundaries(novelty, sensitivity)
    starts, stops = [0, *edges], [*edges, len(points)]
    letters = _letters(np.stack([points[a:b].mean(axis=0) for a, b in zip(starts, stops, strict=True)]))
    ends = [min(b * _BLOCK, duration) for b in edges] + [duration]
    sections = [
        Section(start * _BLOCK, stop, letter) for start, stop, letter in zip(starts, ends, letters, strict=True)
    ]
    return Timeline(tuple(sections), times, novelty)


def _blocks(found: Timestamps) -> np.ndarray:
    """Average over half seconds; a rest of less than a quarter second joins the block before it."""
    numbers = (found.times / 1000.0 / _BLOCK).astype(int)
    if numbers[-1] > numbers[0] and found.times[-1] / 1000.0 - numbers[-1] * _BLOCK < _BLOCK / 2:
        numbers = np.minimum(numbers, numbers[-1] - 1)
    edges = np.flatnonzero(np.diff(numbers, prepend=-1))
    sums = np.add.reduceat(found.embeddings.astype(np.float64), edges, axis=0)
    means: np.ndarray = sums / np.diff([*edges, len(numbers)])[:, None]
    return means


def _principal(blocks: np.ndarray) -> np.ndarray:
    """Give the first principal components of standardised dimensions: constant ones and noise in the many others drop out."""
    spread = blocks.std(axis=0)
    scaled = (blocks - blocks.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    if len(scaled) < 2:
        return np.zeros((len(scaled), 1))
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    count = min(_DIMENSIONS, len(values))
    points: np.ndarray = left[:, :count] * values[:count]
    return points


def _novelty(points: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    directions = points / np.where(lengths > 1e-9, lengths, 1.0)
    reach = min(round(_REACH / _BLOCK), len(points) // 6)
    if reach < 2:
        return np.zeros(len(points))
    offsets = np.arange(-reach, reach) + 0.5
    taper = np.exp(-0.5 * (offsets / (0.5 * reach)) ** 2)
    sign = np.sign(offsets)
    kernel = np.outer(sign * taper, sign * taper)
    padded = np.pad(directions, ((reach, reach), (0, 0)))
    novelty = np.zeros(len(points))
    for number in range(len(points)):
        window = padded[number : number + 2 * reach]
        novelty[number] = np.sum(kernel * (window @ window.T))
    # near the ends the window is half empty: what is there is no change of the song
    edge = np.minimum(np.arange(len(points)), len(points) - np.arange(len(points)))
    novelty = np.maximum(novelty, 0.0) * np.minimum(1.0, edge / reach)
    top = novelty.max(initial=0.0)
    return novelty / top if top > 1e-9 else np.zeros(len(points))


def _boundaries(novelty: np.ndarray, sensitivity: float) -> list[int]:
    least = 0.9 * (1.0 - sensitivity) + 0.05
    peaks, _ = scipy.signal.find_peaks(novelty, prominence=0.5 * least, height=0.5 * least, distance=_SHORTEST / _BLOCK)
    return [int(peak) for peak in peaks if _SHORTEST / _BLOCK <= peak <= len(novelty) - _SHORTEST / _BLOCK]


def _letters(means: np.ndarray) -> list[str]:
    """Give each section a letter, in the order of their first appearance: as many as separate them best."""
    count = len(means)
    if count < 3:
        return [_letter(number) for number in range(count)]
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    pairs = scipy.spatial.distance.pdist(means / np.where(lengths > 1e-9, lengths, 1.0))
    distances = scipy.spatial.distance.squareform(pairs)
    tree = scipy.cluster.hierarchy.linkage(pairs, "average")
    cuts = [scipy.cluster.hierarchy.fcluster(tree, k, "maxclust") for k in range(2, count)]
    groups = max(cuts, key=lambda cut: _silhouette(distances, cut))
    order = {group: number for number, group in enumerate(dict.fromkeys(groups.tolist()))}
    return [_letter(order[group]) for group in groups.tolist()]


def _silhouette(distances: np.ndarray, groups: np.ndarray) -> float:
    """Give the mean silhouette (Rousseeuw, 1987): how much nearer to one's own group than to the next; 0 for one alone."""
    widths = []
    for number, own in enumerate(groups):
        means = {int(g): distances[number, groups == g].sum() for g in np.unique(groups)}
        size = int(np.sum(groups == own))
        if size == 1:
            widths.append(0.0)
            continue
        inside = means[int(own)] / (size - 1)
        outside = min(total / np.sum(groups == g) for g, total in means.items() if g != own)
        widths.append((outside - inside) / max(outside, inside, 1e-12))
    return float(np.mean(widths))


def _letter(number: int) -> str:
    letters = string.ascii_uppercase
    return letters[number] if number < len(letters) else f"{letters[number % 26]}{number // 26}"
