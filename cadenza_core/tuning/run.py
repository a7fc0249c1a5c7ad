"""A proposal for a song: separate, take the true stems where there are any, search."""

from clarity.utils.audiogram import Listener

from ..audio import RATE
from ..catalog import Excerpt, Song
from ..hearing import DEFAULT_PRESCRIPTION
from ..hearing.thresholds import CALIBRATION_DB_SPL
from ..playback import fitted_stems
from ..progress import Progress, part, silent
from ..separation import separate
from ..settings import Settings
from .constraints import Constraints
from .material import Material, check_duration
from .objectives import Objective
from .proposal import Proposal, propose

__all__ = ["propose_remix"]


def propose_remix(
    song: Song,
    listener: Listener,
    system: str,
    excerpt: Excerpt,
    objective: Objective,
    constraints: Constraints,
    settings: Settings,
    *,
    prescription: str | None = DEFAULT_PRESCRIPTION,
    calibration_db_spl: float = CALIBRATION_DB_SPL,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Proposal, tuple[str, ...]]:
    """Propose a remix of a song's excerpt.

    Parameters
    ----------
    system : str
        Id of the separation system whose stems are remixed.
    prescription : str or None
        Id of the listener's amplification; None: there is none.
    calibration_db_spl : float
        Level of 0 dB FS at the ear, dB SPL.

    Returns
    -------
    Proposal
    tuple of str
        What the separation says of itself.

    Raises
    ------
    CadenzaError
        If the song cannot be separated, the excerpt is silent or too long, the objective cannot be had, or from `progress`.
    """
    start, stop = excerpt.start, song.duration if excerpt.stop is None else excerpt.stop
    check_duration(stop - start)
    separation = separate(song, system, settings, excerpt, progress=part(progress, 0.0, 0.2))
    truth = song.stems(excerpt) if song.has_stems else None
    stems = separation.stems
    frames = truth.length if truth else round(stems.length * RATE / stems.rate)
    material = Material(
        song.name,
        listener,
        fitted_stems(separation, frames),
        truth,
        prescription=prescription,
        calibration_db_spl=calibration_db_spl,
        progress=part(progress, 0.2, 0.25),
    )
    result = propose(objective, material, constraints, seed=seed, progress=part(progress, 0.25, 1.0))
    return result, separation.notes
