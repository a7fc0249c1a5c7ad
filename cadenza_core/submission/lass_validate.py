"""Check a submission to DCASE 2024 task 9 and name everything that is wrong with it; see `lass_layout` for what is asked."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile

from ..errors import CadenzaError
from ..files import parse_yaml
from ..progress import Progress, part, silent
from ..separation.lass.mixtures import QueryRow
from .flac import SubmissionFault
from .lass_layout import LABEL, MOST_SYSTEMS, QUERIES, RATE, SETS, folder_name, meta_faults, output_names
from .report import Fault, Report
from .sources import Entry, ZipSource

__all__ = ["validate_lass"]

_URL = re.compile(r"Google Drive:\s*https?://\S+\s*")
#: Longest an output may be, s; the sets' clips last 10 s.
_LONGEST = 600.0


def validate_lass(
    path: Path, *, sets: Mapping[str, Sequence[QueryRow]] | None = None, progress: Progress = silent
) -> Report:
    """Check a submission.

    Parameters
    ----------
    path : Path
        The folder ``<author>_<institute>``, or the one above if it holds nothing else.
    sets : mapping of str to sequence of QueryRow, optional
        The lines of ``synth`` and ``real``: which outputs there must be. Without them the archives' own ``queries.csv``
        counts.
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    Report
        `pairs` counts the systems.

    Raises
    ------
    CadenzaError
        If there is no folder at `path`.
    """
    if not path.is_dir():
        raise CadenzaError(f"There is no folder {path}.")
    inner = [one for one in path.iterdir() if not one.name.startswith(".")]
    if not _systems(path) and len(inner) == 1 and inner[0].is_dir():
        path = inner[0]
    faults: list[Fault] = []
    systems = _systems(path)
    if not systems:
        faults.append(Fault(".", "lass-systems", "there is no folder of a system, <Author>_<Institute>_task9_<1-4>"))
    if len(systems) > MOST_SYSTEMS:
        faults.append(Fault(".", "lass-systems", f"{len(systems)} systems; {MOST_SYSTEMS} is the most"))
    faults += _names(path, systems)
    faults += _report(path, systems)
    files = 0
    for number, folder in enumerate(systems):
        show = part(progress, number / len(systems), (number + 1) / len(systems))
        found, checked = _system(path, folder, sets or {}, show)
        faults += found
        files += checked
    progress(1.0, "checked")
    return Report(path, tuple(sorted(faults)), files, len(systems))


def _systems(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir() and "_task9_" in one.name)


def _names(path: Path, systems: Sequence[Path]) -> list[Fault]:
    faults, prefixes = [], set()
    for folder in systems:
        match = LABEL.fullmatch(folder.name)
        if match is None:
            faults.append(Fault(folder.name, "lass-name", "is not <Author>_<Institute>_task9_<1-4>"))
            continue
        prefixes.add((match["author"], match["institute"]))
    if len(prefixes) > 1:
        said = ", ".join("_".join(prefix) for prefix in sorted(prefixes))
        faults.append(Fault(".", "lass-name", f"the systems are of different authors or institutes: {said}"))
    elif prefixes and path.resolve().name.lower() != (wanted := folder_name(*next(iter(prefixes)))):
        faults.append(Fault(".", "lass-name", f"the folder is named {path.resolve().name!r}, not {wanted!r}"))
    known = {folder.name for folder in systems}
    for one in sorted(path.iterdir()):
        if one.name not in known and not one.name.endswith(".technical_report.pdf"):
            faults.append(Fault(one.name, "unexpected-file", "is no part of a submission"))
    return faults


def _report(path: Path, systems: Sequence[Path]) -> list[Fault]:
    labels = [match for folder in systems if (match := LABEL.fullmatch(folder.name))]
    if not labels:
        return []
    name = f"{labels[0]['author']}_{labels[0]['institute']}_task9.technical_report.pdf"
    try:
        with (path / name).open("rb") as file:
            is_pdf = file.read(5) == b"%PDF-"
    except OSError:
        return [Fault(name, "lass-report", "the technical report is not there")]
    return [] if is_pdf else [Fault(name, "lass-report", "is no PDF")]


def _system(
    root: Path, folder: Path, sets: Mapping[str, Sequence[QueryRow]], progress: Progress
) -> tuple[list[Fault], int]:
    label, faults, files = folder.name, [], 0
    expected = {f"{label}.meta.yaml", f"{label}.audio_url.txt", *(f"{label}.{name}.zip" for name in SETS)}
    for one in sorted(folder.iterdir()):
        if one.name not in expected:
            what = "is left from a run that was stopped" if one.name.startswith(".") else "is no part of a system"
            faults.append(Fault(f"{label}/{one.name}", "unexpected-file", what))
    faults += _yaml(folder, label) + _url(folder, label)
    for number, name in enumerate(SETS):
        archive = folder / f"{label}.{name}.zip"
        where = archive.relative_to(root).as_posix()
        if not archive.is_file():
            faults.append(Fault(where, "lass-no-audio", "is not here: its outputs were not checked"))
            continue
        show = part(progress, number / len(SETS), (number + 1) / len(SETS))
        found, checked = _archive(archive, where, sets.get(name), show)
        faults += found
        files += checked
    return faults, files


def _yaml(folder: Path, label: str) -> list[Fault]:
    where = f"{label}/{label}.meta.yaml"
    try:
        content = parse_yaml((folder / f"{label}.meta.yaml").read_text(encoding="utf-8"))
    except OSError:
        return [Fault(where, "lass-meta", "is not there")]
    except ValueError as error:
        return [Fault(where, "lass-meta", f"is not YAML: {' '.join(str(error).split())[:200]}")]
    return [Fault(where, "lass-meta", fault) for fault in meta_faults(content, label)]


def _url(folder: Path, label: str) -> list[Fault]:
    where = f"{label}/{label}.audio_url.txt"
    try:
        text = (folder / f"{label}.audio_url.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return [Fault(where, "lass-url", "is not there or no text")]
    return [] if _URL.fullmatch(text) else [Fault(where, "lass-url", "must read 'Google Drive: https://...'")]


def _archive(archive: Path, where: str, rows: Sequence[QueryRow] | None, progress: Progress) -> tuple[list[Fault], int]:
    with closing(ZipSource(archive)) as source:
        faults = [Fault(f"{where}/{fault.path}", fault.code, fault.message) for fault in source.faults]
        entries = {entry.path: entry for entry in source.entries if not entry.is_folder}
        wanted, fault = _wanted(source, entries, rows)
        if fault:
            faults.append(Fault(f"{where}/{QUERIES}", "lass-name", fault))
        for name in sorted(wanted - set(entries)):
            faults.append(Fault(f"{where}/{name}", "missing-output", "is not there"))
        for name in sorted(set(entries) - wanted - {QUERIES}):
            faults.append(Fault(f"{where}/{name}", "unknown-output", "belongs to no mixture of the set"))
        names = sorted(wanted & set(entries))
        for number, name in enumerate(names):
            progress(number / len(names), name)
            faults += _output(source, entries[name], f"{where}/{name}")
    return faults, len(names)


def _wanted(source: ZipSource, entries: Mapping[str, Entry], rows: Sequence[QueryRow] | None) -> tuple[set[str], str]:
    """Give the outputs that there must be, and what is wrong with the archive's own list of them."""
    listed: dict[str, tuple[str, str]] = {}
    fault = "is not there: it says which output answers which query"
    if QUERIES in entries:
        try:
            text = source.read(entries[QUERIES]).decode("utf-8-sig")
            listed = {row["file"]: (row["wav"], row["query"]) for row in csv.DictReader(io.StringIO(text))}
            fault = "" if listed else "has no lines"
        except (SubmissionFault, UnicodeDecodeError, csv.Error, KeyError, TypeError):
            fault = "cannot be read: its header must be file,wav,query"
    if rows is None:
        return set(listed) or {name for name in entries if name.endswith(".wav")}, fault
    names = [f"{name}.wav" for name in output_names(rows)]
    if not fault and any(listed.get(name) != (row.wav, row.query) for name, row in zip(names, rows, strict=True)):
        fault = "does not say of each output what the set's CSV says"
    return set(names), fault


def _output(source: ZipSource, entry: Entry, where: str) -> list[Fault]:
    try:
        data = source.read(entry)
    except SubmissionFault as error:
        return [Fault(where, error.code, str(error))]
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format not in {"WAV", "WAVEX"}:
                return [Fault(where, "not-wav", f"is {file.format}, not WAV")]
            if file.frames > _LONGEST * file.samplerate:
                return [Fault(where, "too-long", "says that it lasts more than ten minutes")]
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return [Fault(where, "not-wav", f"cannot be read as WAV: {error}")]
    faults = []
    if rate != RATE:
        faults.append(Fault(where, "sample-rate", f"is at {rate} Hz, not {RATE}"))
    if samples.shape[1] != 1:
        faults.append(Fault(where, "channels", f"has {samples.shape[1]} channels, not 1"))
    if not np.isfinite(samples).all():
        faults.append(Fault(where, "not-finite", "holds samples that are no finite numbers"))
    elif not samples.any():
        faults.append(Fault(where, "silent-output", "is silent"))
    return faults
