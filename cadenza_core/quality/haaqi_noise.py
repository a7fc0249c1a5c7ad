"""The noise of HAAQI's inner hair cells, exactly as NumPy's legacy generator draws it, but faster.

The reference draws 32 x n normal numbers for the reference signal, 32 x n for the processed one (band after band), and
as many as it has loud envelope segments, times 64, for a noise of level zero. So the score hangs on the position in the
stream. ``np.random.RandomState`` makes them from the Mersenne twister (MT19937) by Marsaglia's polar method, in pairs:
two uniform numbers in [-1, 1) are drawn until they lie within the unit circle. To skip numbers, one only has to count the
pairs within the circle; to have the noise of sixteen bands at once, the stream's state at the start of each is noted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from .haaqi_compile import kernel, strict_kernel
from .haaqi_simd import LANES, load, log2, sqrt, store

__all__ = ["Position", "band_streams", "fill_noise", "position_of", "snapshots", "state_at"]

_WORDS = 624
_MIDDLE = 397
#: A block's words and what may be left of the one before.
_BUFFER = 2 * _WORDS + 4
#: Normal numbers that a block can give at most, and a vector more.
SPARE = _BUFFER // 2 + 2 * LANES
#: Layout of a stream's row of integers: the twister's words, the words left over, and these three.
_LEFT, _COUNT, _DROP, _READY = _WORDS, 2 * _WORDS, 2 * _WORDS + 1, 2 * _WORDS + 2
ROW = 2 * _WORDS + 3


@kernel
def _twist(key, following):
    """Compute the Mersenne twister's next 624 words from `key`, in `following`."""
    for i in range(_WORDS - _MIDDLE):
        y = (key[i] & np.uint32(0x80000000)) | (key[i + 1] & np.uint32(0x7FFFFFFF))
        following[i] = key[i + _MIDDLE] ^ (y >> np.uint32(1)) ^ ((y & np.uint32(1)) * np.uint32(0x9908B0DF))
    # in two runs, that none reads what it writes
    for start, stop in ((227, 454), (454, 623)):
        for i in range(start, stop):
            y = (key[i] & np.uint32(0x80000000)) | (key[i + 1] & np.uint32(0x7FFFFFFF))
            before = following[i - (_WORDS - _MIDDLE)]
            following[i] = before ^ (y >> np.uint32(1)) ^ ((y & np.uint32(1)) * np.uint32(0x9908B0DF))
    y = (key[_WORDS - 1] & np.uint32(0x80000000)) | (following[0] & np.uint32(0x7FFFFFFF))
    following[_WORDS - 1] = following[_MIDDLE - 1] ^ (y >> np.uint32(1)) ^ ((y & np.uint32(1)) * np.uint32(0x9908B0DF))


@kernel
def _temper(key, words):
    for i in range(key.size):
        y = key[i]
        y ^= y >> np.uint32(11)
        y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
        y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
        words[i] = y ^ (y >> np.uint32(18))


@strict_kernel
def _candidates(words, pairs, x1, x2, radius):
    """Turn four words each into a point of the square and its squared radius (above 1 where it is not to be used)."""
    half, scale = 67108864.0, 2.0 / 9007199254740992.0
    for i in range(pairs):
        a = np.int32(words[4 * i] >> np.uint32(5)) * half + np.int32(words[4 * i + 1] >> np.uint32(6))
        b = np.int32(words[4 * i + 2] >> np.uint32(5)) * half + np.int32(words[4 * i + 3] >> np.uint32(6))
        x1[i] = a * scale - 1.0
        x2[i] = b * scale - 1.0
        radius[i] = x1[i] * x1[i] + x2[i] * x2[i]


@strict_kernel
def _count(words, pairs):
    """Count the points within the circle."""
    half, scale = 67108864.0, 2.0 / 9007199254740992.0
    count = 0
    for i in range(pairs):
        a = np.int32(words[4 * i] >> np.uint32(5)) * half + np.int32(words[4 * i + 1] >> np.uint32(6))
        b = np.int32(words[4 * i + 2] >> np.uint32(5)) * half + np.int32(words[4 * i + 3] >> np.uint32(6))
        x, y = a * scale - 1.0, b * scale - 1.0
        r = x * x + y * y
        count += (r < 1.0) & (r != 0.0)
    return count


@kernel
def snapshots(row, targets, rows):
    """Note the stream's state at given pairs.

    Parameters
    ----------
    row : np.ndarray [shape=(ROW,)], uint32
        The stream at pair 0.
    targets : np.ndarray [shape=(k,)], int64
        Numbers of pairs, ascending.
    rows : np.ndarray [shape=(k, ROW)], uint32
        Out: per target the stream at the last block's start before it, and how many normal numbers are to be dropped.
    """
    key, following = row[:_WORDS].copy(), np.empty(_WORDS, np.uint32)
    words = np.empty(_BUFFER, np.uint32)
    left = np.int64(row[_COUNT])
    words[:left] = row[_LEFT : _LEFT + left]
    passed, done = 0, 0
    while done < targets.size:
        _twist(key, following)
        _temper(following, words[left : left + _WORDS])
        pairs = (left + _WORDS) // 4
        here = _count(words, pairs)
        while done < targets.size and targets[done] <= passed + here:
            rows[done, :_WORDS] = key
            rows[done, _LEFT : _LEFT + left] = words[:left]
            rows[done, _COUNT] = left
            rows[done, _DROP] = 2 * (targets[done] - passed)
            rows[done, _READY] = 0
            done += 1
        passed += here
        used = 4 * pairs
        left = left + _WORDS - used
        for i in range(left):
            words[i] = words[used + i]
        key, following = following, key


@kernel
def _block(row, buffers, words, out):
    """Draw a block's normal numbers of the stream `row` to the front of `out`; give their count."""
    x1, x2, radius, following = buffers
    left = np.int64(row[_COUNT])
    words[:left] = row[_LEFT : _LEFT + left]
    _twist(row[:_WORDS], following)
    row[:_WORDS] = following
    _temper(following, words[left : left + _WORDS])
    pairs = (left + _WORDS) // 4
    _candidates(words, pairs, x1, x2, radius)
    used = 4 * pairs
    left = left + _WORDS - used
    row[_COUNT] = left
    for i in range(left):
        row[_LEFT + i] = words[used + i]
    kept = 0
    first, second, squared = out[1], out[2], out[3]
    for i in range(pairs):
        first[kept] = x2[i]
        second[kept] = x1[i]
        squared[kept] = radius[i]
        kept += (radius[i] < 1.0) & (radius[i] != 0.0)
    for i in range(0, kept, LANES):
        r = load(squared, i)
        store(squared, i, sqrt(log2(r) * np.float32(-1.3862943611198906) / r))
    normal = out[0]
    for i in range(kept):
        normal[2 * i] = squared[i] * first[i]
        normal[2 * i + 1] = squared[i] * second[i]
    return 2 * kept


@kernel
def fill_noise(row, pending, start, out):
    """Draw the stream's next numbers into ``out[start:]``.

    Parameters
    ----------
    row : np.ndarray [shape=(ROW,)], uint32
        The stream; it is advanced.
    pending : np.ndarray [shape=(SPARE,)], float32
        Numbers that were drawn and not used; part of the stream.
    """
    buffers = (np.empty(_BUFFER // 4), np.empty(_BUFFER // 4), np.empty(_BUFFER // 4), np.empty(_WORDS, np.uint32))
    words = np.empty(_BUFFER, np.uint32)
    drawn = (pending, np.empty(SPARE, np.float32), np.empty(SPARE, np.float32), np.ones(SPARE, np.float32))
    n = start
    while True:
        ready, drop = np.int64(row[_READY]), np.int64(row[_DROP])
        if drop > 0:
            skip = min(drop, ready)
            pending[: ready - skip] = pending[skip:ready].copy()
            row[_DROP] = drop - skip
            ready -= skip
        take = min(ready, out.size - n)
        out[n : n + take] = pending[:take]
        n += take
        if n == out.size:
            for i in range(ready - take):
                pending[i] = pending[take + i]
            row[_READY] = ready - take
            return
        row[_READY] = _block(row, buffers, words, drawn)


@dataclass(frozen=True)
class Position:
    """A place in a legacy random stream: ``np.random.get_state()`` of it."""

    key: np.ndarray
    position: int
    has_gauss: int
    gauss: float

    def state(self) -> tuple[str, np.ndarray, int, int, float]:
        """Give the tuple that ``np.random.set_state`` takes."""
        return ("MT19937", self.key, self.position, self.has_gauss, self.gauss)

    def row(self) -> np.ndarray:
        """Give the stream of pairs from here on, without the number of a pair that is begun."""
        row = np.zeros(ROW, np.uint32)
        row[:_WORDS] = self.key
        left = _WORDS - self.position
        tempered = np.empty(_WORDS, np.uint32)
        _temper(self.key, tempered)
        row[_LEFT : _LEFT + left] = tempered[self.position :]
        row[_COUNT] = left
        return row


def position_of(random: np.random.RandomState | None = None) -> Position:
    """Give the place of `random`, or of NumPy's global generator."""
    state = (np.random.get_state if random is None else random.get_state)(legacy=True)
    if not isinstance(state, tuple) or state[0] != "MT19937":
        raise CadenzaError("HAAQI's noise is drawn from NumPy's legacy generator, which must be the Mersenne twister.")
    return Position(np.array(state[1], np.uint32), int(state[2]), int(state[3]), float(state[4]))


def state_at(position: Position, counts: Sequence[int]) -> list[np.ndarray]:
    """Give the streams from the normal numbers `counts` (at least 1, ascending) after `position` on.

    Returns
    -------
    list of np.ndarray [shape=(ROW,)], uint32
        For `fill_noise`.
    """
    numbers = np.asarray(counts, np.int64) - position.has_gauss
    rows = np.zeros((len(numbers), ROW), np.uint32)
    snapshots(position.row(), numbers // 2, rows)
    rows[:, _DROP] += (numbers % 2).astype(np.uint32)
    return list(rows)


def position_at(row: np.ndarray) -> Position:
    """Turn a stream from `state_at` into NumPy's state at that place."""
    random = np.random.RandomState(0)
    random.set_state(("MT19937", row[:_WORDS], _WORDS - int(row[_COUNT]), 0, 0.0))
    random.standard_normal(int(row[_DROP]))
    return position_of(random)


def advance(position: Position, count: int) -> Position:
    """Give the place after `count` normal numbers."""
    if count < 2:
        random = np.random.RandomState(0)
        random.set_state(position.state())
        random.standard_normal(count)
        return position_of(random)
    return position_at(state_at(position, [count])[0])


def band_streams(position: Position, samples: int, bands: int, first: int) -> tuple[np.ndarray, Position]:
    """Give the streams of `bands` bands of `samples` numbers each, the first of which begins at number `first`.

    Returns
    -------
    np.ndarray [shape=(bands, ROW)], uint32
    Position
        Behind the last band.
    """
    rows = state_at(position, [first + k * samples for k in range(bands + 1)])
    return np.array(rows[:-1]), position_at(rows[-1])
