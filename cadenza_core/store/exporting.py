"""Tables out: CSV, Parquet, LaTeX, JSON; written whole or not at all.

A name that a spreadsheet would run as a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end) gets an
apostrophe before it in CSV, as OWASP advises ("CSV Injection"); our import takes it off again. Numbers are written in full.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import CadenzaError
from ..files import FORMULA_STARTS, atomic_file, guarded_text

__all__ = ["TABLE_SUFFIXES", "guarded_names", "to_csv", "to_latex", "without_guard", "write_table"]

#: What a table can be written as, by the end of the file's name.
TABLE_SUFFIXES = (".csv", ".parquet", ".tex", ".json")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def write_table(frame: pd.DataFrame, path: Path, *, digits: int = 4) -> tuple[str, ...]:
    """Write a table as what the file's name ends with; give what should be said about it.

    Parameters
    ----------
    frame : pd.DataFrame
        Its index is written if it has a name.
    path : Path
        Ends with one of :data:`TABLE_SUFFIXES`.
    digits : int
        Decimals in LaTeX; the other formats have all.

    Raises
    ------
    CadenzaError
        If the ending is another one, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise CadenzaError(f"{path} must end with {', '.join(TABLE_SUFFIXES)} to be written as a table.")
    table = _plain(frame)
    notes: tuple[str, ...] = ()
    with atomic_file(path) as temporary:
        if suffix == ".csv":
            text, guarded = to_csv(frame)
            temporary.write_text(text, encoding="utf-8", newline="")
            if guarded:
                notes = (f"{guarded} names in {path.name} begin as formulas do; an apostrophe stands before them",)
        elif suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        elif suffix == ".tex":
            temporary.write_text(to_latex(frame, digits=digits), encoding="utf-8")
        else:
            rows = [{key: _json(value) for key, value in row.items()} for row in table.to_dict("records")]
            temporary.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return notes


def to_csv(frame: pd.DataFrame) -> tuple[str, int]:
    """Give a table as CSV with CRLF line ends, and how many names in it got an apostrophe."""
    table = _plain(frame)
    guarded = 0
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            texts, count = guarded_names(table[column].tolist())
            table[column] = pd.Series(texts, index=table.index, dtype=object)
            guarded += count
    table.columns = pd.Index(guarded_names([str(column) for column in table.columns])[0])
    return table.to_csv(index=False, lineterminator="\r\n"), guarded


def guarded_names(names: list[Any]) -> tuple[list[Any], int]:
    """Put an apostrophe before each text that a spreadsheet would run; tell how many."""
    # A text that has one already gets a second: taking one off then gives back what it was.
    made = [guarded_text(name) if isinstance(name, str) else name for name in names]
    return made, sum(one is not name for one, name in zip(made, names, strict=True))


def without_guard(text: str) -> str:
    """Take off the apostrophe that :func:`guarded_names` has put before a text."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def to_latex(frame: pd.DataFrame, *, digits: int = 4) -> str:
    """Give a table as LaTeX (booktabs), every name escaped; a column with nothing in it is left out."""
    table = _plain(frame).replace("", None).dropna(axis=1, how="all")
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table.columns]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{''.join('r' if number else 'l' for number in numeric)}}}",
        "\\toprule",
        " & ".join(_escape(str(column)) for column in table.columns) + r" \\",
        "\\midrule",
    ]
    lines += [" & ".join(_cell(value, digits) for value in row) + r" \\" for row in table.itertuples(index=False)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:.{digits}f}"
    return "" if value is None or value is pd.NA else _escape(str(value))


def _escape(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in " ".join(text.split()))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the table without categories, with a named index as columns."""
    named = any(name is not None for name in frame.index.names)
    table = frame.reset_index() if named else frame.reset_index(drop=True)
    for column in table.columns:
        if isinstance(table[column].dtype, pd.CategoricalDtype):
            table[column] = table[column].astype(table[column].cat.categories.dtype)
    return table


def _json(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
