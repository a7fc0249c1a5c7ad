"""Keep separations: one folder each, named by everything that its content depends on.

``<key>/manifest.json`` and ``<key>/<stem>.wav`` (32-bit float, so that nothing is rounded). The key is the SHA-256 of the
mixture's samples, the true stems' for an oracle, the system and its identity. A folder is made under a temporary name and
renamed, so it is whole or not there; a lock makes two processes that want the same do the work once.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
import soundfile

from ..audio import Stems
from ..errors import CadenzaError
from ..files import atomic_folder, disk_errors
from ..progress import Progress

__all__ = ["Cache", "CacheEntry", "cache_key"]

_FORMAT = 1
_MANIFEST = "manifest.json"


def cache_key(facts: Mapping[str, Any]) -> str:
    """Give the name of a separation: SHA-256 of the facts as canonical JSON."""
    text = json.dumps({"format": _FORMAT, **facts}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class CacheEntry:
    """One separation on disk."""

    folder: Path

    @property
    def key(self) -> str:
        """Its name."""
        return self.folder.name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What is known of it: ``facts`` (in the key), ``about`` (song, device, seconds), ``stems``, ``rate``, ``frames``.

        Raises
        ------
        CadenzaError
            If it cannot be read.
        """
        path = self.folder / _MANIFEST
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return {"facts": content["facts"], "about": content["about"], **{k: content[k] for k in _FIELDS}}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CadenzaError(f"The cached separation {self.folder} has no readable manifest: {error!r}.") from error

    @property
    def rate(self) -> int:
        """Sample rate, Hz."""
        return int(self.manifest["rate"])

    @property
    def frames(self) -> int:
        """Samples of each stem."""
        return int(self.manifest["frames"])

    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.folder.iterdir())

    def used(self) -> float:
        """When it was last used, seconds since 1970."""
        return (self.folder / _MANIFEST).stat().st_mtime

    def path(self, stem: str) -> Path:
        """File of one stem: WAV, 32-bit float."""
        return self.folder / f"{stem}.wav"

    def stems(self, start: int = 0, stop: int | None = None) -> Stems:
        """Read the stems from sample `start` to `stop`: shape (2, n), float32, exactly as they were stored.

        Raises
        ------
        CadenzaError
            If a file is gone or damaged.
        """
        try:
            read = {
                name: soundfile.read(self.path(name), start=start, stop=stop, dtype="float32", always_2d=True)[0].T
                for name in self.manifest["stems"]
            }
        except (OSError, soundfile.LibsndfileError) as error:
            raise CadenzaError(f"The cached separation {self.folder} is damaged ({error}). {_REPAIR}") from error
        return Stems(read, self.rate)

    def fault(self, *, thorough: bool = False) -> str:
        """Say what is wrong with it, or nothing: quickly by the files' sizes, or thoroughly by their digests."""
        try:
            manifest = self.manifest
            for name, facts in manifest["stems"].items():
                size = self.path(name).stat().st_size
                if size != facts["bytes"]:
                    return f"{name}.wav has {size} bytes instead of {facts['bytes']}"
                if thorough and _file_digest(self.path(name)) != facts["sha256"]:
                    return f"{name}.wav is not what was stored (its SHA-256 differs)"
            if thorough and cache_key(manifest["facts"]) != self.key:
                return "its name does not fit its manifest"
        except OSError as error:
            return f"a file is missing or cannot be read ({error.strerror}: {Path(str(error.filename)).name})"
        except (CadenzaError, KeyError, TypeError, AttributeError) as error:
            return str(error)
        return ""


_FIELDS = ("stems", "rate", "frames")
_REPAIR = "`cadenza cache verify --remove` deletes what is damaged; it is then made anew when it is wanted."


class Cache:
    """The folder of cached separations.

    Parameters
    ----------
    folder : Path
        Made when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> CacheEntry | None:
        """Give the separation named `key`, if it is there and whole, and note that it was used."""
        entry = CacheEntry(self.folder / key)
        if not entry.folder.is_dir() or entry.fault():
            return None
        with contextlib.suppress(OSError):  # a read-only cache can be read all the same
            os.utime(entry.folder / _MANIFEST)
        return entry

    @contextlib.contextmanager
    def claim(self, key: str, progress: Progress) -> Iterator[None]:
        """Hold the right to make `key`; wait, showing so, while another process has it.

        Raises
        ------
        CadenzaError
            If the cache cannot be written to.
        """
        with disk_errors(self.folder):
            lock = self._lock(key, timeout=0.2)
            while True:
                try:
                    lock.acquire()
                    break
                except filelock.Timeout:
                    progress(0.0, "waiting: another process is separating the same")
        try:
            for left in self.folder.glob(f".partial-{key}-*"):  # from a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            lock.release()

    def check_room(self, frames: int, stems: int) -> None:
        """Check before the work that its result will fit.

        Raises
        ------
        CadenzaError
            If the disk has too little space left.
        """
        need = frames * stems * 8 + 1_000_000
        free = shutil.disk_usage(self.folder).free
        if free < need:
            raise CadenzaError(
                f"The separation needs {need / 1e6:.0f} MB in {self.folder}, and {free / 1e6:.0f} MB are free. "
                "Free some space (`cadenza cache prune` may help)."
            )

    def put(self, facts: Mapping[str, Any], stems: Stems, about: Mapping[str, Any]) -> CacheEntry:
        """Store a separation under the key of its `facts`; `about` is kept beside it.

        Raises
        ------
        CadenzaError
            If it cannot be written; nothing half-written is left under the key.
        """
        entry = CacheEntry(self.folder / cache_key(facts))
        if entry.folder.exists():  # only a damaged one can be there
            shutil.rmtree(entry.folder)
        with atomic_folder(entry.folder) as temporary:
            files = {}
            for name, samples in stems.items():
                path = temporary / f"{name}.wav"
                try:
                    soundfile.write(path, samples.T, stems.rate, subtype="FLOAT")
                except soundfile.LibsndfileError as error:
                    raise CadenzaError(f"Cannot write {entry.folder}: {error}. Is the disk full?") from error
                files[name] = {"bytes": path.stat().st_size, "sha256": _file_digest(path)}
            manifest: dict[str, Any] = {"facts": dict(facts), "about": dict(about), "stems": files}
            manifest |= {"rate": stems.rate, "frames": stems.length, "created": time.time()}
            text = json.dumps(manifest, indent=1, ensure_ascii=False)
            (temporary / _MANIFEST).write_text(text, encoding="utf-8")
        return entry

    def entries(self) -> list[CacheEntry]:
        """Give all separations, the least recently used first; damaged ones before all others."""

        def used(entry: CacheEntry) -> float:
            try:
                return entry.used()
            except OSError:
                return 0.0

        if not self.folder.is_dir():
            return []
        folders = (path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        return sorted((CacheEntry(path) for path in folders), key=used)

    def remove(self, entry: CacheEntry) -> bool:
        """Delete one separation; False if another process is making or has claimed it.

        Raises
        ------
        CadenzaError
            If it cannot be deleted.
        """
        with disk_errors(entry.folder):
            try:
                with self._lock(entry.key, timeout=0):
                    trash = entry.folder.with_name(f".partial-{entry.key}-removed")
                    entry.folder.rename(trash)  # gone at once for everyone else
                    shutil.rmtree(trash)
            except filelock.Timeout:
                return False
            return True

    def prune(self, *, max_bytes: int | None = None, max_age: float | None = None) -> list[CacheEntry]:
        """Delete what was not used for `max_age` seconds, then the least recently used until `max_bytes` are left.

        Also deletes what killed runs left. Returns what was deleted.
        """
        self._sweep()
        entries = self.entries()
        total = sum(entry.size() for entry in entries)
        removed = []
        for entry in entries:
            size = entry.size()
            old = max_age is not None and time.time() - entry.used() > max_age
            if (old or (max_bytes is not None and total > max_bytes)) and self.remove(entry):
                total -= size
                removed.append(entry)
        return removed

    def _lock(self, key: str, timeout: float) -> filelock.BaseFileLock:
        # Lock files stay: deleting one that somebody waits for would let two in.
        folder = self.folder / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(folder / f"{key}.lock", timeout=timeout)

    def _sweep(self) -> None:
        for left in self.folder.glob(".partial-*"):
            key = left.name.removeprefix(".partial-").split("-")[0]
            try:
                with self._lock(key, timeout=0):
                    shutil.rmtree(left, ignore_errors=True)
            except filelock.Timeout:
                continue


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
