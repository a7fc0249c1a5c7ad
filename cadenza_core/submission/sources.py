"""What is in a submission, from a folder or a zip archive alike: a list of files, and their bytes one at a time.

Nothing of an archive is ever written to disk. A member is read into memory as a whole, but never more than the largest
file of a submission could be.
"""

import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import CadenzaError
from .flac import SubmissionFault
from .layout import ENHANCED, EVALUATION
from .report import Fault

__all__ = ["Entry", "FolderSource", "Source", "ZipSource", "open_source"]

#: Largest file that is read, bytes: an hour of 16-bit stereo at 32 kHz that FLAC could not compress is 461 MB.
MAX_FILE = 512 * 1024**2
#: FLAC does not compress further: members (archives) above the size that unpack to more than this many times their size
#: are bombs.
MAX_RATIO = 100
_MEMBER_FLOOR, _ARCHIVE_FLOOR = 1024**2, 128 * 1024**2


@dataclass(frozen=True)
class Entry:
    """One file, or one folder with nothing in it.

    Parameters
    ----------
    path : str
        Relative to what was opened, with '/'; the archive member's name.
    parts : tuple of str
        The same below the folder of the listeners: (listener, song, file) for an official file.
    evaluation : bool
        Whether it is in the ``evaluation`` folder.
    is_folder : bool
    """

    path: str
    parts: tuple[str, ...]
    evaluation: bool
    is_folder: bool = False


class Source(Protocol):
    """A folder or an archive."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...]

    def read(self, entry: Entry) -> bytes:
        """Read a file; safe in threads. Raises SubmissionFault (``unreadable``, ``too-large``, ``zip-...``)."""

    def close(self) -> None:
        """Free what is open."""


def open_source(path: Path) -> Source:
    """Open a submission: ``enhanced_signals``, the folder it is in, an ``evaluation`` folder, or a zip of these.

    Raises
    ------
    CadenzaError
        If there is nothing at `path`.
    """
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return ZipSource(path)
    raise CadenzaError(f"There is no folder or file {path}.")


class FolderSource:
    """A submission in a folder. Linked folders are not followed; linked files are read."""

    def __init__(self, path: Path) -> None:
        self.root = path
        evaluation = path.resolve().name == EVALUATION
        #: The folder that is looked through.
        self.top = top = path / ENHANCED if not evaluation and (path / ENHANCED).is_dir() else path
        self._skipped: list[Fault] = []
        entries = []
        for place, is_folder in self._walk(top):
            parts, in_set = place.relative_to(top).parts, True
            if not evaluation:
                parts, in_set = _split(parts, is_folder)
            entries.append(Entry(place.relative_to(path).as_posix(), parts, in_set, is_folder))
        self.entries = tuple(entries)
        self.faults = tuple(self._skipped)

    def _walk(self, top: Path) -> Iterator[tuple[Path, bool]]:
        """Give every file, and every folder with nothing in it (True), in order."""

        def note(error: OSError) -> None:
            name = Path(error.filename).relative_to(self.root).as_posix()
            self._skipped.append(Fault(name, "unreadable", f"the folder cannot be read: {error.strerror}"))

        for folder, folders, files in os.walk(top, onerror=note):
            folders.sort()
            for name in sorted(files):
                yield Path(folder, name), False
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in links:
                message = "is a link to a folder, which is not followed. Put the folder itself here"
                place = Path(folder, name).relative_to(self.root).as_posix()
                self._skipped.append(Fault(place, "unsafe-name", message))
            if not files and not folders and Path(folder) != top:
                yield Path(folder), True

    def read(self, entry: Entry) -> bytes:
        """Read a file."""
        file_path = self.root / entry.path
        try:
            if not stat.S_ISREG(file_path.stat().st_mode):
                raise SubmissionFault("unreadable", "is not a file but a device or pipe")
            with file_path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise SubmissionFault("unreadable", f"cannot be read: {error.strerror or error}") from error
        if len(data) > MAX_FILE:
            raise SubmissionFault("too-large", f"is larger than {MAX_FILE // 1024**2} MiB; not read")
        return data

    def close(self) -> None:
        """Nothing is open."""


class ZipSource:
    """A submission in a zip archive, with or without ``enhanced_signals`` or ``evaluation`` as its base folder."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()  # zipfile counts its open members without one
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._bomb = ""
        self.entries: tuple[Entry, ...] = ()
        self._file: zipfile.ZipFile | None = None
        try:
            self._file = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError) as error:
            message = f"is not a zip file, or is cut off: {error}. Pack or copy it again"
            self.faults: tuple[Fault, ...] = (Fault(path.name, "zip-damaged", message),)
            return
        faults = self._list_members(self._file.infolist())
        self._check_total(path, faults)
        self.faults = tuple(faults)
        self.entries = tuple(self._make_entries())

    def _list_members(self, infos: list[zipfile.ZipInfo]) -> list[Fault]:
        faults = []
        for info in infos:
            name = info.orig_filename
            if reason := _unsafe(info):
                faults.append(Fault(name, "unsafe-name", f"the member's name is unsafe ({reason}); not read"))
            elif name in self._members:
                faults.append(Fault(name, "zip-duplicate", "another member has the same name; only the first is read"))
            else:
                self._members[name] = info
        return faults

    def _check_total(self, path: Path, faults: list[Fault]) -> None:
        """Refuse an archive that unpacks to far more than it is, or whose members share their bytes."""
        assert self._file is not None
        infos, size = self._file.infolist(), path.stat().st_size
        unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
        if packed > size:
            self._bomb = f"its members claim {packed} bytes, the archive has {size}: they overlap"
        elif unpacked > max(_ARCHIVE_FLOOR, MAX_RATIO * size):
            self._bomb = f"its {size} bytes would unpack to {unpacked}"
        if self._bomb:
            faults.append(Fault(path.name, "zip-bomb", f"{self._bomb}; no member is read"))

    def _make_entries(self) -> Iterator[Entry]:
        parents = {str(parent) for name in self._members for parent in PurePosixPath(name).parents}
        for name in sorted(self._members):
            is_folder = name.endswith("/")
            if is_folder and str(PurePosixPath(name)) in parents:
                continue
            parts = PurePosixPath(name).parts
            parts, evaluation = _split(parts[1:] if parts[0] == ENHANCED else parts, is_folder)
            if parts or evaluation:
                yield Entry(name, parts, evaluation, is_folder)

    def read(self, entry: Entry) -> bytes:
        """Read a member; its checksum is compared."""
        info = self._members[entry.path]
        if self._bomb:
            raise SubmissionFault("zip-bomb", f"is not read: {self._bomb}")
        if info.flag_bits & 1:
            raise SubmissionFault("zip-encrypted", "is encrypted; pack it without a password")
        if info.file_size > max(_MEMBER_FLOOR, MAX_RATIO * info.compress_size):
            raise SubmissionFault(
                "zip-bomb", f"would unpack from {info.compress_size} to {info.file_size} bytes; not read"
            )
        if info.file_size > MAX_FILE:
            raise SubmissionFault("too-large", f"is larger than {MAX_FILE // 1024**2} MiB; not read")
        assert self._file is not None
        try:
            with self._lock, self._file.open(info) as file:
                return file.read(MAX_FILE + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
            ValueError,
            OSError,
        ) as error:
            raise SubmissionFault("zip-damaged", f"cannot be unpacked: {error}") from error

    def close(self) -> None:
        """Close the archive."""
        if self._file is not None:
            self._file.close()


def _split(parts: tuple[str, ...], is_folder: bool) -> tuple[tuple[str, ...], bool]:
    """Take the evaluation set's folder off; say whether it was there."""
    evaluation = parts[:1] == (EVALUATION,) and (is_folder or len(parts) > 1)
    return (parts[1:], True) if evaluation else (parts, False)


def _unsafe(info: zipfile.ZipInfo) -> str:
    """Say why a member's name must not be used as a path, or ''."""
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    if name.startswith("/") or name[1:2] == ":":
        return "absolute"
    if ".." in parts:
        return "'..'"
    if "" in parts or "." in parts:
        return "an empty part or '.'"
    if "\\" in name or any(ord(char) < 32 for char in name):
        return "'\\' or a control character"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link"
    return ""
