"""A run's scores into the database, under the evaluation set's name and the system's."""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..separation import get_system
from ..settings import Settings
from .folder import RunFolder
from .plan import Plan
from .scenes import SceneSet
from .sets import ChallengeSet

if TYPE_CHECKING:
    from ..store import ImportReport, ScoredSystem

__all__ = ["set_name", "store_scores", "system_of"]

_PARTS = {"train": "training", "valid": "validation", "test": "evaluation"}


def set_name(data: ChallengeSet | SceneSet) -> str:
    """Give the evaluation set's name in the database: ``cad1-validation``, ``icassp-2024-training``, ...

    Scores of other excerpts than the challenge's are another set: ``cad1-evaluation-whole``, ``cad1-validation-segments``.
    """
    if isinstance(data, SceneSet):
        return f"icassp-2024-{_PARTS[data.name]}"
    usual = data.is_cut == (data.name == "test")
    return f"cad1-{_PARTS[data.name]}" + ("" if usual else "-segments" if data.is_cut else "-whole")


def system_of(enhanced: Path, settings: Settings, name: str = "") -> "ScoredSystem":
    """Tell whose files these are: from the run that wrote them, else from the folder's name.

    Parameters
    ----------
    enhanced : Path
        The folder of `enhance --out`, or anybody's.
    name : str
        What to call the system instead.

    Raises
    ------
    CadenzaError
        If the name cannot be stored.
    """
    from ..store import ScoredSystem

    places = (enhanced, enhanced.absolute().parent, enhanced.absolute().parent.parent)
    folder = next((one for one in (RunFolder(place / "challenge") for place in places) if one.exists), None)
    if folder is None:
        own = {"enhanced_signals", "evaluation"}
        return ScoredSystem(name or next(part for part in reversed(enhanced.absolute().parts) if part not in own))
    facts = folder.plan()["facts"]
    info = get_system(facts["system"], settings).info
    aids = [facts.get("prescription", "nalr"), *(["compressor"] if facts.get("compressor") else [])]
    made = "+".join([facts["system"], *(aid for aid in aids if aid != "nalr")])
    allowed = "oracle" if info.oracle else "closed" if info.cad1_closed else "open"
    return ScoredSystem(name or made, separation=facts["system"], prescription="+".join(aids), allowed_data=allowed)


def store_scores(
    plan: Plan, data: ChallengeSet | SceneSet, system: "ScoredSystem", settings: Settings, *, replace: bool = False
) -> "ImportReport":
    """Store every score that the plan's journal has, with what is known of songs and listeners.

    What is stored already with the same value stays as it is; with another value it is a conflict, unless `replace`.

    Raises
    ------
    CadenzaError
        If the database cannot be opened or written.
    """
    import pandas as pd

    from ..store import ImportReport, Origin, Store
    from ..store.names import learn

    done = plan.folder.journal().done
    rows: list[dict[str, Any]] = []
    for key in plan.keys:
        if key in done:
            rows += _rows(key, done[key]["result"])
    if not rows:
        return ImportReport()
    fast = plan.facts["engine"] == "fast"
    engine = ("cadenza-fast", __version__) if fast else ("pyclarity", importlib.metadata.version("pyclarity"))
    origin = Origin("evaluation", "cadenza challenge evaluate", *engine, {"set": data.name})
    listeners = {listener.id: listener for _, listener in data.pairs}
    songs = data.songs if isinstance(data, ChallengeSet) else ()
    with Store.open(settings) as store:
        frame = pd.DataFrame(rows)
        report = store.add_scores(frame, evaluation_set=set_name(data), system=system, origin=origin, replace=replace)
        return report.joined(ImportReport(notes=tuple(learn(store, listeners.values(), songs))))


def _rows(key: tuple[str, str], result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the scores of a journal's entry, a row each; a stem without a score is none."""
    if "haaqi" in result:
        row = {"song": key[0], "listener": key[1], "excerpt": "", "metric": "haaqi"}
        scores = {name: value for name, value in result["haaqi"].items() if value is not None}
        return [
            {**row, "ear": name.split("_")[0], "stem": name.split("_")[1], "value": value}
            for name, value in scores.items()
        ]
    row = {"song": result["song"], "listener": key[1], "excerpt": key[0], "metric": "haaqi", "stem": "remix"}
    return [{**row, "ear": ear, "value": result[ear]} for ear in ("left", "right")]
