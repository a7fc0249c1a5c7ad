"""What is wrong with a submission: each fault has a path, a code, a severity and a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

__all__ = ["CODES", "Fault", "Report"]

Severity = Literal["error", "warning"]

_ERRORS = {
    # what is there
    "empty": "there is nothing of a submission in it",
    "empty-folder": "a listener's or song's folder has nothing in it",
    "missing-listener": "a listener that is expected has no folder",
    "missing-song": "a song that is expected has no folder of this listener",
    "unknown-listener": "a folder of a listener that is not expected",
    "unknown-song": "a folder of a song that is not expected",
    "missing-stem": "one of the eight FLAC files of a pair is not there",
    "missing-scale": "the scale file of a stem is not there",
    "missing-remix": "the remix of a pair is not there",
    "wrong-name": "named like one of the submission's files, but for another listener or song than its folders",
    "unsafe-name": "a name or path that cannot be a folder's or file's here: '..', absolute, control characters, a link",
    "unexpected-file": "a file or folder that is no part of a submission",
    "partial-file": "a file that some program has not finished writing",
    "unreadable": "the operating system does not let it be read",
    # sound
    "not-flac": "empty or in another format",
    "flac-damaged": "cut off, wrong checksum, or not as long as it says",
    "too-long": "says that it lasts hours",
    "sample-rate": "not 24 kHz (stem) or 32 kHz (remix)",
    "bit-depth": "not 16 bit",
    "channels": "not mono (stem) or stereo (remix)",
    "stem-lengths": "a stem is not as long as the others of its pair",
    "duration": "not as long as the song or segment",
    # scale files
    "scale-text": "not one number",
    "scale-not-finite": "NaN, infinite, or beyond float32",
    "scale-not-positive": "below 0, or 0 for a stem that is not silent",
    "lost-stem": "above 0, but all samples of the stem are 0",
    "clipped": "more than 1 % (stem) or half (remix) of the samples are at full scale",
    "swapped-ears": "left and right look exchanged, compared with the true stem or mixture",
    # score tables
    "score-row": "a pair's row is missing, there twice, or of no pair of the set",
    "score-value": "not a number from 0 to 1",
    "score-mean": "the score is not the mean of the stems' scores",
    # archives
    "zip-damaged": "not a zip file, cut off, or a member with a wrong checksum",
    "zip-duplicate": "two members of one name",
    "zip-encrypted": "a member that needs a password",
    "zip-bomb": "a member or archive that unpacks to far more than it is",
    "too-large": "a file larger than any of a submission's",
    # language-queried separation (DCASE 2024 task 9)
    "lass-name": "a folder or file whose name is not of the form, or does not fit the others",
    "lass-systems": "no system, more than four, or two of one number",
    "lass-meta": "the YAML of a system is missing, cannot be read, or lacks a field",
    "lass-url": "the file with the link to the audio is missing or holds none",
    "lass-report": "the technical report is missing or no PDF",
    "missing-output": "a mixture of the set has no output",
    "unknown-output": "an output that belongs to no mixture of the set",
    "not-wav": "no WAV file, or damaged",
    "not-finite": "samples that are NaN or infinite",
}
_WARNINGS = {
    "lass-no-audio": "an archive of outputs is not here, so nothing of it was checked",
    "silent-output": "all samples of an output are 0",
    "silent-stem": "all samples are 0: HAAQI will be poor unless the true stem is silent",
    "silent-remix": "all samples are 0",
    "remix-clips": "samples of the remix are at full scale",
    "remix-duration": "the remix does not last as long as the stems of its pair (no durations were given to compare with)",
    "stem-not-scaled": "the stem's peak is not at full scale: it was not divided by its peak",
}
#: Every fault code with its severity.
CODES: Mapping[str, Severity] = MappingProxyType(
    {**dict.fromkeys(_ERRORS, "error"), **dict.fromkeys(_WARNINGS, "warning")}
)


@dataclass(frozen=True, order=True)
class Fault:
    """One fault.

    Parameters
    ----------
    path : str
        The file or folder, relative to what was validated, with '/'; characters that are not UTF-8 are escaped.
    code : str
        One of :data:`CODES`.
    message : str
        One sentence without the path.
    """

    path: str
    code: str
    message: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown fault code {self.code!r}")
        object.__setattr__(self, "path", self.path.encode("utf-8", "backslashreplace").decode())

    @property
    def severity(self) -> Severity:
        """``"error"``: the submission is not as CAD1 asks; ``"warning"``: it can be scored, but look at it."""
        return CODES[self.code]

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.message} [{self.code}]"


@dataclass(frozen=True)
class Report:
    """Everything that was found, in an order that depends on the submission only.

    Parameters
    ----------
    path : Path
        What was validated.
    faults : tuple of Fault
        By path, then code.
    files : int
        Files that were checked (FLAC and scale files).
    pairs : int
        Folders of one listener and song that were checked.
    """

    path: Path
    faults: tuple[Fault, ...]
    files: int
    pairs: int

    @property
    def errors(self) -> tuple[Fault, ...]:
        """Faults that make the submission invalid."""
        return tuple(fault for fault in self.faults if fault.severity == "error")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Faults that do not."""
        return tuple(fault for fault in self.faults if fault.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return not self.errors
