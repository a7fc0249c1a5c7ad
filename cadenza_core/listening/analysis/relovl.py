"""REL/OVL: the ranking of DCASE 2024 task 9, and its preselection.

The five systems of the best SDR on the synthetic evaluation set, one of each team, go into the listening test; they are ranked
by the mean of relevance (REL) and overall quality (OVL), weighted 1:1.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ...analysis import ScoreTable
from ...errors import CadenzaError
from ...statistics import Interval
from ...store.exporting import without_guard
from ...store.published import published_results
from ...store.store import Store
from ...store.tables import open_table
from .choice import Choice
from .ratings import cube, intervals_of
from .tidy import Answers

__all__ = ["SELECTED", "incomplete", "preselection", "ranking", "read_sdr", "stored_sdr"]

#: How many systems go into the listening test.
SELECTED = 5
_SCALES = ("relevance", "overall")


def _both(answers: Answers) -> pd.DataFrame:
    """Give the answers of which both scales were given, with a column for each."""
    rows = answers.frame[answers.frame["scale"].isin(_SCALES) & (answers.frame["role"] == "system")]
    key = ["participant", "trial", "item", "condition"]
    wide = rows.pivot_table(index=key, columns="scale", values="value").reindex(columns=list(_SCALES))
    return wide.reset_index()


def incomplete(answers: Answers) -> int:
    """Give how many judgements lack one of the two scales and do not count."""
    return int(_both(answers)[list(_SCALES)].isna().any(axis=1).sum())


def ranking(answers: Answers, choice: Choice, teams: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rank the systems by the mean of REL and OVL.

    Parameters
    ----------
    teams : pd.DataFrame, optional
        `system`, `team`.

    Returns
    -------
    pd.DataFrame
        `rank`, `system`, `team`, `mean`, `low`, `high` (95 %), `relevance`, `relevance_low`, `relevance_high`, `overall`,
        `overall_low`, `overall_high`, `participants`, `judgements`; best first, equal means share a rank.

    Raises
    ------
    CadenzaError
        If there are no judgements with both.
    """
    wide = _both(answers).dropna(subset=list(_SCALES))
    if wide.empty:
        raise CadenzaError("The ranking needs judgements of relevance and of overall quality of the same sound.")
    wide["mean"] = (wide["relevance"] + wide["overall"]) / 2.0
    columns: dict[str, list[Interval]] = {}
    for name in ("mean", *_SCALES):
        values, systems, _, _ = cube(wide.assign(value=wide[name]))
        columns[name] = intervals_of(values, choice.over)
    frame = pd.DataFrame({"system": systems})
    known = {} if teams is None else dict(zip(teams["system"], teams["team"], strict=True))
    frame["team"] = [str(known.get(system, "")) for system in systems]
    for name, intervals in columns.items():
        start = "" if name == "mean" else f"{name}_"
        frame[name] = [one.mean for one in intervals]
        frame[f"{start}low"] = [one.low for one in intervals]
        frame[f"{start}high"] = [one.high for one in intervals]
    frame["participants"] = [one.count for one in columns["mean"]]
    frame["judgements"] = frame["system"].map(wide.groupby("condition").size())
    frame.insert(0, "rank", frame["mean"].round(12).rank(method="min", ascending=False).astype("Int64"))
    return frame.sort_values(["rank", "system"], kind="stable").reset_index(drop=True)


def preselection(systems: pd.DataFrame, count: int = SELECTED) -> pd.DataFrame:
    """Choose the systems of the best SDR, one of each team.

    Parameters
    ----------
    systems : pd.DataFrame
        `system`, `team`, `sdr` (dB). A system without a team is a team of its own.
    count : int

    Returns
    -------
    pd.DataFrame
        `rank` (by SDR), `system`, `team`, `sdr`, `selected`, `why`.

    Raises
    ------
    CadenzaError
        If there are none, a system is there twice, or the count is not 1 or more.
    """
    if count < 1:
        raise CadenzaError(f"One system at least is to be chosen, not {count}.")
    table = systems[["system", "team", "sdr"]].dropna(subset=["sdr"])
    if table.empty:
        raise CadenzaError("No system has an SDR here: nothing can be chosen.")
    if table["system"].duplicated().any():
        twice = table.loc[table["system"].duplicated(), "system"].iloc[0]
        raise CadenzaError(f"{twice} is in the table twice: a system has one SDR.")
    table = table.sort_values(["sdr", "system"], ascending=[False, True], kind="stable").reset_index(drop=True)
    best: dict[str, str] = {}
    why: list[str] = []
    chosen: list[bool] = []
    for row in table.itertuples():
        team = str(row.team) or f"\0{row.system}"
        first = best.setdefault(team, str(row.system))
        is_in = first == row.system and sum(chosen) < count
        chosen.append(is_in)
        if is_in:
            why.append("")
        elif first != row.system:
            why.append(f"its team has a better one, {first}")
        else:
            why.append(f"{count} systems are better")
    table.insert(0, "rank", table["sdr"].rank(method="min", ascending=False).astype("Int64"))
    return table.assign(selected=chosen, why=why)


def stored_sdr(table: ScoreTable, store: Store | None = None) -> pd.DataFrame:
    """Give the mean SDR of each system of an evaluation set: own scores, and published or imported figures beside them.

    Returns
    -------
    pd.DataFrame
        `system`, `team`, `sdr` (dB).
    """
    rows = table.frame[table.frame["metric"] == "sdr"]
    own = rows.groupby("system", observed=True)["value"].mean()
    teams = table.systems["team"] if len(table.systems) else pd.Series(dtype=object)
    found = [(str(name), str(teams.get(name, "") or ""), float(value)) for name, value in own.items()]
    results = published_results(table.evaluation_set, store=store)
    results = results[(results["measure"] == "sdr") & ~results["system"].isin([name for name, _, _ in found])]
    found += [(str(row.system), str(row.team or ""), float(row.value)) for row in results.itertuples()]
    return pd.DataFrame(found, columns=["system", "team", "sdr"])


def read_sdr(path: Path) -> pd.DataFrame:
    """Read a table of systems, teams and SDR (CSV; the team may be missing).

    Raises
    ------
    CadenzaError
        If it cannot be read, a column is missing or an SDR is not a finite number.
    """
    parts = []
    with open_table(path) as table:
        if missing := [name for name in ("system", "sdr") if name not in table.header]:
            raise CadenzaError(f"{path} needs the columns system, team and sdr; {', '.join(missing)} is missing.")
        for part in table.parts:
            values = part.numbers("sdr")
            for row in np.flatnonzero(np.isnan(values)):
                raise CadenzaError(f"{part.where('sdr', int(row))}: an SDR in dB is wanted.")
            names = {
                name: [without_guard(text).strip() for text in part.columns.get(name, [""] * len(part))]
                for name in ("system", "team")
            }
            parts.append(pd.DataFrame({**names, "sdr": values}))
    if not parts:
        raise CadenzaError(f"{path} has no systems, only a header.")
    return pd.concat(parts, ignore_index=True)
