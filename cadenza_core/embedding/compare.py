"""How far a remix is from its reference: the same gains on separated and on true stems, in an embedding space.

A distance by itself says little: it is set against the distances of a collection (songs, excerpts or stems of the same space)
as the share of their pairs that are farther apart, and against the distance to the original mixture.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..audio import RATE
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..progress import Progress, part
from ..remix import Gains, mix
from ..separation import separate
from ..settings import Settings
from .retrieval import l1_distances
from .store import Embeddings, given
from .tracks import prepared

__all__ = ["Comparison", "compare", "compare_remix"]

_BLOCK = 1.0  # s


@dataclass(frozen=True, eq=False)
class Comparison:
    """Distances of two sounds.

    Parameters
    ----------
    space : str
    distance : float
        l1, of the scene embeddings.
    times, curve : np.ndarray [shape=(n,)]
        Middle of each second, s, and the l1 distance of the embeddings in it, averaged over the second.
    """

    space: str
    distance: float
    times: np.ndarray
    curve: np.ndarray


def compare(one: np.ndarray, other: np.ndarray, rate: int, embeddings: Embeddings, progress: Progress) -> Comparison:
    """Compare two sounds of the same length, in time with each other, at one level.

    Parameters
    ----------
    one, other : np.ndarray [shape=(channels, n)], full scale 1.0
    rate : int
        Hz.
    embeddings : Embeddings
    progress : Progress

    Raises
    ------
    CadenzaError
        If the lengths differ by more than 0.1 s, or the model fails.
    """
    if abs(one.shape[1] - other.shape[1]) > 0.1 * rate:
        lengths = f"{one.shape[1] / rate:.2f} s and {other.shape[1] / rate:.2f} s"
        raise CadenzaError(f"The sounds last {lengths}; they must be of one length to be compared over time.")
    length = min(one.shape[1], other.shape[1])
    sounds = [prepared(samples[:, :length], rate, embeddings.sample_rate)[0] for samples in (one, other)]
    readers = [given(sound) for sound in sounds]
    first, second = embeddings.scenes(readers, part(progress, 0.0, 0.4))
    over_time = list(embeddings.timestamps(readers, part(progress, 0.4, 1.0)))
    times = over_time[0].times
    each = np.abs(over_time[0].embeddings - over_time[1].embeddings).sum(axis=1, dtype=np.float64)
    seconds = (times / 1000.0 / _BLOCK).astype(int)
    edges = np.flatnonzero(np.diff(seconds, prepend=-1))
    curve = np.add.reduceat(each, edges) / np.diff([*edges, len(each)])
    distance = float(l1_distances(first, second[None])[0])
    return Comparison(embeddings.space, distance, (seconds[edges] + 0.5) * _BLOCK, curve)


def compare_remix(
    song: Song,
    system_id: str,
    gains: Gains,
    excerpt: Excerpt,
    embeddings: Embeddings,
    settings: Settings,
    progress: Progress,
) -> Mapping[str, Comparison]:
    """Compare the remix of separated stems with the same remix of the true stems, and that with the original mixture.

    Returns
    -------
    mapping of str to Comparison
        ``remix`` (separated to true) and ``original`` (mixture to true): a remix that is nearer to its reference than the
        original is has gained something.

    Raises
    ------
    CadenzaError
        If the song has no true stems, or the system or the model fails.
    """
    truth = song.stems(excerpt)
    result = separate(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.5))
    if result.stems.rate != RATE or not set(truth) <= set(result.stems):
        raise CadenzaError(
            f"The system {system_id!r} does not give the four stems at {RATE} Hz, so there is no remix of them."
        )
    reference = mix(dict(truth), gains)
    remix = mix({name: result.stems[name] for name in truth}, gains)
    original = song.mixture(excerpt).samples
    first = compare(remix, reference, RATE, embeddings, part(progress, 0.5, 0.75))
    return {"remix": first, "original": compare(original, reference, RATE, embeddings, part(progress, 0.75, 1.0))}
