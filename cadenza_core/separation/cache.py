"""Keep separations: one folder each, named by everything that its content depends on.

``<key>/manifest.json`` and ``<key>/<stem>.wav`` (32-bit float, so that nothing is rounded). The key is the SHA-256 of the
mixture's samples, the true stems' for an oracle, the system and its identity. A folder is made under a temporary name and
renamed, so it is whole or not there; a lock makes two processes, or two threads, that want the same do the work once.
Reading what is there takes no lock and works on a read-only disk.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import soundfile

from ..audio import Stems, write_audio
from ..errors import CadenzaError
from ..files import atomic_folder, disk_errors, parse_json, sync_tree
from ..folders import folder_size, last_used, prune
from ..progress import Progress

__all__ = ["Cache", "CacheEntry", "cache_key", "check_length"]

_FORMAT = 1
_MANIFEST = "manifest.json"
_KEY = re.compile("[0-9a-f]{64}")
_FRAME_BYTES = 8  # stereo, 32-bit float
_HEADER_BYTES = 4096  # more than libsndfile's WAV header
_BLOCK = 1 << 16  # samples read at once
_MAX_FRAMES = (2**32 - _HEADER_BYTES) // _FRAME_BYTES  # a WAV file's header counts bytes in 32 bits


def cache_key(facts: Mapping[str, Any]) -> str:
    """Give the name of a separation: SHA-256 of the facts as canonical JSON."""
    text = json.dumps({"format": _FORMAT, **facts}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check_length(frames: int, rate: int) -> None:
    """Check that stems of `frames` samples at `rate` Hz fit into WAV files, which end at 4 GiB.

    Raises
    ------
    CadenzaError
        If they do not.
    """
    if frames > _MAX_FRAMES:
        raise CadenzaError(
            f"{frames / rate / 3600:.2f} h of sound make stems of more than 4 GiB each, which a WAV file cannot hold; "
            f"at {rate} Hz, {_MAX_FRAMES / rate / 3600:.2f} h is the most. Choose an excerpt."
        )


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
            content: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
            for field, kind in _FIELDS.items():
                if not isinstance(content[field], kind) or (field != "about" and not content[field]):
                    raise ValueError(f"{field}: {content[field]!r}")
            return {field: content[field] for field in _FIELDS}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CadenzaError(f"The cached separation {self.folder} has no readable manifest: {error!r}.") from error

    @property
    def rate(self) -> int:
        """Sample rate, Hz."""
        rate: int = self.manifest["rate"]
        return rate

    @property
    def frames(self) -> int:
        """Samples of each stem."""
        frames: int = self.manifest["frames"]
        return frames

    def size(self) -> int:
        """Bytes on disk; what is gone meanwhile does not count."""
        return folder_size(self.folder)

    def used(self) -> float:
        """When it was last used, seconds since 1970; 0 if its manifest is missing."""
        return last_used(self.folder / _MANIFEST)

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
            return Stems({name: self._read(name, start, stop) for name in self.manifest["stems"]}, self.rate)
        except (OSError, ValueError, soundfile.LibsndfileError) as error:
            raise CadenzaError(f"The cached separation {self.folder} is damaged ({error}). {_REPAIR}") from error

    def _read(self, stem: str, start: int, stop: int | None) -> np.ndarray:
        first, last, _ = slice(start, stop).indices(self.frames)
        with soundfile.SoundFile(self.path(stem)) as file:
            if (file.frames, file.samplerate) != (self.frames, self.rate):
                raise ValueError(f"{stem}.wav is shorter, or at another rate, than it was")
            samples = np.empty((file.channels, max(last - first, 0)), dtype=np.float32)
            file.seek(first)
            for block in range(0, samples.shape[1], _BLOCK):  # in blocks, so that nothing is in memory twice
                part = samples[:, block : block + _BLOCK]
                part.T[:] = file.read(part.shape[1], dtype="float32", always_2d=True)
        return samples

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
                if thorough and _shape(self.path(name)) != (self.frames, self.rate):
                    return f"{name}.wav has not the length and rate that the manifest says"
            if thorough and cache_key(manifest["facts"]) != self.key:
                return "its name does not fit its manifest"
        except OSError as error:
            return f"a file is missing or cannot be read ({error.strerror}: {Path(str(error.filename)).name})"
        except (CadenzaError, KeyError, TypeError, AttributeError, soundfile.LibsndfileError) as error:
            return str(error)
        return ""


#: What a manifest must hold.
_FIELDS: Mapping[str, type] = {"facts": dict, "about": dict, "stems": dict, "rate": int, "frames": int}
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
        """Hold the right to make `key`; wait, showing so, while another process or thread has it.

        Raises
        ------
        CadenzaError
            If the cache cannot be written to; whatever `progress` raises, to stop the waiting.
        """
        with disk_errors(self.folder):
            lock = self._lock(key, timeout=0.2)
        try:
            while not self._acquire(lock):
                progress(0.0, "waiting: another process is separating the same")
            for left in self.folder.glob(f".partial-{key}-*"):  # from a run that was killed
                _delete(left)
            yield
        finally:
            lock.release()

    def check_room(self, frames: int, stems: int) -> None:
        """Check before the work that its result can be stored: there is room, and the folder can be written to.

        Raises
        ------
        CadenzaError
            If the disk has too little space left or cannot be written to.
        """
        need = stems * (frames * _FRAME_BYTES + _HEADER_BYTES) + 1_000_000
        with disk_errors(self.folder):
            probe = self.folder / f".partial-probe-{uuid.uuid4().hex}"
            probe.mkdir(parents=True)
            with contextlib.suppress(FileNotFoundError):  # swept up by somebody's `prune`
                probe.rmdir()
            free = shutil.disk_usage(self.folder).free
        if free < need:
            raise CadenzaError(
                f"The separation needs {need / 1e6:.0f} MB in {self.folder}, and {free / 1e6:.0f} MB are free. "
                "Free some space (`cadenza cache prune` may help)."
            )

    def put(self, facts: Mapping[str, Any], stems: Stems, about: Mapping[str, Any]) -> CacheEntry:
        """Store a separation under the key of its `facts`, which should be claimed; `about` is kept beside it.

        What is there already, damaged or to be replaced, stays until the new files are on the disk.

        Raises
        ------
        CadenzaError
            If it cannot be written or does not fit into WAV files; nothing half-written is left under the key.
        """
        check_length(stems.length, stems.rate)
        entry = CacheEntry(self.folder / cache_key(facts))
        old = self._trash(entry.key)
        with atomic_folder(entry.folder) as temporary:
            files = {name: _write(temporary / f"{name}.wav", samples, stems.rate) for name, samples in stems.items()}
            manifest: dict[str, Any] = {"facts": dict(facts), "about": dict(about), "stems": files}
            manifest |= {"rate": stems.rate, "frames": stems.length, "created": time.time()}
            # ASCII: a song's name may hold what UTF-8 cannot, where a file name is not UTF-8.
            text = json.dumps(manifest, indent=1, ensure_ascii=True)
            (temporary / _MANIFEST).write_text(text, encoding="ascii")
            if os.path.lexists(entry.folder):
                sync_tree(temporary)
                entry.folder.rename(old)
        _delete(old)
        return entry

    def entries(self) -> list[CacheEntry]:
        """Give all separations, the least recently used first; damaged ones before all others."""
        if not self.folder.is_dir():
            return []
        folders = (path for path in self.folder.iterdir() if _KEY.fullmatch(path.name) and path.is_dir())
        return sorted((CacheEntry(path) for path in folders), key=CacheEntry.used)

    def remove(self, entry: CacheEntry) -> bool:
        """Delete one separation; False if another process is making or has claimed it.

        Raises
        ------
        CadenzaError
            If it cannot be deleted.
        """
        with disk_errors(entry.folder):
            lock = self._lock(entry.key, timeout=0)
            if not self._acquire(lock):
                return False
            try:
                trash = self._trash(entry.key)
                with contextlib.suppress(FileNotFoundError):  # somebody else deleted it
                    entry.folder.rename(trash)  # gone at once for everyone else
                    shutil.rmtree(trash)
            finally:
                lock.release()
            return True

    def prune(self, *, max_bytes: int | None = None, max_age: float | None = None) -> list[CacheEntry]:
        """Delete what was not used for `max_age` seconds, then the least recently used until `max_bytes` are left.

        Also deletes what killed runs left. Returns what was deleted; what somebody is making is left alone.

        Raises
        ------
        CadenzaError
            If something cannot be deleted.
        """
        self._sweep()
        return prune(
            self.entries(),
            size=CacheEntry.size,
            used=CacheEntry.used,
            remove=self.remove,
            max_bytes=max_bytes,
            max_age=max_age,
        )

    def _lock(self, key: str, timeout: float) -> filelock.BaseFileLock:
        # Lock files stay: deleting one that somebody waits for would let two in.
        folder = self.folder / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(folder / f"{key}.lock", timeout=timeout)

    def _acquire(self, lock: filelock.BaseFileLock) -> bool:
        with disk_errors(self.folder):
            try:
                lock.acquire()
            except filelock.Timeout:  # an OSError too
                return False
            return True

    def _trash(self, key: str) -> Path:
        return self.folder / f".partial-{key}-{uuid.uuid4().hex}"

    def _sweep(self) -> None:
        for left in self.folder.glob(".partial-*"):
            with disk_errors(self.folder):
                lock = self._lock(left.name.removeprefix(".partial-").split("-")[0], timeout=0)
            if self._acquire(lock):
                _delete(left)
                lock.release()


def _write(path: Path, samples: np.ndarray, rate: int) -> dict[str, Any]:
    write_audio(path, samples, rate, subtype="FLOAT")
    return {"bytes": path.stat().st_size, "sha256": _file_digest(path)}


def _delete(path: Path) -> None:
    """Delete a file or folder if possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _shape(path: Path) -> tuple[int, int]:
    info = soundfile.info(path)
    return info.frames, info.samplerate


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
