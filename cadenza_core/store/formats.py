"""Score tables that are understood: CAD1's `scores.csv`, ICASSP 2024's, and our own export; told apart by their columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..errors import CadenzaError
from ..quality.scores import COLUMNS as CAD1_COLUMNS
from .exporting import without_guard
from .facts import KEY, METRICS, SCORE_COLUMNS
from .tables import Part, Table

__all__ = ["ICASSP_COLUMNS", "Reading", "reading_of"]

#: Header of ICASSP 2024's `scores.csv` (pyclarity, recipes/cad_icassp_2024/baseline/evaluate.py).
ICASSP_COLUMNS = ("scene", "song", "listener", "left_score", "right_score", "score")
_STEMS = tuple(column for column in CAD1_COLUMNS if "_" in column)
#: A mean in a file may be rounded, but not by more.
_ROUNDED = 1e-4


@dataclass
class Reading:
    """How a table is read: gives a part as scores, and collects what should be said afterwards."""

    kind: str
    frame: Callable[["Reading", Part], pd.DataFrame]
    notes: list[str] = field(default_factory=list)
    other_means: int = 0

    def of(self, part: Part) -> pd.DataFrame:
        """Give the scores of some rows: columns as :data:`SCORE_COLUMNS`, where the table has them."""
        return self.frame(self, part)

    def remarks(self) -> list[str]:
        """Say what was noticed."""
        said = list(self.notes)
        if self.other_means:
            said.append(
                f"in {self.other_means:,} rows the column 'score' is not the mean of the row's scores; the scores count"
            )
        return said


def reading_of(table: Table) -> Reading:
    """Tell what kind of score table this is.

    Raises
    ------
    CadenzaError
        If it is none; what is missing is named.
    """
    header = table.header
    for kind, frame, needed in (
        ("cad1", _cad1, ("song", "listener", *_STEMS)),
        ("icassp-2024", _icassp, tuple(column for column in ICASSP_COLUMNS if column != "score")),
        ("cadenza", _own, ("song", "listener", "value")),
    ):
        if set(needed) <= set(header):
            known = {*needed, "score", *(SCORE_COLUMNS if kind == "cadenza" else ())}
            rest = [column for column in header if column not in known and not (kind == "cadenza" and column == "run")]
            reading = Reading(kind, frame)
            if rest:
                reading.notes.append(f"columns that were not read: {', '.join(rest)[:200]}")
            return reading
    raise CadenzaError(_what_is_missing(table, header))


def _what_is_missing(table: Table, header: Sequence[str]) -> str:
    found = f"{table.path} is not a score table: it has the columns {', '.join(header)[:300]}."
    if missing := [column for column in ("song", "listener", *_STEMS) if column not in header]:
        found += f" CAD1's needs {', '.join(missing)} too"
    missing = [column for column in ICASSP_COLUMNS if column not in header and column != "score"]
    return f"{found}; ICASSP 2024's {', '.join(missing)}; our own song, listener and value."


def _cad1(reading: Reading, part: Part) -> pd.DataFrame:
    haaqi = METRICS["haaqi"]
    values = np.array([part.numbers(column, haaqi) for column in _STEMS])
    _compare_means(reading, part, values)
    ears, stems = zip(*(column.split("_") for column in _STEMS), strict=True)
    rows = len(part)
    return pd.DataFrame(
        {
            "song": np.tile(np.array(part.columns["song"], dtype=object), len(_STEMS)),
            "listener": np.tile(np.array(part.columns["listener"], dtype=object), len(_STEMS)),
            "metric": "haaqi",
            "stem": np.repeat(np.array(stems, dtype=object), rows),
            "ear": np.repeat(np.array(ears, dtype=object), rows),
            "value": values.ravel(),
        }
    )


def _icassp(reading: Reading, part: Part) -> pd.DataFrame:
    haaqi = METRICS["haaqi"]
    values = np.array([part.numbers(column, haaqi) for column in ("left_score", "right_score")])
    _compare_means(reading, part, values)
    names = {
        name: np.tile(np.array(part.columns[column], dtype=object), 2)
        for name, column in (("song", "song"), ("listener", "listener"), ("excerpt", "scene"))
    }
    ears = np.repeat(np.array(["left", "right"], dtype=object), len(part))
    return pd.DataFrame({**names, "metric": "haaqi", "stem": "remix", "ear": ears, "value": values.ravel()})


def _own(_: Reading, part: Part) -> pd.DataFrame:
    texts = {name: [without_guard(text) for text in part.columns[name]] for name in KEY if name in part.columns}
    values = part.numbers("value")
    metrics = np.array(texts.get("metric", ["haaqi"] * len(part)))
    for metric in [METRICS[name] for name in np.unique(metrics) if name in METRICS]:
        impossible = (metrics == metric.name) & ((values < metric.low) | (values > metric.high))
        for row in np.flatnonzero(impossible):
            metric.check(float(values[row]), part.where("value", int(row)))
    return pd.DataFrame({**texts, "value": values})


def _compare_means(reading: Reading, part: Part, values: np.ndarray) -> None:
    """Count rows whose mean is not the mean of their scores: the file was changed by hand, or has another meaning."""
    if "score" not in part.columns:
        return
    given = part.numbers("score")
    counts = (~np.isnan(values)).sum(axis=0)
    means = np.nansum(values, axis=0) / np.maximum(counts, 1)
    differs = ~np.isnan(given) & (counts > 0) & (np.abs(means - given) > _ROUNDED)
    reading.other_means += int(differs.sum())
