"""Where the weights of a system lie, whether they are the right ones, and how to get them.

A file is looked for in the studio's model folder (``<models>/<system>/``, then ``<models>/``), then in the caches of the
packages that would fetch it themselves (torch.hub's, and the Hugging Face hub's for Demucs 4.1); what is in none of them
is downloaded to the model folder. Every file is checked against its published digest before it is loaded. Nothing here
imports torch.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import CadenzaError, WeightsMissing
from ..files import atomic_file
from ..progress import Progress, part, silent
from ..settings import Settings
from .download import DownloadFailed, download, one_at_a_time
from .run import get_system
from .weight_sets import find_set, weight_sets

__all__ = [
    "FileStatus",
    "HubFile",
    "Located",
    "Status",
    "WeightFile",
    "fetch",
    "find",
    "hub_cache",
    "remove",
    "require",
    "sha256_of",
    "status",
    "torch_cache",
]


@dataclass(frozen=True)
class HubFile:
    """The same weights as safetensors in a Hugging Face repository; `sha256` is empty where it is not known."""

    repo: str
    name: str
    sha256: str = ""


@dataclass(frozen=True)
class WeightFile:
    """One file of weights.

    Parameters
    ----------
    name : str
        File name.
    url : str
        Where it is published; empty for a user's own.
    sha256 : str
        Its digest in hexadecimal, or the first digits of it, as published; empty: unknown.
    size : int
        Bytes, for people to read; 0: unknown.
    cached_as : str
        Path below torch.hub's folder where the package keeps it.
    hub : HubFile, optional
        Its safetensors twin.
    folder : Path, optional
        The only place where a user's own file is looked for.
    place : str
        Folder below the studio's model folder, for a file that several models share; empty: the system's own.
    """

    name: str
    url: str = ""
    sha256: str = ""
    size: int = 0
    cached_as: str = ""
    hub: HubFile | None = None
    folder: Path | None = None
    place: str = ""


@dataclass(frozen=True)
class Located:
    """A file found on this machine, and the digest it must have (empty: unknown)."""

    path: Path
    sha256: str

    def check(self) -> None:
        """Check the digest, where it is known.

        Raises
        ------
        CadenzaError
            If the file is damaged or is another than its name says.
        """
        if not self.sha256:
            return
        digest = sha256_of(self.path)
        if not digest.startswith(self.sha256):
            raise CadenzaError(
                f"{self.path} is damaged or is another file: its SHA-256 is {digest[:16]}... instead of "
                f"{self.sha256[:16]}... Delete it and get it again (`cadenza models get`)."
            )

    @property
    def fingerprint(self) -> str:
        """Name and digest, for a cache key; hashes the file only where no digest is known."""
        return f"{self.path.name}:{self.sha256 or sha256_of(self.path)}"


@runtime_checkable
class HasWeights(Protocol):
    """A separator that loads files."""

    @property
    def files(self) -> Sequence[WeightFile]:
        """What it loads."""


def _wanted(system_id: str, settings: Settings) -> tuple[WeightFile, ...]:
    """Give the files of a system or a set.

    Raises
    ------
    CadenzaError
        If there is neither of that id.
    """
    if found := find_set(system_id):
        return found.files
    separator = get_system(system_id, settings)
    return tuple(separator.files) if isinstance(separator, HasWeights) else ()


def torch_cache() -> Path:
    """Give torch.hub's folder, by the rules of ``torch.hub.get_dir`` (`TORCH_HOME`, `XDG_CACHE_HOME`)."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return Path(home).expanduser() / "hub"


def hub_cache() -> Path:
    """Give the Hugging Face hub's cache, by the rules of ``huggingface_hub.constants``."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := os.environ.get(variable):
            return Path(os.path.expandvars(folder)).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.path.expandvars(home)).expanduser() / "hub"


_DIGESTS: dict[tuple[str, int, int], str] = {}


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal, remembered in this process by path, size and time of change.

    Raises
    ------
    CadenzaError
        If it cannot be read.
    """
    try:
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in _DIGESTS:
            with path.open("rb") as file:
                _DIGESTS[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _DIGESTS[key]
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}.") from error


def find(file: WeightFile, system_id: str, settings: Settings) -> Located | None:
    """Give the first place that holds `file`; not yet checked."""
    for path, digest in _candidates(file, system_id, settings):
        if path.is_file():
            return Located(path, digest or _recorded_digest(path))
    return None


def _folders(file: WeightFile, system_id: str, settings: Settings) -> tuple[Path, ...]:
    return (file.folder,) if file.folder else (_own_folder(file, system_id, settings), settings.models)


def _own_folder(file: WeightFile, system_id: str, settings: Settings) -> Path:
    return settings.models / (file.place or system_id)


def _candidates(file: WeightFile, system_id: str, settings: Settings) -> Iterator[tuple[Path, str]]:
    folders = _folders(file, system_id, settings)
    yield from ((folder / file.name, file.sha256) for folder in folders)
    if file.cached_as:
        yield torch_cache() / file.cached_as, file.sha256
    if file.hub:
        snapshots = _snapshots(_hub_folder(file.hub.repo))
        yield from ((folder / file.hub.name, file.hub.sha256) for folder in (*folders, *snapshots))


def _hub_folder(repo: str) -> Path:
    return hub_cache() / f"models--{repo.replace('/', '--')}"


def _snapshots(repo: Path) -> list[Path]:
    """Snapshot folders of a cached repository: the one its main branch points to, then the newest first."""
    try:
        snapshots = sorted((repo / "snapshots").iterdir(), key=lambda path: -path.stat().st_mtime)
    except OSError:
        return []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        main = (repo / "refs" / "main").read_text(encoding="ascii").strip()
        snapshots.sort(key=lambda path: path.name != main)
    return snapshots


def _recorded_digest(path: Path) -> str:
    """The digest noted when the file was downloaded, or by the hub, whose cache names large files by their SHA-256."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        note = _note(path).read_text(encoding="ascii").strip()
        if len(note) == 64:
            return note
    blob = path.resolve().name
    return blob if len(blob) == 64 and set(blob) <= set("0123456789abcdef") else ""


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def require(system_id: str, files: Sequence[WeightFile], settings: Settings, progress: Progress = silent) -> list[Path]:
    """Give the paths of all `files`, checked; download those that are not on this machine.

    Raises
    ------
    WeightsMissing
        If one is not there and cannot be fetched; names the places where it was looked for.
    CadenzaError
        If one is damaged.
    """
    found = {file.name: find(file, system_id, settings) for file in files}
    missing = [file for file in files if found[file.name] is None]
    if missing:
        try:
            _fetch_files(system_id, missing, settings, progress)
        except DownloadFailed as error:
            message = missing_message(system_id, missing, settings)
            raise WeightsMissing(f"{message} The download failed: {error}.") from error
        found |= {file.name: find(file, system_id, settings) for file in missing}
    paths = []
    for located in found.values():
        assert located is not None
        located.check()
        paths.append(located.path)
    return paths


def missing_message(system_id: str, missing: Sequence[WeightFile], settings: Settings) -> str:
    """Say what is missing, where it was looked for and how to get it."""
    names = ", ".join(file.name for file in missing)
    places = list(_folders(missing[0], system_id, settings))
    if missing[0].folder:
        return (
            f"The model {system_id!r} lacks {names} in {places[0]}. Put it back, or remove the model "
            f"(`cadenza models remove {system_id}`)."
        )
    places += sorted({(torch_cache() / file.cached_as).parent for file in missing if file.cached_as})
    places += sorted({_hub_folder(file.hub.repo) for file in missing if file.hub})
    return (
        f"The weights of {system_id!r} are not on this machine: {names} ({_megabytes(missing)}) looked for in "
        f"{', '.join(map(str, places))}. Get them with `cadenza models get {system_id}`, or put the files into "
        f"{places[0]}."
    )


def _megabytes(files: Sequence[WeightFile]) -> str:
    return f"{sum(file.size for file in files) / 1e6:.0f} MB"


def _fetch_files(system_id: str, files: Sequence[WeightFile], settings: Settings, progress: Progress) -> None:
    if unpublished := [file for file in files if not file.url]:
        raise WeightsMissing(missing_message(system_id, unpublished, settings))
    total, before = sum(file.size or 1 for file in files), 0
    for file in files:
        folder = _own_folder(file, system_id, settings)
        after = before + (file.size or 1)
        with one_at_a_time(folder, progress):
            if not (folder / file.name).is_file():  # else another process has fetched it meanwhile
                show = part(progress, before / total, after / total)
                digest = download(file.url, folder / file.name, sha256=file.sha256, progress=show)
                if not file.sha256:
                    with atomic_file(_note(folder / file.name)) as note:
                        note.write_text(digest, encoding="ascii")
        before = after


@dataclass(frozen=True)
class FileStatus:
    """One file of a system on this machine.

    Parameters
    ----------
    file : WeightFile
    path : Path, optional
        Where it was found.
    size : int
        Bytes there.
    fault : str
        What is wrong with it; empty: nothing was seen.
    sha256 : str
        The digest it is compared with: published, or noted when it was downloaded; empty: none is known.
    """

    file: WeightFile
    path: Path | None
    size: int
    fault: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Status:
    """The weights of a system on this machine; a system without weights has no `files` and is `ready`."""

    system: str
    files: tuple[FileStatus, ...]

    @property
    def missing(self) -> tuple[WeightFile, ...]:
        """What is on this machine nowhere."""
        return tuple(entry.file for entry in self.files if entry.path is None)

    @property
    def ready(self) -> bool:
        """Whether everything is there and nothing wrong was seen."""
        return not any(entry.path is None or entry.fault for entry in self.files)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(entry.size for entry in self.files)


def status(system_id: str, settings: Settings, *, check: bool = False) -> Status:
    """Say which weights of a system are on this machine, and where; no download.

    Parameters
    ----------
    system_id : str
    settings : Settings
    check : bool
        Also hash the files and compare digests (about a second per GB); else only look whether they are there.

    Raises
    ------
    CadenzaError
        If there is no such system.
    """
    return Status(
        system_id, tuple(_file_status(file, system_id, settings, check) for file in _wanted(system_id, settings))
    )


def _file_status(file: WeightFile, system_id: str, settings: Settings, check: bool) -> FileStatus:
    located = find(file, system_id, settings)
    if located is None:
        return FileStatus(file, None, 0)
    fault = "" if located.path.stat().st_size else "empty"
    if check:
        try:
            located.check()
        except CadenzaError as error:
            fault = str(error)
    return FileStatus(file, located.path, located.path.stat().st_size, fault, located.sha256)


def fetch(system_id: str, settings: Settings, progress: Progress = silent) -> Status:
    """Download the weights of a system that are not on this machine yet, and check all of them.

    Raises
    ------
    CadenzaError
        If there is no such system, or a file that is there is damaged.
    WeightsMissing
        If a download fails; the files that were fetched whole stay.
    """
    if files := _wanted(system_id, settings):
        require(system_id, files, settings, progress)
    progress(1.0, f"the weights of {system_id} are there")
    return status(system_id, settings)


def remove(system_id: str, settings: Settings) -> tuple[Path, ...]:
    """Delete what was downloaded for a system; the packages' caches are left alone, and what another set needs as well.

    Returns the deleted files.

    Raises
    ------
    CadenzaError
        If there is no such system or a file cannot be deleted.
    """
    files = _wanted(system_id, settings)
    shared = {file for one in weight_sets() if one.id != system_id for file in one.files}
    paths = [
        _own_folder(file, system_id, settings) / file.name for file in files if not file.folder and file not in shared
    ]
    ours = [path for path in paths if path.is_file()]
    try:
        for path in ours:
            path.unlink()
            _note(path).unlink(missing_ok=True)
    except OSError as error:
        raise CadenzaError(f"{path} cannot be deleted: {error.strerror or error}.") from error
    return tuple(ours)
