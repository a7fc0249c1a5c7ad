"""The answers of one test as a tidy table, checked: a row for each participant, trial, condition and scale."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import CadenzaError
from ...store.exporting import without_guard
from ...store.tables import open_table
from ..answers import COLUMNS
from ..kinds import KINDS
from .scales import CHOICES, scale_named

__all__ = ["COLUMNS", "MID_ANCHOR", "Answers", "answers_of", "read_answers"]

#: The mid-range anchor of BS.1534-3: the reference through a low-pass filter at 7 kHz.
MID_ANCHOR = "anchor70"
_ROLES = ("system", "reference", "anchor")
_KEY = ["participant", "trial", "item", "condition", "scale"]
_TEXTS = (
    "test", "design", "participant", "listener", "trial", "phase", "song", "excerpt", "query", "condition", "role", "system",
    "scale",
)  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """The answers of one test that count.

    Parameters
    ----------
    test, design : str
    frame : pd.DataFrame
        As :data:`~cadenza_core.listening.answers.COLUMNS`, and `item`: what was judged (song, excerpt and query, or the trial
        where nothing of these is known).
    notes : tuple of str
        What was left out or taken for granted.
    """

    test: str
    design: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def scales(self) -> list[str]:
        """The scales, in the order of their coming."""
        return list(dict.fromkeys(self.frame["scale"]))

    @property
    def participants(self) -> list[str]:
        """The participants' codes, in order."""
        return sorted(set(self.frame["participant"]))

    @property
    def has_reference(self) -> bool:
        """Whether a hidden reference was rated."""
        return bool((self.frame["role"] == "reference").any())

    def of(self, scale: str) -> pd.DataFrame:
        """Give the answers on a scale.

        Raises
        ------
        CadenzaError
            If nothing was answered on it.
        """
        if scale not in self.scales:
            raise CadenzaError(f"Nothing was answered on the scale {scale!r}; there are {', '.join(self.scales)}.")
        return self.frame[self.frame["scale"] == scale]

    def without(self, participants: set[str], note: str) -> "Answers":
        """Give the answers of the others, and say why."""
        kept = self.frame[~self.frame["participant"].isin(participants)]
        return replace(self, frame=kept, notes=(*self.notes, note))


def answers_of(frame: pd.DataFrame, test: str = "", where: Callable[[int], str] | None = None) -> Answers:
    """Take the answers of one test out of a table, without training trials.

    What a table of one's own must have is `participant`, `condition` and `value`, and, where a condition was judged more than
    once, `trial` or `song`.

    Parameters
    ----------
    frame : pd.DataFrame
        Any of :data:`~cadenza_core.listening.answers.COLUMNS`; what is missing is told from what is there, or empty.
    test : str
        Which test; may be empty where there is one.
    where : function, optional
        Says where a row, by its number, comes from.

    Raises
    ------
    CadenzaError
        If a needed column is missing, there are several tests and none is named, nothing was answered, a value is not a number
        or not on its scale, or a participant has answered twice.
    """
    at = where or (lambda row: f"answer {row + 1}")
    if missing := [name for name in ("participant", "condition", "value") if name not in frame]:
        raise CadenzaError(
            f"A table of answers has a row for each participant, trial, condition and scale; {', '.join(missing)} is missing "
            f"from {', '.join(map(str, frame.columns))[:200] or 'nothing'}."
        )
    table = frame.reset_index(drop=True)
    table["place"] = np.arange(len(table))
    for name in _TEXTS:
        given = table[name] if name in table else pd.Series("", index=table.index)
        table[name] = given.astype(object).where(given.notna(), "").astype(str).str.strip()
    table = _one_test(table, test)
    training = table["phase"] == "training"
    notes = [f"{int(training.sum()):,} answers of training trials do not count"] if training.any() else []
    table = table[~training].reset_index(drop=True)
    if table.empty:
        raise CadenzaError(f"Nothing was answered in {test or 'this test'} yet.")
    notes += _complete(table)
    table["value"] = _values(table, at)
    _check(table, at)
    return Answers(str(table["test"].iloc[0]), str(table["design"].iloc[0]), table.drop(columns="place"), tuple(notes))


def read_answers(path: Path) -> pd.DataFrame:
    """Read a table of answers (CSV), as it is exported or of one's own, for :func:`answers_of`.

    Returns
    -------
    pd.DataFrame
        As it is in the file, and `line`, for messages.

    Raises
    ------
    CadenzaError
        If it cannot be read, or a value is not a number.
    """
    parts = []
    with open_table(path) as table:
        if "value" not in table.header:
            raise CadenzaError(
                f"{path} is no table of answers: it has the columns {', '.join(table.header)[:200]}, and participant, "
                "condition and value are wanted at least."
            )
        for part in table.parts:
            columns = {name: [without_guard(text) for text in texts] for name, texts in part.columns.items()}
            parts.append(pd.DataFrame({**columns, "value": part.numbers("value"), "line": part.lines}))
    if not parts:
        raise CadenzaError(f"{path} has no answers, only a header.")
    return pd.concat(parts, ignore_index=True)


def _one_test(table: pd.DataFrame, test: str) -> pd.DataFrame:
    tests = list(dict.fromkeys(table["test"]))
    if test and test not in tests:
        raise CadenzaError(f"There are no answers of the test {test!r}; there are {', '.join(tests) or 'none'}.")
    if not test and len(tests) > 1:
        raise CadenzaError(f"Say which test: {', '.join(tests)}.")
    return table[table["test"] == test] if test else table


def _complete(table: pd.DataFrame) -> list[str]:
    """Fill in what can be told from the rest; give what was."""
    notes = []
    empty = table["scale"] == ""
    if empty.any():
        table.loc[empty, "scale"] = "quality"
        notes.append("the column scale is empty: the answers are taken as ratings of quality, 0 to 100")
    if (table["role"] == "").any():
        names = table["condition"].str.lower()
        told = np.where(
            names.str.fullmatch("reference|hidden reference"),
            "reference",
            np.where(names.str.startswith("anchor"), "anchor", "system"),
        )
        notes.append(_roles(table, told))
        table["role"] = table["role"].where(table["role"] != "", told)
    table["system"] = table["system"].where(table["role"] == "system", "")
    table["system"] = table["system"].where((table["system"] != "") | (table["role"] != "system"), table["condition"])
    if (table["design"] == "").any():
        table["design"] = _design(table)
        notes.append(
            f"the column design is empty: taken as {KINDS[table['design'].iloc[0]].title}, by scales and conditions"
        )
    parts = [table[name] for name in ("song", "excerpt", "query")]
    label = parts[0].str.cat(parts[1:], sep=" · ").str.replace(r"^( · )+|( · )+$", "", regex=True)
    label = label.str.replace(" ·  · ", " · ", regex=False)
    table["item"] = label.where(label != "", table["trial"])
    return notes


def _roles(table: pd.DataFrame, told: np.ndarray) -> str:
    others = sorted(set(table.loc[(table["role"] == "") & (told != "system"), "condition"]))
    return "the column role is empty: " + (
        f"{', '.join(others)} taken as reference or anchor by the name, the others as systems"
        if others
        else "all conditions are taken as systems"
    )


def _design(table: pd.DataFrame) -> str:
    scales = set(table["scale"])
    if "preference" in scales:
        return "preference"
    if "correct" in scales:
        return "abx"
    if scales & {"relevance", "overall"}:
        return "relovl"
    return "mushra" if (table["role"] != "system").any() else "panel"


def _values(table: pd.DataFrame, at: Callable[[int], str]) -> pd.Series:
    values = pd.to_numeric(table["value"], errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        row = table.iloc[bad[0]]
        raise CadenzaError(f"{at(int(row['place']))}: {row['value']} is no answer; a finite number is wanted.")
    for name, rows in table.groupby("scale", sort=False).groups.items():
        scale = scale_named(str(name))
        outside = rows[~scale.accepts(values.loc[rows].to_numpy())]
        if len(outside):
            row = table.loc[outside[0]]
            raise CadenzaError(
                f"{at(int(row['place']))}: {values[outside[0]]:g} cannot be an answer on {scale.title}; "
                f"{scale.span} is wanted."
            )
    return values


def _check(table: pd.DataFrame, at: Callable[[int], str]) -> None:
    for name in ("participant", "condition"):
        empty = np.flatnonzero(table[name] == "")
        if len(empty):
            raise CadenzaError(f"{at(int(table['place'].iloc[empty[0]]))}: the {name} is empty.")
    unknown = np.flatnonzero(~table["role"].isin(_ROLES))
    if len(unknown):
        row = table.iloc[unknown[0]]
        raise CadenzaError(f"{at(int(row['place']))}: the role {row['role']!r} is none of {', '.join(_ROLES)}.")
    designs = list(dict.fromkeys(table["design"]))
    if len(designs) > 1 or designs[0] not in KINDS:
        raise CadenzaError(f"A test has one design, of {', '.join(KINDS)}; these answers have {', '.join(designs)}.")
    if designs[0] in CHOICES and set(table["scale"]) != {CHOICES[designs[0]]}:
        raise CadenzaError(f"In a test of {KINDS[designs[0]].title} the only scale is {CHOICES[designs[0]]}.")
    twice = np.flatnonzero(table.duplicated(_KEY))
    if len(twice):
        row = table.iloc[twice[0]]
        raise CadenzaError(
            f"{at(int(row['place']))}: {row['participant']} has answered twice for {row['condition']} on {row['scale']}"
            f"{' in trial ' + row['trial'] if row['trial'] else ''}. Answers to several trials need the column trial or song."
        )
