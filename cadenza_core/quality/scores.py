"""Score a song and listener as CAD1's `evaluate.py` does: eight HAAQI values and their mean.

The order of the calls and the seed are part of the number, since HAAQI adds noise: drums, bass, other, vocals; left then
right; NumPy's global state seeded once with ``int(md5(song), 16) % 10**8`` (pyclarity 0.9.0, recipes/cad1/task1).

A stem with a silent reference cannot be scored: the recipe stops there with an IndexError, before it draws any noise. Here
it has no score and draws no noise, so the others get the noise that they would get if that stem were not in the song.

The fast engine knows where in the random stream each score's noise is: it computes several at a time, and does without the
global state. Another engine draws from the global state; because that is the process's, scoring is then one at a time: other
threads wait. The state is put back afterwards.
"""

import contextlib
import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import resample
from ..errors import CadenzaError
from ..files import atomic_file
from ..hearing import amplify, compensate_delay, ear_of, nalr_filter
from ..progress import Progress, silent
from ..remix import EARS
from .explain import HaaqiExplanation, explain_haaqi
from .haaqi import Engine, HaaqiPair, compute_haaqi, fast_engine, haaqi_parts_of_pairs, reference_level
from .haaqi_model import GLOBAL_STATE

__all__ = [
    "COLUMNS",
    "HAAQI_RATE",
    "ORDER",
    "PairScore",
    "RemixScore",
    "StemReference",
    "read_scores",
    "score_against",
    "score_named",
    "score_remix",
    "score_stems",
    "song_seed",
    "stem_references",
    "write_scores",
]

#: Order of the recipe's calls within a song and listener.
ORDER = ("drums", "bass", "other", "vocals")
#: Sample rate at which HAAQI gets its signals, Hz.
HAAQI_RATE = 24000
#: Header of the recipe's `scores.csv`.
COLUMNS = (
    "song",
    "listener",
    "score",
    "left_bass",
    "right_bass",
    "left_drums",
    "right_drums",
    "left_other",
    "right_other",
    "left_vocals",
    "right_vocals",
)


def song_seed(song_name: str) -> int:
    """Give the recipe's seed of a song."""
    # A name from a file name that is not UTF-8 has no official seed; it gets one all the same.
    return int(hashlib.md5(song_name.encode("utf-8", "surrogatepass")).hexdigest(), 16) % 10**8


@contextlib.contextmanager
def _recipe_noise(song_name: str, progress: Progress) -> Iterator[None]:
    """Seed NumPy's global state for a song, keep other scorings from drawing from it, and put it back."""
    while not GLOBAL_STATE.acquire(timeout=0.2):
        progress(0.0, "waiting: another score is being computed")
    state = np.random.get_state()  # noqa: NPY002 - the recipe's scores hang on the global state
    try:
        np.random.seed(song_seed(song_name))  # noqa: NPY002
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        GLOBAL_STATE.release()


def score_named(
    seed_name: str,
    pairs: Iterable[tuple[str, HaaqiPair]],
    count: int,
    *,
    engine: Engine = fast_engine,
    threads: int | None = None,
    explain: bool = False,
    progress: Progress = silent,
) -> tuple[dict[str, float], dict[str, HaaqiExplanation]]:
    """Score named pairs with the noise of a song or scene: the fast engine several at a time, another one after the other.

    Parameters
    ----------
    seed_name : str
        The song's or scene's name, which seeds the noise as :func:`song_seed`.
    pairs : iterable of (str, HaaqiPair)
        In the recipe's order.
    count : int
        How many there are, for the progress.
    threads : int or None
        Scores computed at a time, by the fast engine; None: one for each processor. The numbers do not depend on it.
    explain : bool
        Also say what each score consists of.

    Raises
    ------
    CadenzaError
        If a signal is faulty, or another engine than the fast one shall explain.
    """
    names: list[str] = []
    if explain and engine is not fast_engine:
        raise CadenzaError(
            "Only the fast engine tells what a score consists of. Score without an explanation, or with it."
        )
    if engine is fast_engine:

        def named() -> Iterator[HaaqiPair]:
            for name, pair in pairs:
                progress(len(names) / (count + 1), f"HAAQI, {_part(name)}")
                names.append(name)
                yield pair

        def relay(done: float, text: str) -> None:
            progress(len(names) / (count + 1), text)

        options: dict[str, Any] = {"threads": threads, "detailed": explain, "progress": relay}
        results = haaqi_parts_of_pairs(named(), seed=song_seed(seed_name), **options)
        parts = dict(zip(names, results, strict=True))
        explained = {name: explain_haaqi(p) for name, p in parts.items() if explain and math.isfinite(p.score)}
        return {name: p.score for name, p in parts.items()}, explained
    scores: dict[str, float] = {}
    with _recipe_noise(seed_name, progress):
        for name, pair in pairs:
            progress(len(scores) / count, f"HAAQI, {_part(name)}")
            rates = pair.processed_rate, pair.reference_rate
            others = pair.audiogram, pair.equalisation, pair.level1
            scores[name] = compute_haaqi(pair.processed, pair.reference, *rates, *others, engine=engine)
    return scores, {}


def _part(name: str) -> str:
    """Say what ``left`` or ``left_drums`` is, for people."""
    ear, _, stem = name.partition("_")
    return f"{stem}, {ear} ear" if stem else f"{ear} ear"


@dataclass(frozen=True)
class PairScore:
    """HAAQI of the eight stems of one song and listener.

    Parameters
    ----------
    song, listener : str
    haaqi : mapping of str to float
        ``left_drums`` and so on; NaN where the reference is silent, which cannot be scored.
    explanations : mapping of str to HaaqiExplanation
        Of those that have a score, if they were asked for.
    """

    song: str
    listener: str
    haaqi: Mapping[str, float]
    explanations: Mapping[str, HaaqiExplanation] = field(default_factory=dict, compare=False, repr=False)

    @property
    def score(self) -> float:
        """Mean of the stems that have a score (the recipe's `score` where all have one)."""
        values = [value for value in self.haaqi.values() if not math.isnan(value)]
        return float(np.mean(values)) if values else math.nan

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(
            f"{name}: the reference is silent, no score; left out of the mean"
            for name, value in self.haaqi.items()
            if math.isnan(value)
        )


def score_stems(
    song_name: str,
    listener: Listener,
    read_processed: Callable[[str], np.ndarray],
    read_reference: Callable[[str], np.ndarray],
    reference_rate: int,
    *,
    engine: Engine = fast_engine,
    explain: bool = False,
    progress: Progress = silent,
) -> PairScore:
    """Compute the recipe's eight HAAQI values.

    Parameters
    ----------
    song_name : str
        The challenge's track name: it seeds the noise.
    listener : Listener
    read_processed : function
        Gives the processed stem ``left_drums``, ...: shape (n,), float32, at 24 kHz, as read from the submission.
    read_reference : function
        Gives the true stem ``drums``, ...: shape (2, n), float32, at `reference_rate`, cut as the submission is.
    reference_rate : int
        Hz (44100).
    explain : bool
        Also tell what each score consists of; the fast engine alone can.

    Raises
    ------
    CadenzaError
        If a signal is faulty, or another engine than the fast one shall explain.
    """
    references = stem_references(read_reference, reference_rate)
    return score_against(
        song_name, listener, read_processed, references, engine=engine, explain=explain, progress=progress
    )


@dataclass(frozen=True, eq=False)
class StemReference:
    """The true stem of one ear, ready for HAAQI whoever listens.

    Parameters
    ----------
    name : str
        ``left_drums``, ...
    samples : np.ndarray [shape=(n,), dtype=float32]
        At 24 kHz.
    level : float
        `reference_level` of it before it was resampled; infinite: it is silent.
    """

    name: str
    samples: np.ndarray
    level: float


def stem_references(read_reference: Callable[[str], np.ndarray], rate: int) -> Iterator[StemReference]:
    """Give the eight references of a song in the recipe's order, each read and resampled as it is asked for.

    Parameters
    ----------
    read_reference, rate :
        As of :func:`score_stems`.
    """
    for stem in ORDER:
        reference = read_reference(stem)
        for row, ear in enumerate(EARS):
            level = reference_level(reference[row])
            yield StemReference(f"{ear}_{stem}", resample(reference[row], rate, HAAQI_RATE), level)


def score_against(
    song_name: str,
    listener: Listener,
    read_processed: Callable[[str], np.ndarray],
    references: Iterable[StemReference],
    *,
    engine: Engine = fast_engine,
    threads: int | None = None,
    explain: bool = False,
    progress: Progress = silent,
) -> PairScore:
    """Do as :func:`score_stems`, with references that are ready: a song's are the same for all listeners.

    Parameters
    ----------
    references : iterable of StemReference
        All eight, in the order of :func:`stem_references`.
    threads : int or None
        Scores computed at a time, by the fast engine; None: one for each processor. The numbers do not depend on it.
    """
    scores = {f"{ear}_{stem}": math.nan for stem in ORDER for ear in EARS}

    def pairs() -> Iterator[tuple[str, HaaqiPair]]:
        for one in references:
            if not math.isinf(one.level):
                ear = ear_of(listener, one.name.split("_")[0])
                processed = read_processed(one.name)
                yield one.name, HaaqiPair(processed, one.samples, HAAQI_RATE, HAAQI_RATE, ear, 1, one.level)

    options: dict[str, Any] = {"engine": engine, "threads": threads, "explain": explain, "progress": progress}
    found, explanations = score_named(song_name, pairs(), len(scores), **options)
    progress(1.0, "scored")
    return PairScore(song_name, listener.id, {**scores, **found}, explanations)


@dataclass(frozen=True)
class RemixScore:
    """HAAQI of a remix for the two ears, and its mean; explained, if that was asked for."""

    left: float
    right: float
    explanations: Mapping[str, HaaqiExplanation] = field(default_factory=dict, compare=False, repr=False)

    @property
    def score(self) -> float:
        """Mean of the ears."""
        return (self.left + self.right) / 2


def score_remix(
    song_name: str,
    listener: Listener,
    remix: np.ndarray,
    reference: np.ndarray,
    rate: int,
    *,
    engine: Engine = fast_engine,
    explain: bool = False,
    progress: Progress = silent,
) -> RemixScore:
    """Compute HAAQI of an amplified remix against the same remix of the true stems, as ICASSP 2024's recipe does.

    The reference is amplified with NAL-R here and given to HAAQI as such (`equalisation` 2), at a level of 65 dB SPL
    before the amplification; both at 24 kHz. Seeded as the stems are. Unlike that recipe, no loudness is normalised.

    Parameters
    ----------
    remix : np.ndarray [shape=(2, n)]
        As the listener hears it: amplified.
    reference : np.ndarray [shape=(2, n)]
        Remix of the true stems with the same gains, **not** amplified.
    rate : int
        Hz.

    Raises
    ------
    CadenzaError
        If a signal is faulty or an ear of the reference is silent.
    """

    def pairs() -> Iterator[tuple[str, HaaqiPair]]:
        for row, ear in enumerate(EARS):
            audiogram = ear_of(listener, ear)
            amplified = compensate_delay(amplify(reference[row], nalr_filter(audiogram, rate)))
            heard, target = resample(remix[row], rate, HAAQI_RATE), resample(amplified, rate, HAAQI_RATE)
            level = reference_level(reference[row])
            yield ear, HaaqiPair(heard, target, HAAQI_RATE, HAAQI_RATE, audiogram, 2, level)

    scores, explanations = score_named(song_name, pairs(), len(EARS), engine=engine, explain=explain, progress=progress)
    progress(1.0, "scored")
    return RemixScore(scores["left"], scores["right"], explanations)


def write_scores(path: Path, scores: Iterable[PairScore]) -> None:
    """Write `scores.csv` as the recipe's `ResultsFile`: its header and order, numbers in full, CRLF line ends.

    A stem that has no score is an empty cell.

    Raises
    ------
    CadenzaError
        If the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for pair in scores:
        cells = {"song": pair.song, "listener": pair.listener, "score": pair.score, **pair.haaqi}
        writer.writerow(["" if isinstance(v := cells[c], float) and math.isnan(v) else v for c in COLUMNS])
    try:
        content = text.getvalue().encode("utf-8")
    except UnicodeEncodeError as error:
        raise CadenzaError(
            f"{path} cannot hold a song or listener name that is not UTF-8 ({error}). Rename it."
        ) from error
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def read_scores(path: Path) -> list[PairScore]:
    """Read a `scores.csv`, ours or the official one, in UTF-8 with or without a byte order mark.

    Further columns are allowed. The column `score` is not read: a :class:`PairScore` computes it.

    Raises
    ------
    CadenzaError
        If it lacks a column, a row has too few or too many cells, or a cell is not a finite number. An empty cell and
        ``nan`` stand for a stem without a score.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CadenzaError(f"{path} cannot be read as a score table: {error}.") from error
    if missing := [column for column in COLUMNS if column not in header]:
        raise CadenzaError(
            f"{path} is not a score table: it has no column {', '.join(missing)}. Wanted: {', '.join(COLUMNS)}."
        )
    pairs = []
    for number, row in rows:
        if None in row or None in row.values():
            raise CadenzaError(f"{path}, line {number}: the number of cells is not the header's, {len(header)}.")
        haaqi = {name: _number(path, number, name, row[name]) for name in (f"{e}_{s}" for s in ORDER for e in EARS)}
        pairs.append(PairScore(row["song"], row["listener"], haaqi))
    return pairs


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text or "nan")
        if math.isinf(value):
            raise ValueError
    except ValueError:
        raise CadenzaError(f"{path}, line {line}, {column}: {text!r} is not a finite number.") from None
    return value
