"""Many HAAQI scores: in the order and with the noise of one call after the other, but several at a time.

Each score's noise begins where the one before stopped drawing. That place is known before the score is: it takes the
length to which the signals are pruned and the loud segments of the reference's envelope. So the pairs are prepared one
after the other, with the place noted, and scored in threads as they become ready.
"""

import os
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..progress import Progress, silent
from .haaqi_check import check_input, empty_score
from .haaqi_model import HaaqiParts, HaaqiReference
from .haaqi_noise import Position, advance

__all__ = ["HaaqiPair", "score_in_order"]


@dataclass(frozen=True, eq=False)
class HaaqiPair:
    """What one call of `compute_haaqi` takes. Pairs that hold the same reference array share what hangs on it."""

    processed: np.ndarray
    reference: np.ndarray
    processed_rate: float
    reference_rate: float
    audiogram: Audiogram
    equalisation: int = 1
    level1: float = 65.0

    def check(self) -> None:
        """Raise `CadenzaError` if HAAQI cannot take the pair."""
        signals = (self.processed, self.reference, self.processed_rate, self.reference_rate)
        check_input(*signals, self.audiogram, self.equalisation, self.level1)

    def shares(self, other: "HaaqiPair | None") -> bool:
        """Whether the reference's side is the same."""
        return (
            other is not None
            and self.reference is other.reference
            and self.audiogram is other.audiogram
            and (self.reference_rate, self.equalisation, self.level1)
            == (other.reference_rate, other.equalisation, other.level1)
        )


def score_in_order(
    pairs: Iterable[HaaqiPair],
    position: Position,
    *,
    threads: int | None = None,
    progress: Progress = silent,
    detailed: bool = False,
) -> tuple[list[HaaqiParts], Position]:
    """Score pairs as one call after the other would, from `position` in the random stream on.

    Parameters
    ----------
    pairs : iterable of HaaqiPair
        Taken as they are needed, in the calling thread: at most `threads` + 1 are in memory.
    threads : int or None
        Scores computed at a time; None: one for each processor. The numbers do not depend on it.
    progress : Progress
        Called in the calling thread. Its share is that of the scores that are done, if `pairs` has a length.
    detailed : bool
        Also tell the bands' cepstral losses.

    Returns
    -------
    list of HaaqiParts
    Position
        Where the last call leaves the stream.

    Raises
    ------
    CadenzaError
        If a pair is faulty.
    """
    count = len(pairs) if isinstance(pairs, list | tuple) else 0
    threads = max(1, threads or os.cpu_count() or 1)
    results: dict[int, HaaqiParts] = {}
    running: dict[Future[tuple[HaaqiParts, Position]], int] = {}
    last: HaaqiPair | None = None
    side: HaaqiReference | None = None

    def collect(room: int) -> None:
        while len(running) > room:
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                results[running.pop(future)] = future.result()[0]
            progress(len(results) / count if count else 0.0, f"HAAQI: {len(results)} scored")

    pool = ThreadPoolExecutor(threads)
    try:
        for number, pair in enumerate(pairs):
            pair.check()
            if len(pair.reference) == 0:
                results[number] = empty_score(len(pair.processed) == 0)
                continue
            if side is None or not pair.shares(last):
                side = HaaqiReference(
                    pair.reference, pair.reference_rate, pair.audiogram, pair.equalisation, pair.level1
                )
            last = pair
            prepared = side.prepare(pair.processed, pair.processed_rate)
            if threads == 1 or number == count - 1 or not prepared.fast:
                # nobody waits for the place, or only the score tells it
                results[number], position = side.parts(prepared, position, detailed=detailed)
            else:
                running[pool.submit(side.parts, prepared, position, detailed=detailed)] = number
                position = advance(position, side.draws(prepared))
            collect(threads)
        collect(0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [results[number] for number in sorted(results)], position
