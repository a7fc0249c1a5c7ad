"""Score tables of a run: written as the recipe does, merged from its batches, checked."""

import csv as tables
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CadenzaError
from ..files import atomic_file, disk_errors
from ..progress import Progress, silent
from ..quality import PairScore, write_scores
from ..quality.scores import COLUMNS
from ..submission import Fault
from .folder import RunFolder
from .plan import Plan
from .pool import Pool
from .run import Events, Summary, run

__all__ = ["check_scores", "merge_scores", "run_scores", "scores_of", "write_table"]

_BATCH = re.compile(r"(.*)_(\d+)-(\d+)\.csv")
#: By how much a table's `score` may differ from the mean of its eight values.
_ROUNDING = 1e-6
#: How often the table is written while a run goes on, s.
_EVERY = 60.0
Key = tuple[str, str]


def scores_of(keys: Sequence[Key], done: Mapping[Key, Mapping[str, Any]]) -> list[PairScore]:
    """Give the scores of those keys that a journal has, in the keys' order."""
    return [
        PairScore(*key, {name: math.nan if value is None else value for name, value in haaqi.items()})
        for key in keys
        if key in done and (haaqi := done[key]["result"].get("haaqi")) is not None
    ]


def write_table(folder: RunFolder, csv: Path, scores: Sequence[PairScore]) -> None:
    """Write `scores.csv` by way of the run's folder, so that a killed run leaves nothing half-written beside it.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    made = folder.path / "scores.csv"
    write_scores(made, scores)
    with disk_errors(csv):
        made.replace(csv)


def run_scores(
    plan: Plan,
    pool: Pool,
    write: Callable[[], object],
    *,
    retry_failed: bool = False,
    progress: Progress = silent,
    events: Events = lambda _: None,
) -> Summary:
    """Do as :func:`~.run.run`, and write the table: every minute, and at the end, however that comes.

    Parameters
    ----------
    write : function
        Writes the table from the journal.

    Raises
    ------
    CadenzaError
        As `run`; or if the table cannot be written.
    """
    written = math.inf  # not before the run holds its folder

    def take(event: Mapping[str, Any]) -> None:
        nonlocal written
        events(event)
        if event["event"] == "start":
            written = time.monotonic()
        elif time.monotonic() - written > _EVERY:
            write()
            written = time.monotonic()

    try:
        return run(plan, pool, retry_failed=retry_failed, progress=progress, events=take)
    finally:
        if math.isfinite(written):
            write()


def merge_scores(batches: Sequence[Path], csv: Path) -> int:
    """Merge the tables of all batches, ``scores_<i>-<n>.csv``, as the recipe's merge_batches_results.py; give the rows.

    The rows are put one batch after the other. The numbers stay as they are written; the recipe reads them with pandas'
    faster parser, which may change the last digit.

    Raises
    ------
    CadenzaError
        If the tables are not all of one set of batches, a pair is in two of them, or one cannot be read.
    """
    named = [(_BATCH.fullmatch(path.name), path) for path in batches]
    for match, path in named:
        if match is None:
            raise CadenzaError(f"{path} is not named as a batch is: scores_<i>-<n>.csv, such as scores_1-4.csv.")
    numbers = [(int(match[2]), int(match[3]), path) for match, path in named if match]
    counts, columns = {count for _, count, _ in numbers}, set()
    if len(counts) != 1:
        shown = " and ".join(str(count) for count in sorted(counts)) or "no"
        raise CadenzaError(f"The tables are of {shown} batches. Give all of one number of batches.")
    found: dict[int, Path] = {}
    for number, _, path in numbers:
        if number in found:
            raise CadenzaError(f"Batch {number} is there twice: {found[number]} and {path}.")
        found[number] = path
    count = counts.pop()
    if missing := [number for number in range(1, count + 1) if number not in found]:
        shown = ", ".join(str(number) for number in missing[:8]) + (" ..." if len(missing) > 8 else "")
        raise CadenzaError(
            f"Of {count} batches, {shown} {'is' if len(missing) == 1 else 'are'} missing. Score them first."
        )
    rows: list[list[str]] = []
    for number in range(1, count + 1):
        header, some = _cells(found[number])
        columns.add(tuple(header))
        rows += some
    if len(columns) > 1:
        raise CadenzaError("The tables differ in their columns. Are they of the same challenge?")
    header = list(columns.pop())
    keys = [tuple(row[header.index(name)] for name in header if name in {"scene", "song", "listener"}) for row in rows]
    if twice := [key for key, times in Counter(keys).items() if times > 1]:
        raise CadenzaError(f"{len(twice)} rows are in more than one table, such as {' / '.join(twice[0])}.")
    with atomic_file(csv) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = tables.writer(file, lineterminator="\n")  # as pandas
        writer.writerow(header)
        writer.writerows(rows)
    return len(rows)


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(tables.reader(file))
    except (OSError, UnicodeDecodeError, ValueError, tables.Error) as error:
        raise CadenzaError(f"{path} cannot be read as a score table: {error}.") from error
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise CadenzaError(f"{path}, line {number}: {len(row)} cells, but the header has {len(header)}.")
    if not {"listener", "score"} <= set(header):
        raise CadenzaError(f"{path} is not a score table: it has no column listener or score.")
    return header, rows


def check_scores(csv: Path, pairs: Sequence[Key] | None = None) -> list[Fault]:
    """Check a CAD1 score table, and against the pairs that should be in it, if they are given.

    Returns
    -------
    list of Fault
        Missing, unknown and repeated rows; values that are no numbers (NaN, empty) or not from 0 to 1; a `score` that is not
        the mean of its row.

    Raises
    ------
    CadenzaError
        If the table cannot be read at all.
    """
    header, rows = _cells(csv)
    if missing := [column for column in COLUMNS if column not in header]:
        raise CadenzaError(f"{csv} is not a score table of CAD1: it has no column {', '.join(missing)}.")
    return list(_faults(csv.name, [dict(zip(header, row, strict=True)) for row in rows], pairs))


def _faults(name: str, rows: Sequence[Mapping[str, str]], pairs: Sequence[Key] | None) -> Iterator[Fault]:
    wanted, seen = None if pairs is None else set(pairs), set()
    for number, row in enumerate(rows, 2):
        key = (row["song"], row["listener"])
        where = f"{name}:{number}"
        if key in seen:
            yield Fault(where, "score-row", f"{key[0]!r} for {key[1]!r} is there a second time")
        elif wanted is not None and key not in wanted:
            yield Fault(where, "score-row", f"{key[0]!r} for {key[1]!r} is no pair of the set")
        seen.add(key)
        values = []
        for column in COLUMNS[2:]:
            value = _number(row[column])
            if value is None or not 0 <= value <= 1:
                yield Fault(where, "score-value", f"{column} is {row[column]!r}; a number from 0 to 1 is needed")
            elif column != "score":
                values.append(value)
        score = _number(row["score"])
        if len(values) == 8 and score is not None and abs(sum(values) / 8 - score) > _ROUNDING:
            yield Fault(where, "score-mean", f"score is {score}, the mean of the eight values {sum(values) / 8:.6f}")
    for song, listener in pairs or ():
        if (song, listener) not in seen:
            yield Fault(name, "score-row", f"{song!r} for {listener!r} is not there")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
