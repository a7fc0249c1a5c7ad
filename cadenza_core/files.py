"""Files that are whole or not there: temporary name, flush, rename. And names that stay inside their folder."""

import contextlib
import errno
import json
import os
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from .errors import CadenzaError

__all__ = [
    "FORMULA_STARTS",
    "atomic_file",
    "atomic_folder",
    "changed_json",
    "check_name",
    "disk_errors",
    "expand",
    "guarded_text",
    "is_file",
    "parse_json",
    "parse_yaml",
    "sweep",
    "sync_tree",
]

_ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space (`cadenza cache prune` may help) and run it again",
    errno.EDQUOT: "the disk quota is used up. Free some space and run it again",
    errno.EROFS: "the place is read-only. Choose another folder or make it writable",
    errno.EACCES: "permission was denied. Choose another folder or make it writable",
    errno.EPERM: "permission was denied. Choose another folder or make it writable",
    errno.EFBIG: "the file is larger than the disk or a limit of this account allows. Choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this disk. Choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Choose another folder",
    errno.EISDIR: "there is a folder of that name. Choose another name",
}


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while writing `path` into a CadenzaError that says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            # Perhaps another file is at fault: say which. The temporary one is of no interest.
            name = str(error.filename or "")
            other = f" ({name})" if name and name != str(path) and ".partial-" not in name else ""
            advice = f"{error.strerror or error}{other}"
        raise CadenzaError(f"Cannot write {path}: {advice}.") from error


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it to disk and rename it to `path`.

    The temporary file keeps the suffix of `path`, starts with a dot, and is deleted if the block fails or is
    interrupted: `path` is either the old file or the whole new one.

    Raises
    ------
    CadenzaError
        If the folder cannot be made or the file cannot be written (disk full, read-only, no permission).
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".partial-{uuid.uuid4().hex}{path.suffix}")
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def changed_json(path: Path, read: Callable[[], Any]) -> Iterator[Any]:
    """Give what `read` gives, and write it to `path`, whole, once the block has changed it; one process at a time.

    Raises
    ------
    CadenzaError
        If the file cannot be written, or from `read`.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path.with_suffix(".lock"))
        lock.acquire()
    try:
        entries = read()
        yield entries
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(entries, indent=1, ensure_ascii=False), encoding="utf-8")
    finally:
        lock.release()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, flush its files and rename it to `path`.

    If `path` exists by then, the new folder is thrown away: results are named by content, so both are the same.

    Raises
    ------
    CadenzaError
        As :func:`atomic_file`.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".partial-{path.name}-{uuid.uuid4().hex}")
        temporary.mkdir()
        try:
            yield temporary
            sync_tree(temporary)
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def expand(path: Path) -> Path:
    """Give `path` with a leading ``~`` or ``~user`` replaced by that user's home folder.

    Raises
    ------
    CadenzaError
        If there is no such user, or nobody knows the home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise CadenzaError(f"{path}: there is no home folder of that name. Write the path in full.") from error


#: A float holds numbers of 308 digits.
_MOST_DIGITS = 300
#: How texts begin that a spreadsheet takes for formulas; so does an apostrophe that is one's own.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def guarded_text(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run, or that has one already."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def is_file(path: Path) -> bool:
    """Tell whether a path that somebody else has named is a file; a name that no disk can hold is none."""
    try:
        return path.is_file()
    except OSError:  # longer than names can be, for one
        return False


def parse_json(text: str | bytes, **options: Any) -> Any:
    """As `json.loads`; what is nested too deeply, or a number too large for a float, raises ValueError as other faults do."""
    try:
        return json.loads(text, parse_int=_whole, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def parse_yaml(text: str) -> Any:
    """As `yaml.safe_load`; whatever is wrong with the text raises ValueError.

    References (``*name``) are refused: a few lines of them unfold to more than any memory holds.
    """
    import yaml

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader)):
            raise ValueError("it has references (*name), which are not taken")
        return yaml.safe_load(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError:
        raise
    except (
        Exception
    ) as error:  # besides its own errors: IndexError of an empty !!int, TypeError, OverflowError of a date
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def sweep(home: Path, *, older: float = 86400.0) -> int:
    """Delete what killed runs have left below `home`; what is younger than `older` seconds may be in use. Tell how many."""
    before, swept = time.time() - older, 0
    for pattern in (".partial-*", ".import-*"):
        for left in list(home.rglob(pattern)):
            with contextlib.suppress(OSError):
                if left.lstat().st_mtime < before:
                    shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
                    swept += 1
    return swept


def sync_tree(folder: Path) -> None:
    """Flush every file of `folder` to disk."""
    for file in folder.rglob("*"):
        if file.is_file():
            _sync(file)


#: What Windows takes for more than a name: a drive, a stream, a pattern, a device.
_ON_WINDOWS = os.name == "nt"
_RESERVED = re.compile(r'.*[<>:"|?*].*|.*[. ]|(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?', re.IGNORECASE | re.DOTALL)


def check_name(name: str, what: str) -> str:
    """Return `name` if it can safely be one file or folder name inside a folder of ours.

    Raises
    ------
    CadenzaError
        If it is empty, ``.`` or ``..``, starts with a dot, is longer than 200 bytes, or has ``/``, ``\\`` or a control
        character in it; on Windows also, if it is a device's (``CON``), ends with a dot or space, or has one of
        ``<>:"|?*`` in it.
    """
    if _ON_WINDOWS and _RESERVED.fullmatch(name):
        raise CadenzaError(f"The {what} name {name[:80]!r} cannot be used as a file name on Windows. Rename it.")
    bad = not name or name.startswith(".") or len(name.encode("utf-8", "surrogatepass")) > 200
    if bad or any(char in "/\\" or unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise CadenzaError(
            f"The {what} name {name[:80]!r} cannot be used as a file name: it must not be empty, start with a dot, be "
            "longer than 200 bytes, or contain '/', '\\' or control characters. Rename it."
        )
    return name


def _sync(path: Path) -> None:
    with path.open("r+b") as file:  # Windows flushes only what it may write to
        os.fsync(file.fileno())
