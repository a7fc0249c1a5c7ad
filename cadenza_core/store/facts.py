"""What is said about scores when they are stored, and what is said back."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..errors import CadenzaError

__all__ = ["KEY", "METRICS", "SCORE_COLUMNS", "ImportReport", "Metric", "Origin", "ScoredSystem", "check_label"]

#: Columns that together name a score.
KEY = ("evaluation_set", "system", "song", "listener", "excerpt", "metric", "stem", "ear")
#: Columns of a table of scores.
SCORE_COLUMNS = (*KEY, "value")
#: Longest text of each column.
_LONGEST = {"song": 500, "metric": 40, "stem": 40, "ear": 8, "preset": 80}


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Parameters
    ----------
    name, title, unit : str
    low, high : float
        Range of possible values.
    higher_is_better : bool or None
        None: neither is better.
    """

    name: str
    title: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    higher_is_better: bool | None = True

    def check(self, value: float, where: str) -> float:
        """Return a value if it is possible.

        Raises
        ------
        CadenzaError
            If it is infinite or outside the range.
        """
        if math.isinf(value) or not self.low <= value <= self.high:
            span = f"{self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"{self.low:g} or more"
            wanted = span if math.isfinite(self.low) else "a finite number"
            raise CadenzaError(f"{where}: {value:g} cannot be {self.title}; {wanted} is accepted.")
        return value


#: The metrics that this program knows; others can be stored too, as any finite number.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("haaqi", "HAAQI", low=0.0, high=1.0),  # Kates & Arehart 2016
        Metric("sdr", "SDR", "dB"),
        Metric("sdri", "SDR above the mixture's", "dB"),
        Metric("si_sdr", "SI-SDR", "dB"),
        Metric("loudness", "loudness", "LUFS", higher_is_better=None),  # ITU-R BS.1770-4, integrated
        Metric("true_peak", "true peak", "dBTP", higher_is_better=None),
        Metric("clipped", "samples clipped", low=0.0, higher_is_better=False),
        Metric("correctness", "words understood", low=0.0, high=1.0),
    )
}


def check_label(text: object, what: str) -> str:
    """Return a name that can be stored: one line of text, not too long; spaces at its ends are taken off.

    Raises
    ------
    CadenzaError
        If it is empty, too long or has control characters.
    """
    label = str(text).strip()
    most = _LONGEST.get(what, 200)
    if not label or len(label) > most or any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in label):
        name = what.replace("_", " ")
        raise CadenzaError(f"{label[:60]!r} cannot be the name of a {name}: 1 to {most} characters, without line ends.")
    return label


@dataclass(frozen=True)
class ScoredSystem:
    """A system and what is known about it; empty: not said.

    Parameters
    ----------
    name : str
        Unique in a database.
    team, description, separation, prescription : str
    allowed_data : str
        What it was trained on: ``closed`` (the challenge's data only), ``open``, ``oracle``, or a sentence.
    """

    name: str
    team: str = ""
    description: str = ""
    separation: str = ""
    prescription: str = ""
    allowed_data: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_label(self.name, "system"))

    def facts(self) -> dict[str, str]:
        """Give everything but the name."""
        names = ("team", "description", "separation", "prescription", "allowed_data")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Origin:
    """Where scores come from.

    Parameters
    ----------
    kind : str
        ``import``, ``evaluation``, ``studio``.
    source : str
        A file's name, or what was computed.
    engine, engine_version : str
        What computed the numbers, such as ``cadenza-fast`` and ``pyclarity`` and their versions.
    configuration : mapping
        JSON values.
    """

    kind: str = "import"
    source: str = ""
    engine: str = ""
    engine_version: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def key(self, evaluation_set: str, system: str) -> str:
        """Give the digest by which this run of a system is known."""
        content = [evaluation_set, system, self.kind, self.source, self.engine, self.engine_version]
        text = json.dumps([*content, dict(self.configuration)], sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ImportReport:
    """What became of scores that were to be stored.

    Parameters
    ----------
    added, unchanged, replaced : int
        Scores that are new, that were there with the same value, and whose value was replaced because that was asked for.
    conflicts : int
        Scores that were there, or twice in the import, with another value: not stored.
    conflict_rows : pd.DataFrame
        The first thousand of them: key, `stored` and `given`; where the import contradicts itself, both its values and
        `where` says so.
    empty : int
        Rows without a value (NaN: a silent reference has no score).
    repeated : int
        Rows that the import held more than once, with the same value.
    notes : tuple of str
        What else should be known.
    what : str
        What was stored.
    """

    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    conflicts: int = 0
    conflict_rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    empty: int = 0
    repeated: int = 0
    notes: tuple[str, ...] = ()
    what: str = "scores"

    def joined(self, other: "ImportReport") -> "ImportReport":
        """Give both reports as one."""
        frames = [frame for frame in (self.conflict_rows, other.conflict_rows) if len(frame)]
        return ImportReport(
            self.added + other.added,
            self.unchanged + other.unchanged,
            self.replaced + other.replaced,
            self.conflicts + other.conflicts,
            pd.concat(frames, ignore_index=True) if frames else self.conflict_rows,
            self.empty + other.empty,
            self.repeated + other.repeated,
            (*self.notes, *other.notes),
            self.what,
        )

    @property
    def text(self) -> str:
        """Say it in a sentence."""
        parts = [f"{self.added:,} {self.what} added", f"{self.unchanged:,} were there already"]
        parts += [f"{self.replaced:,} replaced"] if self.replaced else []
        parts += [f"{self.conflicts:,} in conflict and not stored"] if self.conflicts else []
        parts += [f"{self.empty:,} cells without a score"] if self.empty else []
        parts += [f"{self.repeated:,} repeated in the file"] if self.repeated else []
        return ", ".join(parts) + "."
