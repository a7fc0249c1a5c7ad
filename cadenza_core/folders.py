"""Folders that are named by a digest of what they hold, and can be made again: how large they are, and which may go."""

import contextlib
import re
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .files import disk_errors

__all__ = ["folder_size", "last_used", "made_folders", "prune", "prune_folders"]

_DIGEST = re.compile("[0-9a-f]{32}")
_T = TypeVar("_T")


def made_folders(place: Path) -> list[Path]:
    """Give the folders of `place` that are named by a digest, the least recently used first."""
    if not place.is_dir():
        return []
    return sorted((path for path in place.iterdir() if _DIGEST.fullmatch(path.name) and path.is_dir()), key=last_used)


def last_used(path: Path) -> float:
    """Tell when a file or folder was made, or noted to be used: seconds since 1970; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def folder_size(folder: Path) -> int:
    """Give the bytes of a folder's files; what is gone meanwhile does not count."""
    total = 0
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            total += file.stat().st_size
    return total


def prune_folders(place: Path, *, max_bytes: int | None = None, max_age: float | None = None) -> list[Path]:
    """Delete folders of `place` as :func:`prune` does. Returns what was deleted.

    Raises
    ------
    CadenzaError
        If something cannot be deleted.
    """
    return prune(
        made_folders(place), size=folder_size, used=last_used, remove=_remove, max_bytes=max_bytes, max_age=max_age
    )


def prune(
    items: Sequence[_T],
    *,
    size: Callable[[_T], int],
    used: Callable[[_T], float],
    remove: Callable[[_T], bool],
    max_bytes: int | None,
    max_age: float | None,
) -> list[_T]:
    """Delete what was not used for `max_age` seconds, then the first of the rest until `max_bytes` are left.

    `remove` tells whether it could. Returns what was deleted.
    """
    total = sum(size(item) for item in items)
    removed = []
    for item in items:
        bytes_ = size(item)
        old = max_age is not None and time.time() - used(item) > max_age
        if (old or (max_bytes is not None and total > max_bytes)) and remove(item):
            total -= bytes_
            removed.append(item)
    return removed


def _remove(folder: Path) -> bool:
    trash = folder.with_name(f".partial-{folder.name}-{uuid.uuid4().hex}")
    with disk_errors(folder), contextlib.suppress(FileNotFoundError):  # somebody else deleted it
        folder.rename(trash)  # gone at once for everyone else
        shutil.rmtree(trash)
    return True
