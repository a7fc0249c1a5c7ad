"""Write a system's part of a submission to DCASE 2024 task 9: separate both sets, pack, describe."""

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from ..audio import resample
from ..audio.writing import to_int16, write_audio
from ..errors import CadenzaError
from ..files import atomic_file, disk_errors
from ..progress import Progress, part, silent
from ..separation.lass.clips import read_mono
from ..separation.lass.mixtures import QueryRow, clip_file
from .lass_layout import QUERIES, RATE, SETS, folder_name, output_names, system_label

if TYPE_CHECKING:
    from ..separation.lass.loading import Loaded

__all__ = ["LassSystem", "pack_lass", "write_lass_system"]

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class LassSystem:
    """One system of a submission.

    Parameters
    ----------
    author, institute : str
        Last name of the corresponding author, abbreviation of the institute.
    number : int
        1 to 4.
    link : str
        Where the two archives will be found; may be filled in later.
    meta : mapping
        Fields of the YAML, beyond or instead of what is known here.
    """

    author: str
    institute: str
    number: int
    link: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its label."""
        return system_label(self.author, self.institute, self.number)


def write_lass_system(
    system: LassSystem,
    loaded: "Loaded",
    sets: Mapping[str, tuple[Sequence[QueryRow], Path]],
    out: Path,
    *,
    report: Path | None = None,
    progress: Progress = silent,
) -> Path:
    """Separate the evaluation sets and write the system's files below ``out/<author>_<institute>``.

    Outputs are mono, 16 kHz, 16 bit, as long as their mixture. Each is written as it is done, so that a run that was stopped
    goes on; the archives are made in the end.

    Parameters
    ----------
    system : LassSystem
    loaded : Loaded
    sets : mapping of str to (rows, folder)
        ``synth`` and ``real``: the lines of ``wav,query`` and where the mixtures lie.
    out : Path
    report : Path, optional
        The technical report (PDF), copied beside the systems.
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    Path
        The submission's folder.

    Raises
    ------
    CadenzaError
        If a name, link, mixture or the report cannot be used, or a file cannot be written.
    """
    label = system.label
    if unknown := set(sets) - set(SETS):
        raise CadenzaError(f"There is no set {sorted(unknown)[0]!r}: {', '.join(SETS)}.")
    if system.link and not _LINK.fullmatch(system.link):
        raise CadenzaError(f"The link {system.link[:80]!r} is none; https://... is accepted.")
    folder = out / folder_name(system.author, system.institute)
    place = folder / label
    if report is not None:
        _copy_report(report, folder / f"{system.author}_{system.institute}_task9.technical_report.pdf")
    notes = []
    for number, (name, (rows, mixtures)) in enumerate(sets.items()):
        show = part(progress, number / len(sets), (number + 1) / len(sets))
        notes += _write_set(loaded, rows, mixtures, place / f".{name}", place / f"{label}.{name}.zip", show)
    url = f"Google Drive: {system.link}\n"
    with atomic_file(place / f"{label}.audio_url.txt") as temporary:
        temporary.write_text(url, encoding="utf-8")
    with atomic_file(place / f"{label}.meta.yaml") as temporary:
        temporary.write_text(
            yaml.safe_dump(_meta(system, loaded), sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
    progress(1.0, "written")
    return folder


def _write_set(
    loaded: "Loaded", rows: Sequence[QueryRow], mixtures: Path, work: Path, archive: Path, progress: Progress
) -> list[str]:
    from ..separation.lass.chunks import separate_long
    from ..separation.neural import computing

    names = output_names(rows)
    with computing(loaded.model.title, loaded.device):
        for number, (row, name) in enumerate(zip(rows, names, strict=True)):
            progress(number / len(rows), f"{archive.stem}: {number + 1} of {len(rows)}")
            if (work / f"{name}.wav").is_file():
                continue
            mixture = read_mono(clip_file(mixtures, row.wav), RATE)
            heard = resample(mixture, RATE, loaded.rate)
            estimate = separate_long(loaded.separator, heard[None], loaded.condition(row.query))[0]
            write_audio(
                work / f"{name}.wav", to_int16(_fitted(resample(estimate, loaded.rate, RATE), len(mixture))), RATE
            )
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("file", "wav", "query"))
    writer.writerows((f"{name}.wav", row.wav, row.query) for row, name in zip(rows, names, strict=True))
    with atomic_file(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in names:
            bundle.write(work / f"{name}.wav", f"{name}.wav")
        bundle.writestr(QUERIES, table.getvalue())
    shutil.rmtree(work)
    return []


def _fitted(samples: np.ndarray, length: int) -> np.ndarray:
    """Bring a signal that was resampled to and fro to its length."""
    return np.pad(samples, (0, max(0, length - len(samples))))[:length]


def _copy_report(report: Path, target: Path) -> None:
    try:
        content = report.read_bytes()
    except OSError as error:
        raise CadenzaError(f"The report {report} cannot be read: {error.strerror or error}.") from error
    if not content.startswith(b"%PDF-"):
        raise CadenzaError(f"The report {report} is no PDF.")
    with atomic_file(target) as temporary:
        temporary.write_bytes(content)


def _meta(system: LassSystem, loaded: "Loaded") -> dict[str, Any]:
    """Give the YAML's fields: what is known, and what was given."""
    parameters = sum(parameter.numel() for parameter in loaded.separator.parameters())
    known: dict[str, Any] = {
        "submission": {"label": system.label, "name": loaded.model.title, "abbreviation": "", "authors": []},
        "system": {
            "description": {
                "input_sampling_rate": loaded.rate,
                "machine_learning_method": "ResUNet30 with FiLM",
                "query_encoder": "CLAP (text)" if loaded.model.text == "clap" else "words of the training captions",
                "train_datasets": [loaded.model.trained_on],
            },
            "complexity": {"total_parameters": parameters},
        },
        "results": {"validation_synth": {"sdr": None, "sdri": None, "sisdr": None}},
    }
    return _merged(known, system.meta)


def _merged(known: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(known)
    for name, value in given.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def pack_lass(folder: Path, out: Path) -> Path:
    """Pack a submission without the archives of audio, which are reached by their link.

    Returns
    -------
    Path
        ``<out>/<author>_<institute>_task9.zip``.

    Raises
    ------
    CadenzaError
        If there is nothing to pack or it cannot be written.
    """
    if not folder.is_dir():
        raise CadenzaError(f"There is no folder {folder}.")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".zip"]
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not files:
        raise CadenzaError(f"There is nothing to pack in {folder}.")
    archive = out / f"{folder.name}_task9.zip"
    with disk_errors(archive), atomic_file(archive) as temporary, zipfile.ZipFile(temporary, "w") as bundle:
        for path in files:
            info = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, path.read_bytes())
    return archive
