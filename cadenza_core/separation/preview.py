"""The system `preview`: four stems within seconds, without any trained model.

It lets the mixer, the remixing and the scoring be tried before weights are downloaded, and stands for what signal
processing alone can do. It is a light form of kernel additive modelling (Liutkus, Fitzgerald, Rafii, Pardo & Daudet,
"Kernel additive models for source separation", IEEE TSP 2014): each source is described by what its spectrogram looks
like nearby, estimated by medians, and gets a Wiener-like share of the mixture's power.

- Drums are vertical lines in the spectrogram, notes are horizontal ones: medians over frequency and over time tell them
  apart (FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010), with a margin against taking
  notes for drums (Driedger, Müller & Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014).
- Bass is the sustained rest below a crossover frequency.
- The rest above it is vocals or other. What is wide in stereo (vocals are mixed in the centre) and what lasts longer
  than a sung note (the same median, over seconds: FitzGerald & Gainza, "Single channel vocal separation using median
  filtering and factorisation techniques", ISAST 2010) is other.
- The difference of left and right hardly ever holds bass, and drums are near the centre; what else it holds (reverberation,
  backing vocals, wide instruments) is divided in fixed shares, as nothing is known about it.

All masks are between 0 and 1 and sum to 1, so the stems sum to the mixture: a remix with all gains equal is the song
itself, and whatever one stem lacks is heard in another. All filters reach less than 1.5 s, which makes the result the
same in blocks as on the whole song.
"""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np

from ..audio import STEMS, Audio, Stems
from ..progress import Progress, silent
from ..settings import Settings
from .base import SystemInfo, register
from .blocks import BLOCK, check_mixture, istft, separate_in_blocks, stft

__all__ = ["INFO", "Preview"]

#: Raised when a change of the algorithm changes its results.
VERSION = 1
#: Window and hop, samples (93 ms, 23 ms): a bass's partials are still apart, a drum is still short. 46 ms loses the
#: bass, 186 ms the drums.
N_FFT, HOP = 4096, 1024
#: Median over time, frames (0.26 s): longer than most drum sounds, shorter than most notes.
NOTE = 11
#: Median over time, frames (2.3 s): longer than a sung note is held at one pitch.
LONG_NOTE = 101
#: Medians over frequency, bins: below the crossover (54 Hz) just wider than the window's main lobe and about as wide as
#: a bass's partials are apart; above it (440 Hz) so wide that a voice's partials are a minority among the bins.
NARROW, WIDE = 5, 41
#: Hz: a bass's strong partials are below, voices' fundamentals mostly above; the medians over frequency change here too.
CROSSOVER = 200.0
#: The crossover is a Butterworth filter of this order in its power response (18 dB per octave).
CROSSOVER_ORDER = 3
#: Above the crossover, drums must exceed notes by this factor in power to get half: consonants and attacks of other
#: instruments are vertical lines too.
DRUM_MARGIN = 2.0
#: Estimates of drums and notes; the second is made from what the first has separated (KAM's "backfitting").
PASSES = 2
#: Power of other relative to vocals where nothing speaks for either: vocals are in front in most songs.
FLOOR = 0.1
#: Shares of the left-right difference: drums, of what is percussive in the middle; vocals, of what remains.
SIDE_DRUMS, SIDE_VOCALS = 0.3, 0.4

#: Context, samples (1.5 s): one window, and the reach of the filters one after the other.
_CONTEXT = N_FFT + HOP * (PASSES * (NOTE // 2) + LONG_NOTE // 2)
#: Keep 0/0 from arising in silence: magnitude and power far below a 16-bit file's noise (some 1e-3 in this STFT).
_TINY, _TINY_POWER = np.float32(1e-10), np.float32(1e-20)
#: Values of a median's row that are filtered in one call: a few milliseconds.
_AT_ONCE = 32768
#: From left and right to middle and side; twice it leads back.
_MID_SIDE = np.array([[0.5, 0.5], [0.5, -0.5]], np.float32)

INFO = SystemInfo(
    id="preview",
    title="Preview (signal processing, no weights)",
    licence="MIT (no weights)",
    trained_on="nothing",
    cad1_closed=True,
    size_mb=0,
    source="FitzGerald, DAFx 2010; Liutkus et al., IEEE TSP 2014",
    note="For trying things out: about 4 dB SDR, far below trained systems. Each stem holds much of the others; soft drums, "
    "wide or held vocals and centred instruments end up in the wrong stem.",
)


class Preview:
    """Separation by medians of the spectrogram.

    Parameters
    ----------
    block : int
        Samples worked on at a time (a multiple of 1024); the result does not depend on it.
    """

    info = INFO

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block

    def identity(self) -> Mapping[str, str | int | float | bool]:
        """See :meth:`Separator.identity`."""
        return {
            "system": INFO.id,
            "version": VERSION,
            "n_fft": N_FFT,
            "hop": HOP,
            "note": NOTE,
            "long_note": LONG_NOTE,
            "narrow": NARROW,
            "wide": WIDE,
            "crossover": CROSSOVER,
            "crossover_order": CROSSOVER_ORDER,
            "drum_margin": DRUM_MARGIN,
            "passes": PASSES,
            "floor": FLOOR,
            "side_drums": SIDE_DRUMS,
            "side_vocals": SIDE_VOCALS,
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        }

    def unavailable_reason(self) -> None:
        """It needs nothing that could be missing."""

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        """Separate, see :meth:`Separator.separate`; `truth` is ignored.

        Raises
        ------
        CadenzaError
            If the mixture is not stereo at 44.1 kHz.
        """
        check_mixture(mixture, INFO)

        def estimate(part: slice) -> Mapping[str, np.ndarray]:
            return _separate_part(mixture.samples[:, part])

        return separate_in_blocks(
            mixture, STEMS, estimate, hop=HOP, context=_CONTEXT, block=self._block, progress=progress
        )


def _separate_part(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Separate samples, shape (2, n), into stems of the same shape."""
    spectra = stft(_MID_SIDE @ samples, N_FFT, HOP)
    mid, side = np.abs(spectra)
    high = _above_crossover()
    drums = _drum_mask(mid, high)
    notes = mid * np.sqrt(1 - drums)
    vocals = _vocal_share(notes, side, mid)
    side_drums = SIDE_DRUMS * drums
    masks = {
        "vocals": ((1 - drums) * high * vocals, (1 - side_drums) * SIDE_VOCALS),
        "drums": (drums, side_drums),
        "bass": ((1 - drums) * (1 - high), np.zeros_like(drums)),
        "other": ((1 - drums) * high * (1 - vocals), (1 - side_drums) * (1 - SIDE_VOCALS)),
    }

    def sound(mask: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return 2 * _MID_SIDE @ istft(spectra * np.stack(mask), N_FFT, HOP, samples.shape[1])

    return {name: sound(mask) for name, mask in masks.items()}


def _above_crossover() -> np.ndarray:
    """Share of each bin that counts as above the crossover, shape (bins,)."""
    ratio = (np.fft.rfftfreq(N_FFT, 1 / INFO.rate) / CROSSOVER) ** (2 * CROSSOVER_ORDER)
    return (ratio / (1 + ratio)).astype(np.float32)


def _drum_mask(magnitude: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Share of drums in each bin of a magnitude spectrogram, shape (frames, bins)."""
    margin = 1 + (DRUM_MARGIN - 1) * high
    drums = notes = magnitude
    mask = np.zeros_like(magnitude)
    for _ in range(PASSES):
        vertical = (1 - high) * _median(drums, NARROW) + high * _median(drums, WIDE)
        horizontal = _median_over_time(notes, NOTE)
        mask = vertical**2 / (vertical**2 + margin * horizontal**2 + _TINY_POWER)
        drums, notes = magnitude * np.sqrt(mask), magnitude * np.sqrt(1 - mask)
    return mask


def _vocal_share(notes: np.ndarray, side: np.ndarray, mid: np.ndarray) -> np.ndarray:
    """Share of vocals in what is neither drums nor bass; magnitude spectrograms of shape (frames, bins)."""
    width = side**2 / (mid**2 + _TINY_POWER)
    held = np.minimum(_median_over_time(notes, LONG_NOTE) / (notes + _TINY), 1) ** 2
    return 1 / (1 + FLOOR + width + held)


def _median(spectrogram: np.ndarray, size: int) -> np.ndarray:
    """Running median over the last axis, `size` odd, reflected at the ends."""
    from scipy.ndimage import median_filter

    # Of many rows as one long one: SciPy's filter for one dimension takes the same time for any size, its two-dimensional
    # one is six times slower. The padding keeps rows apart. Not of all rows: it holds Python's lock all along.
    half = size // 2
    padded = np.pad(spectrogram, [(0, 0), (half, half)], mode="reflect")
    step = max(1, _AT_ONCE // padded.shape[1])
    found = np.empty_like(padded)
    for row in range(0, len(padded), step):
        some = padded[row : row + step]
        found[row : row + step] = median_filter(some.ravel(), size).reshape(some.shape)
    return found[:, half:-half]


def _median_over_time(spectrogram: np.ndarray, size: int) -> np.ndarray:
    return np.ascontiguousarray(_median(spectrogram.T, size).T)


def _make(settings: Settings) -> Preview:
    return Preview()


register(INFO, _make)
