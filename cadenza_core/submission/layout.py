"""Names of CAD1's submission: one place that makes them and one that takes them apart.

::

    enhanced_signals/[evaluation/]<listener>/<song>/<listener>_<song>_{left,right}_{vocals,drums,bass,other}.flac
                                                    <listener>_<song>_{left,right}_{...}.txt       scale factor
                                                    <listener>_<song>_remix.flac

Stems are mono at 24 kHz, the remix is stereo at 32 kHz, both 16 bit (CAD1 task 1, "Submission"; pyclarity's
`recipes/cad1/task1/baseline/{enhance,test}.py`). Song names hold spaces, dots, quotes, " - " and underscores, so a file
name is only ever read together with the names of its two folders: that is never ambiguous.
"""

import re
from pathlib import Path

from ..audio import STEMS
from ..errors import CadenzaError
from ..files import check_name

__all__ = [
    "ENHANCED",
    "EVALUATION",
    "PAIR_FILES",
    "REMIX_RATE",
    "SIDES",
    "STEM_NAMES",
    "STEM_RATE",
    "check_listener",
    "enhanced_folder",
    "file_part",
    "is_partial",
    "looks_official",
    "pair_complete",
    "pair_file",
    "pair_folder",
    "scale_path",
    "zip_name",
]

#: Folder of all results, and of the evaluation set in it.
ENHANCED, EVALUATION = "enhanced_signals", "evaluation"
#: Sample rates, Hz.
STEM_RATE, REMIX_RATE = 24000, 32000
SIDES = ("left", "right")
#: The eight mono stems, "left_vocals" to "right_other".
STEM_NAMES = tuple(f"{side}_{stem}" for side in SIDES for stem in STEMS)
#: The 17 files of a pair by what comes after ``<listener>_<song>_``.
PAIR_FILES = (*(f"{stem}.{suffix}" for stem in STEM_NAMES for suffix in ("flac", "txt")), "remix.flac")

_OFFICIAL = re.compile(rf".+_.+_(?:{'|'.join(re.escape(file) for file in PAIR_FILES)})", re.DOTALL)
_PARTIAL = re.compile(
    r"\.partial-.*|.*(?:\.part|\.partial|\.tmp|\.temp|\.crdownload|\.swp|~)", re.DOTALL | re.IGNORECASE
)
#: Longest file name that common file systems take, bytes.
_NAME_LIMIT = 255


def check_listener(listener_id: str) -> str:
    """Return `listener_id` if it can be a folder of the submission.

    Raises
    ------
    CadenzaError
        As :func:`~cadenza_core.files.check_name`, or if it is the name of the folder above.
    """
    check_name(listener_id, "listener")
    if listener_id in {ENHANCED, EVALUATION}:
        raise CadenzaError(f"A listener cannot be named {listener_id!r}: the submission's own folder is. Rename it.")
    return listener_id


def enhanced_folder(root: Path, *, evaluation: bool) -> Path:
    """Give the folder of the listeners' folders: ``root/enhanced_signals``, and ``evaluation`` in it for that set."""
    return root / ENHANCED / EVALUATION if evaluation else root / ENHANCED


def pair_folder(folder: Path, listener_id: str, song_name: str) -> Path:
    """Give the folder of one listener and song in `folder` (see :func:`enhanced_folder`).

    Raises
    ------
    CadenzaError
        If a name cannot be a folder's, or both together are too long for the files in it.
    """
    check_listener(listener_id)
    check_name(song_name, "song")
    longest = max((pair_file(listener_id, song_name, part) for part in PAIR_FILES), key=len)
    if len(longest.encode()) > _NAME_LIMIT:
        raise CadenzaError(
            f"Listener {listener_id!r} and song {song_name!r} make file names of {len(longest.encode())} bytes; "
            f"{_NAME_LIMIT} is the most. Shorten one of them."
        )
    return folder / listener_id / song_name


def pair_file(listener_id: str, song_name: str, part: str) -> str:
    """Give the name of one file of a pair; `part` is one of :data:`PAIR_FILES`."""
    return f"{listener_id}_{song_name}_{part}"


def file_part(listener_id: str, song_name: str, file_name: str) -> str | None:
    """Read a file name back: which of :data:`PAIR_FILES` it is in the folder ``listener_id/song_name``, or None."""
    part = file_name.removeprefix(f"{listener_id}_{song_name}_")
    return part if part != file_name and part in PAIR_FILES else None


def scale_path(stem: Path) -> Path:
    """Give the file with the scale factor of a stem's FLAC file."""
    return stem.with_suffix(".txt")


def pair_complete(folder: Path, listener_id: str, song_name: str) -> bool:
    """Whether all 17 files of a pair are there: the remix is written last, so a stopped export is never complete."""
    target = pair_folder(folder, listener_id, song_name)
    return all((target / pair_file(listener_id, song_name, part)).is_file() for part in PAIR_FILES)


def looks_official(file_name: str) -> bool:
    """Whether a file is named like one of the submission's, whatever the listener and the song."""
    return _OFFICIAL.fullmatch(file_name) is not None


def is_partial(file_name: str) -> bool:
    """Whether a file is named as programs name what they have not finished, this one's temporary files among them."""
    return _PARTIAL.fullmatch(file_name) is not None


def zip_name(team: str) -> str:
    """Give the archive's name, ``submission_<team>.zip``.

    Raises
    ------
    CadenzaError
        If the team's name cannot be part of a file name.
    """
    return f"submission_{check_name(team, 'team')}.zip"
