"""Results that others published: figures of whole systems, each with its source and date.

The tables of CAD1 (evaluation and validation set), ICASSP 2024 and CLIP1, and figures of language-queried separation, come
with the program (`published.json`, facts transcribed from the pages that it names). Further tables in the form of
cadenzachallenge.org's result files can be imported into a database. Published figures are shown beside one's own, marked,
and never computed with.
"""

import functools
import importlib.resources
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import insert, select

from ..errors import CadenzaError
from ..files import parse_json
from . import schema
from .facts import ImportReport, check_label
from .store import Store

__all__ = ["MEASURES", "NOT_RATED", "SETS", "import_results", "published_results", "set_title"]

#: The evaluation sets that this program knows, and what they are.
SETS = {
    "cad1-evaluation": "CAD1 task 1, evaluation set",
    "cad1-validation": "CAD1 task 1, validation set",
    "cad1-training": "CAD1 task 1, training set",
    "icassp-2024-evaluation": "ICASSP 2024, evaluation set",
    "icassp-2024-validation": "ICASSP 2024, validation set",
    "clip1-evaluation": "CLIP1 (lyric intelligibility), evaluation set",
    "clip1-validation": "CLIP1 (lyric intelligibility), validation set",
    "lass-dcase-2024-validation": "Language-queried: DCASE 2024 task 9, validation (synth)",
    "lass-dcase-2024-evaluation": "Language-queried: DCASE 2024 task 9, evaluation (SDR of synth, REL and OVL of real)",
    "lass-music": "Language-queried: MUSIC",
    "lass-esc-50": "Language-queried: ESC-50",
    "lass-audiocaps": "Language-queried: AudioCaps",
    "lass-clotho": "Language-queried: Clotho",
    "studio": "Computed in the studio",
}
#: Published measures: title, and whether more is better.
MEASURES = {
    "haaqi": ("HAAQI", True),
    "haaqi_left": ("HAAQI left", True),
    "haaqi_right": ("HAAQI right", True),
    "baq": ("BAQ", True),  # basic audio quality, 0 to 100, by the listening panel
    "rmse": ("RMSE", False),  # of predicted correctness, percentage points
    "correlation": ("Correlation", True),
    "sdr": ("SDR", True),  # of language-queried separation, dB, as the next two
    "sdri": ("SDRi", True),
    "si_sdr": ("SI-SDR", True),
    "rel_ovl": ("REL and OVL", True),  # relevance and overall quality, 1 to 5, by a listening panel: their mean
}
#: What a basic audio quality of 0 in CAD1's table means.
NOT_RATED = "not rated"
#: Names of measures in the challenges' own result files.
_ALIASES = {"lhaaqi": "haaqi_left", "rhaaqi": "haaqi_right", "ermse": "rmse", "ecorr": "correlation"}
_COLUMNS = ["evaluation_set", "system", "team", "measure", "value", "digits", "paper", "source", "published", "facts"]


def set_title(name: str) -> str:
    """Give what an evaluation set is called on a page."""
    return SETS.get(name, name)


@functools.cache
def _shipped() -> pd.DataFrame:
    text = importlib.resources.files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    rows = []
    for table in json.loads(text):
        about = {name: table[name] for name in ("evaluation_set", "source", "published", "digits")}
        for row in table["rows"]:
            facts = {"system": row["system"], "team": row["team"], "paper": row["paper"], "facts": row.get("facts", {})}
            rows += [{**about, **facts, "measure": name, "value": float(v)} for name, v in row["values"].items()]
    return pd.DataFrame(rows)[_COLUMNS]


def published_results(evaluation_set: str = "", store: Store | None = None) -> pd.DataFrame:
    """Give published figures, one row each.

    Parameters
    ----------
    evaluation_set : str
        Empty: of all sets.
    store : Store, optional
        Where further tables were imported to.

    Returns
    -------
    pd.DataFrame
        `evaluation_set`, `system`, `team`, `measure` (see :data:`MEASURES`), `value`, `digits` (decimals that were
        published), `paper`, `source`, `published` (year, or year and month), `facts`. A basic audio quality that the panel
        did not rate is NaN.
    """
    frames = [_shipped()]
    if store is not None and len(own := store.table(schema.Result)):
        frames.append(own.assign(facts=[{} for _ in range(len(own))])[_COLUMNS])
    found = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    if evaluation_set:
        found = found[found["evaluation_set"] == evaluation_set].reset_index(drop=True)
    unrated = (found["measure"] == "baq") & (found["value"] == 0.0)
    return found.assign(value=found["value"].mask(unrated))


def import_results(
    store: Store, path: Path, evaluation_set: str, *, source: str = "", published: str = ""
) -> ImportReport:
    """Import a table of published results in the form of the challenges' own files: ``{"data": [{"id", "HAAQI", ...}]}``.

    Parameters
    ----------
    source, published : str
        Where it is from, and its date.

    Raises
    ------
    CadenzaError
        If the file is none of that form.
    """
    rows = _read_results(path)
    added, unchanged, conflicts = 0, 0, []
    shipped = published_results(evaluation_set).set_index(["system", "measure"])["value"]
    with store.writing() as connection:
        for row in rows:
            where = {"evaluation_set": evaluation_set, "system": row["system"], "measure": row["measure"]}
            stored = connection.execute(select(schema.Result.value).filter_by(**where)).scalar()
            stored = shipped.get((row["system"], row["measure"]), stored)  # those that come with the program count too
            if stored is None:
                about = {"source": source, "published": published}
                about |= {name: row[name] for name in ("team", "paper", "digits")}
                connection.execute(insert(schema.Result).values(**where, value=row["value"], **about))
                added += 1
            elif stored == row["value"] or (math.isnan(stored) and not row["value"]):
                unchanged += 1
            else:
                conflicts.append({**where, "stored": stored, "given": row["value"]})
    return ImportReport(
        added, unchanged, conflicts=len(conflicts), conflict_rows=pd.DataFrame(conflicts), what="published figures"
    )


def _read_results(path: Path) -> list[dict[str, Any]]:
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        data = content["data"]
        if not isinstance(data, list):
            raise TypeError("'data' must be a list")
        rows = []
        for entry in data:
            system = check_label(entry["id"], "system")
            about = {"system": system, "team": str(entry.get("team", "")), "paper": str(entry.get("paper", ""))}
            for name, value in entry.items():
                if isinstance(value, int | Decimal) and not isinstance(value, bool) and name != "rank":
                    measure = _ALIASES.get(name.lower(), name.lower())[:40]
                    digits = max(0, -int(value.as_tuple().exponent)) if isinstance(value, Decimal) else 0
                    rows.append({**about, "measure": measure, "value": float(value), "digits": digits})
        return rows
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CadenzaError(
            f"{path} is not a table of results ({error!r}): "
            '{"data": [{"id": "E001", "team": "...", "HAAQI": 0.7}, ...]} is wanted.'
        ) from error
