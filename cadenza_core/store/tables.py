"""Tables of text as people have them: comma or semicolon, with or without a byte order mark, of any length.

A file is read in parts, so that memory does not grow with it. Every fault is said with its line; nothing is guessed away: a
row with a cell too few or too many is an error.
"""

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress, silent
from .facts import Metric

__all__ = ["Part", "Table", "open_table"]

#: Rows of a part.
_ROWS = 20_000
#: Longest line, characters: a longer one is no table.
_LINE = 1_000_000
_DELIMITERS = ",;\t"
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Part:
    """Some rows of a table: the texts of each column, and the line of each row."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, column: str, metric: Metric | None = None) -> np.ndarray:
        """Give a column's numbers; an empty cell and ``nan`` are NaN.

        Parameters
        ----------
        metric : Metric, optional
            What the numbers are: those that it cannot be are refused.

        Returns
        -------
        np.ndarray [shape=(rows,), dtype=float64]

        Raises
        ------
        CadenzaError
            If a cell is not a finite number, or not a possible one.
        """
        texts = self.columns[column]
        if self.decimal_comma:
            texts = [text.replace(",", ".") if _COMMA.fullmatch(text.strip()) else text for text in texts]
        try:
            values = np.array([float(text) if text else math.nan for text in texts])
        except ValueError:
            values = np.array([self._number(column, row, text) for row, text in enumerate(texts)])
        for row in np.flatnonzero(np.isinf(values)):
            self._number(column, int(row), texts[row])
        if metric is not None:
            for row in np.flatnonzero((values < metric.low) | (values > metric.high)):
                metric.check(float(values[row]), self.where(column, int(row)))
        return values

    def _number(self, column: str, row: int, text: str) -> float:
        try:
            value = float(text.strip() or "nan")
            if math.isinf(value):
                raise ValueError
        except ValueError:
            raise CadenzaError(f"{self.where(column, row)}: {text[:40]!r} is not a finite number.") from None
        return value

    def where(self, column: str, row: int) -> str:
        """Say where a cell is."""
        return f"{self.path}, line {self.lines[row]}, {column}"


@dataclass(frozen=True)
class Table:
    """An open table."""

    path: Path
    header: tuple[str, ...]
    delimiter: str
    parts: Iterator[Part]


@contextmanager
def open_table(path: Path, progress: Progress = silent) -> Iterator[Table]:
    """Open a table of text in UTF-8 (or UTF-16 with a byte order mark), with comma, semicolon or tab between the cells.

    With semicolons, numbers may have a decimal comma.

    Raises
    ------
    CadenzaError
        If it cannot be read, is not text, has no header, or a column twice; while it is read: if a row has not as many cells
        as the header.
    """
    try:
        with path.open("rb") as raw:
            yield _open(path, raw, progress)
    except (OSError, UnicodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CadenzaError(f"{path} cannot be read as a table of text: {said}.") from error


def _open(path: Path, raw: BinaryIO, progress: Progress) -> Table:
    start = raw.read(4)
    raw.seek(0)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = io.TextIOWrapper(raw, encoding="utf-16" if wide else "utf-8-sig", newline="")
    size = max(1, path.stat().st_size)
    lines = _Lines(path, text)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    header = tuple(name.strip() for name in next(csv.reader([first], delimiter=delimiter), []))
    if not any(header):
        raise CadenzaError(f"{path} is empty: a header and rows are wanted.")
    if repeated := [name for name in header if header.count(name) > 1]:
        raise CadenzaError(f"{path} has the column {repeated[0]!r} more than once.")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)

    def parts() -> Iterator[Part]:
        rows: list[list[str]] = []
        numbers: list[int] = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise CadenzaError(f"{path}, line {lines.number}: {len(row)} cells, but the header has {len(header)}.")
            rows.append(row)
            numbers.append(lines.number)
            if len(rows) == _ROWS:
                yield _part(path, header, rows, numbers, delimiter)
                progress(min(0.99, raw.tell() / size), f"{path.name}, line {lines.number:,}")
                rows, numbers = [], []
        if rows:
            yield _part(path, header, rows, numbers, delimiter)

    return Table(path, header, delimiter, parts())


def _part(path: Path, header: Sequence[str], rows: list[list[str]], lines: list[int], delimiter: str) -> Part:
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    return Part(path, columns, lines, decimal_comma=delimiter == ";")


class _Lines:
    """A file's lines, none of them endless, and the number of the last one."""

    def __init__(self, path: Path, file: io.TextIOWrapper) -> None:
        self.path = path
        self.file = file
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= _LINE and not line.endswith(("\n", "\r")):
            raise CadenzaError(
                f"{self.path}, line {self.number}: longer than {_LINE:,} characters. This is no score table."
            )
        return line
