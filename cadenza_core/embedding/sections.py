"""Where a song changes, and which of its parts sound alike: sections from embeddings over time.

The novelty of a point in time is the share of the variance of the 10 s on each side that a change there explains: 0 where
nothing changes, 1 where one constant sound follows another. That is Foote's checkerboard kernel on the self-similarity of
the embeddings (Foote, *Automatic audio segmentation using a measure of audio novelty*, ICME 2000), whose sum is the squared
distance of the two sides' tapered means, divided by the variance there is; so it has a scale, and a sound that does not change
has no peak. Peaks are the boundaries. Sections are grouped by the same measure (average linkage): those of one letter differ
from each other by less than what makes a boundary.
"""

import itertools
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from ..errors import CadenzaError
from .api import Timestamps

__all__ = ["Section", "Timeline", "find_timeline"]

_BLOCK = 0.5  # s
_REACH = 10.0  # s, half the kernel; less near the ends
_SHORTEST = 5.0  # s
_NOTHING = 1e-6  # of the embeddings' mean square: a variance below it is no change but rounding
_LEAST = (0.6, 0.05)  # novelty of a boundary at a sensitivity of 0 and 1


@dataclass(frozen=True)
class Section:
    """One section: start and stop, s, and a letter that it shares with sections that sound alike."""

    start: float
    stop: float
    letter: str


@dataclass(frozen=True, eq=False)
class Timeline:
    """How a song changes over time.

    Parameters
    ----------
    blocks : np.ndarray [shape=(n, size), dtype=float32]
        Mean embeddings of half seconds.
    times, novelty : np.ndarray [shape=(n,)]
        Starts of the half seconds, s, and the share of the variance around that a change there explains, 0 to 1.
    duration : float
        Length of the song, s.
    """

    blocks: np.ndarray
    times: np.ndarray
    novelty: np.ndarray
    duration: float

    def sections(self, sensitivity: float = 0.5) -> list[Section]:
        """Find the sections of the song.

        Parameters
        ----------
        sensitivity : float
            0 to 1: how small a change begins a new section.

        Raises
        ------
        CadenzaError
            If the sensitivity is out of range.
        """
        if not 0.0 <= sensitivity <= 1.0:
            raise CadenzaError(f"A sensitivity of {sensitivity}: 0 to 1 is accepted.")
        least = float(np.interp(sensitivity, (0.0, 1.0), _LEAST))
        shortest = round(_SHORTEST / _BLOCK)
        peaks, _ = scipy.signal.find_peaks(self.novelty, height=least, prominence=0.5 * least, distance=shortest)
        letters = _letters(np.split(self.blocks, peaks), least)
        bounds = [0.0, *self.times[peaks].tolist(), self.duration]
        return [
            Section(start, stop, letter)
            for (start, stop), letter in zip(itertools.pairwise(bounds), letters, strict=True)
        ]


def find_timeline(found: Timestamps, duration: float) -> Timeline:
    """Tell how a song changes over time.

    Parameters
    ----------
    found : Timestamps
        Of the whole song.
    duration : float
        Its length, s.
    """
    blocks = _blocks(found)
    return Timeline(blocks, np.arange(len(blocks)) * _BLOCK, _novelty(blocks), duration)


def _blocks(found: Timestamps) -> np.ndarray:
    """Average over half seconds; a rest of less than a quarter second joins the block before it."""
    numbers = (found.times / 1000.0 / _BLOCK).astype(int)
    if numbers[-1] > numbers[0] and found.times[-1] / 1000.0 - numbers[-1] * _BLOCK < _BLOCK / 2:
        numbers = np.minimum(numbers, numbers[-1] - 1)
    edges = np.flatnonzero(np.diff(numbers, prepend=-1))
    sums = np.add.reduceat(found.embeddings, edges, axis=0, dtype=np.float64)
    means: np.ndarray = sums / np.diff([*edges, len(numbers)])[:, None]
    return means.astype(np.float32)


def _novelty(blocks: np.ndarray) -> np.ndarray:
    """Give the share of variance that a change at each block's start explains; 0 where a side is shorter than a section."""
    reach, shortest = round(_REACH / _BLOCK), round(_SHORTEST / _BLOCK)
    taper = np.exp(-0.5 * ((np.arange(reach) + 0.5) / (0.5 * reach)) ** 2)
    novelty = np.zeros(len(blocks))
    for edge in range(shortest, len(blocks) - shortest + 1):
        before, after = blocks[max(0, edge - reach) : edge], blocks[edge : edge + reach]
        novelty[edge] = _explained(before, after, taper[: len(before)][::-1], taper[: len(after)])
    return novelty


def _explained(one: np.ndarray, other: np.ndarray, weights: np.ndarray, other_weights: np.ndarray) -> float:
    """Give the share of the variance of two groups of points, each of weight 1/2, that is between their means."""
    means, spreads = [], []
    for points, weight in ((one, weights), (other, other_weights)):
        share = weight / weight.sum()
        means.append(share @ points)
        spreads.append(float(share @ np.square(points - means[-1]).sum(axis=1)))
    between = float(np.square(means[0] - means[1]).sum()) / 4
    total = between + sum(spreads) / 2
    size = float(np.square(means).sum()) / 2
    return between / total if total > _NOTHING * size else 0.0


def _letters(parts: Sequence[np.ndarray], least: float) -> list[str]:
    """Give each section a letter, in the order of their first appearance: one for those that differ by less than `least`."""
    if len(parts) == 1:
        return [_letter(0)]
    ones = [np.ones(len(part)) for part in parts]
    pairs = [_explained(parts[a], parts[b], ones[a], ones[b]) for a, b in itertools.combinations(range(len(parts)), 2)]
    import scipy.cluster.hierarchy

    tree = scipy.cluster.hierarchy.linkage(pairs, "average")
    groups = scipy.cluster.hierarchy.fcluster(tree, least, "distance").tolist()
    order = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [_letter(order[group]) for group in groups]


def _letter(number: int) -> str:
    letters = string.ascii_uppercase
    return letters[number] if number < len(letters) else f"{letters[number % 26]}{number // 26}"
