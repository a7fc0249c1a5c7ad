"""Pack a submission: `submission_<TEAM>.zip`, as the baseline's `pack_submission` (shutil.make_archive) lays it out.

The files are stored: FLAC does not compress further. Their order and times do not depend on the machine, so the same
submission gives the same archive, byte for byte.
"""

import shutil
import stat
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath

from ..errors import CadenzaError
from ..files import atomic_file, check_name, disk_errors
from ..progress import Progress, silent
from .layout import EVALUATION, check_listener, file_part, zip_name
from .sources import Entry, FolderSource

__all__ = ["pack"]

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can hold
_CHUNK = 1024**2
_SHOWN = 10


def pack(folder: Path, team: str, out: Path, *, leave_out_others: bool = False, progress: Progress = silent) -> Path:
    """Write the archive of a submission.

    Parameters
    ----------
    folder : Path
        ``enhanced_signals``, the folder it is in, or its ``evaluation`` folder. If there is an evaluation set, it is
        what is packed, with ``evaluation`` as the archive's base folder; otherwise the listeners' folders are.
    team : str
        The team's identifier, part of the archive's name.
    out : Path
        The folder to write to, or a file that ends with ``.zip``; outside of what is packed. An older archive of the same
        name is replaced once the new one is whole.
    leave_out_others : bool
        Leave out files that are no part of a submission; False: refuse them.
    progress : Progress
        Called after each file; may raise Cancelled.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    CadenzaError
        If there is nothing to pack, there are files that do not belong, a name is unsafe, or the disk is full.
    """
    name = zip_name(team)
    archive = out if out.suffix.lower() == ".zip" and not out.is_dir() else out / name
    if not folder.is_dir():
        raise CadenzaError(f"There is no folder {folder}.")
    with closing(FolderSource(folder)) as source:
        if archive.parent.resolve().is_relative_to(source.top.resolve()):
            raise CadenzaError(
                f"The archive cannot be written to {archive.parent}: that is inside what is packed. Choose another."
            )
        files = _official_files(folder, source, leave_out_others)
    paths = {_member_name(entry): folder / entry.path for entry in files}
    with disk_errors(archive):
        total = sum(path.stat().st_size for path in paths.values())
        archive.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(archive.parent).free
    if free < total:
        raise CadenzaError(f"{archive} needs {total / 1e9:.1f} GB; {free / 1e9:.1f} GB are free. Free some space.")
    done = 0
    with atomic_file(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as bundle:
        for name in _parents(paths):
            bundle.writestr(_member(name, 0o755), b"")
        for name in sorted(paths):
            done += _add(bundle, name, paths[name])
            progress(done / max(total, done, 1), name)
    return archive


def _official_files(folder: Path, source: FolderSource, leave_out_others: bool) -> list[Entry]:
    """Give the files to pack: those of the evaluation set if there is one."""
    evaluation = any(entry.evaluation for entry in source.entries)
    entries = [entry for entry in source.entries if entry.evaluation == evaluation]
    files = [entry for entry in entries if len(entry.parts) == 3 and file_part(*entry.parts) and not entry.is_folder]
    others = sorted({entry.path for entry in entries} - {entry.path for entry in files})
    others += sorted(fault.path for fault in source.faults)
    if others and not leave_out_others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise CadenzaError(
            f"{folder} holds what is no part of a submission: {', '.join(others[:_SHOWN])}{more}. Move it elsewhere, or "
            "ask for it to be left out."
        )
    if not files:
        raise CadenzaError(f"There is nothing to pack in {folder}: it holds no file of a submission.")
    for listener, song in sorted({entry.parts[:2] for entry in files}):
        check_listener(listener)
        check_name(song, "song")
    return files


def _member_name(entry: Entry) -> str:
    return "/".join((EVALUATION, *entry.parts) if entry.evaluation else entry.parts)


def _parents(names: Iterable[str]) -> list[str]:
    """Give the folders of the archive's files, each before what is in it, as make_archive has them."""
    parents = {parent for name in names for parent in PurePosixPath(name).parents}
    return [f"{parent}/" for parent in sorted(parents) if parent.name]


def _member(name: str, mode: int) -> zipfile.ZipInfo:
    """Describe a member by what does not depend on the machine or the time."""
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system = 3  # Unix, for the mode
    is_folder = name.endswith("/")
    info.external_attr = ((stat.S_IFDIR if is_folder else stat.S_IFREG) | mode) << 16 | (0x10 if is_folder else 0)
    return info


def _add(bundle: zipfile.ZipFile, name: str, path: Path) -> int:
    """Copy one file into the archive in blocks; give its size."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}.") from error
    info = _member(name, 0o644)
    with file:
        info.file_size = path.stat().st_size  # tells zipfile whether it needs zip64 here
        with bundle.open(info, "w") as member:
            shutil.copyfileobj(file, member, _CHUNK)
    return info.file_size
