"""Import scores from files and from folders of submissions."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from clarity.utils.audiogram import Listener

from ..catalog import Song
from ..errors import CadenzaError
from ..progress import Progress, part, silent
from .facts import SCORE_COLUMNS, ImportReport, Origin, ScoredSystem
from .formats import reading_of
from .names import learn
from .records import import_records
from .store import Store
from .tables import open_table

__all__ = ["Submission", "find_submissions", "import_scores"]

#: How deep below a folder submissions are looked for.
_DEPTH = 4
#: Folders with a submission's sound files: nothing to read here, and many to look through.
_SOUND = "enhanced_signals"


@dataclass(frozen=True)
class Submission:
    """A system's score tables and records of exports, as they lie in a folder.

    Parameters
    ----------
    name : str
        The folder's name; becomes the system's.
    tables : tuple of Path
        ``scores*.csv`` and our own exports (``.parquet``).
    records : Path or None
        Folder of the records that an export writes.
    """

    name: str
    tables: tuple[Path, ...]
    records: Path | None = None


def find_submissions(folder: Path) -> list[Submission]:
    """Find the submissions that a folder is or holds: every folder with ``scores*.csv`` or ``records`` in it.

    Raises
    ------
    CadenzaError
        If there is none.
    """
    found: list[Submission] = []
    base = len(folder.resolve().parts)
    for place, folders, files in os.walk(folder.resolve()):
        here = Path(place)
        if len(here.parts) - base >= _DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if name != _SOUND and not name.startswith("."))
        tables = tuple(here / name for name in sorted(files) if name.startswith("scores") and name.endswith(".csv"))
        records = here / "records"
        has_records = "records" in folders and any(records.glob("*.json"))
        if tables or has_records:
            relative = here.relative_to(folder.resolve())
            name = "/".join(relative.parts) or here.name
            found.append(Submission(name, tables, records if has_records else None))
            folders[:] = [name for name in folders if name != "records"]
    if not found:
        raise CadenzaError(
            f"{folder} holds no submission: no folder in it has a table scores.csv or an export's records. Score the files "
            "first (`cadenza score`), or give the tables themselves."
        )
    return found


def import_scores(
    store: Store,
    paths: Sequence[Path],
    *,
    evaluation_set: str = "",
    system: ScoredSystem | None = None,
    about: Mapping[str, str] | None = None,
    listeners: Iterable[Listener] = (),
    songs: Iterable[Song] = (),
    replace_stored: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import score tables, and folders of submissions with their records; all of a submission's scores or none.

    Parameters
    ----------
    paths : sequence of Path
        Tables (CAD1's or ICASSP 2024's `scores.csv`, several batches of one, our own CSV or Parquet) or folders.
    evaluation_set : str
        The set that the scores are of; needed unless the tables say it.
    system : ScoredSystem, optional
        Needed unless the tables or the folders' names say it.
    about : mapping of str to str, optional
        Facts of each system that a folder's name names: `team` and the others of :class:`ScoredSystem`.
    listeners, songs : iterable
        What is known here: audiograms and genres are kept with the scores, and a listener that is not among them is noted.
    replace_stored : bool
        Replace stored values that differ.

    Raises
    ------
    CadenzaError
        If a file is none that is known, or faulty; nothing of that submission is stored then.
    """
    jobs = _jobs(paths, system, about or {})
    reports = []
    for number, (submission, facts) in enumerate(jobs):
        show = part(progress, number / len(jobs), (number + 1) / len(jobs))
        report = ImportReport()
        if submission.tables:
            report = _import_tables(store, submission, evaluation_set, facts, replace_stored, show)
        if submission.records is not None and facts is not None:
            report = report.joined(import_records(store, submission.records, facts, progress=show))
        reports.append(report)
    total = reports[0]
    for report in reports[1:]:
        total = total.joined(report)
    return total.joined(ImportReport(notes=tuple(learn(store, listeners, songs))))


def _jobs(
    paths: Sequence[Path], system: ScoredSystem | None, about: Mapping[str, str]
) -> list[tuple[Submission, ScoredSystem | None]]:
    files = tuple(path for path in paths if not path.is_dir())
    jobs: list[tuple[Submission, ScoredSystem | None]] = []
    if files:
        jobs.append((Submission(system.name if system else "", files), system))
    for folder in (path for path in paths if path.is_dir()):
        submissions = find_submissions(folder)
        for submission in submissions:
            if system is not None and len(submissions) > 1:
                names = ", ".join(one.name for one in submissions[:8])
                raise CadenzaError(f"{folder} holds {len(submissions)} submissions ({names}): they name themselves.")
            jobs.append((submission, system or ScoredSystem(submission.name, **about)))
    if not jobs:
        raise CadenzaError("Nothing was given to import: score tables or folders are wanted.")
    return jobs


def _import_tables(
    store: Store,
    submission: Submission,
    evaluation_set: str,
    system: ScoredSystem | None,
    replace_stored: bool,
    progress: Progress,
) -> ImportReport:
    notes: list[str] = []
    names = ", ".join(path.name for path in submission.tables)
    origin = Origin("import", names if len(names) <= 200 else f"{len(submission.tables)} tables")
    report = store.add_scores(
        _frames(submission.tables, evaluation_set, system, notes, progress),
        evaluation_set=evaluation_set,
        system=system or "",
        origin=origin,
        replace=replace_stored,
        progress=progress,
    )
    return report.joined(ImportReport(notes=tuple(notes)))


def _frames(
    tables: Sequence[Path], evaluation_set: str, system: ScoredSystem | None, notes: list[str], progress: Progress
) -> Iterator[pd.DataFrame]:
    for number, path in enumerate(tables):
        show = part(progress, 0.7 * number / len(tables), 0.7 * (number + 1) / len(tables))
        frames = _parquet(path, show) if path.suffix.lower() == ".parquet" else _text(path, notes, show)
        for frame in frames:
            _check_named(path, frame, evaluation_set, system)
            yield frame


def _check_named(path: Path, frame: pd.DataFrame, evaluation_set: str, system: ScoredSystem | None) -> None:
    if not evaluation_set and "evaluation_set" not in frame:
        raise CadenzaError(
            f"{path} does not say which songs and listeners its scores are of. Name the evaluation set (--set): "
            "cad1-validation, cad1-evaluation, icassp-2024-evaluation, or a name of your own."
        )
    if system is None and "system" not in frame:
        raise CadenzaError(f"{path} does not say whose scores these are. Say it with --system NAME.")


def _text(path: Path, notes: list[str], progress: Progress) -> Iterator[pd.DataFrame]:
    with open_table(path, progress) as table:
        reading = reading_of(table)
        for rows in table.parts:
            yield reading.of(rows)
        notes += [f"{path.name}: {remark}" for remark in reading.remarks()]


def _parquet(path: Path, progress: Progress) -> Iterator[pd.DataFrame]:
    import pyarrow
    from pyarrow import parquet

    try:
        with contextlib.closing(parquet.ParquetFile(path)) as file:
            known = [column for column in file.schema_arrow.names if column in SCORE_COLUMNS]
            if not {"song", "listener", "value"} <= set(known):
                found = ", ".join(file.schema_arrow.names)[:200]
                raise CadenzaError(
                    f"{path} is not a table of scores: it has the columns {found}; song, listener and value are wanted."
                )
            for number, batch in enumerate(file.iter_batches(100_000, columns=known)):
                yield batch.to_pandas()
                progress(min(0.99, 100_000 * (number + 1) / max(1, file.metadata.num_rows)), path.name)
    except (OSError, pyarrow.ArrowException) as error:
        raise CadenzaError(f"{path} cannot be read as a Parquet file: {error}.") from error
