"""Give readers bad inputs, and watch: what they raise, how long they take, and where they write.

A reader may return or raise `CadenzaError`, nothing else; it has a time limit; and it may write only below its own
folder. Writing is seen by an audit hook, which Python calls for each file that is opened, made, renamed or deleted. Each
input follows from the reader's name, a seed and a number, so that a fault can be made again.
"""

import contextlib
import faulthandler
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cadenza_core.errors import CadenzaError
from tests.fuzz.mutate import mutated

__all__ = ["Finding", "Reader", "fuzz"]


@dataclass(frozen=True)
class Reader:
    """Something that reads what users give.

    Parameters
    ----------
    name : str
    make : function
        Writes a good input into an empty folder.
    read : function
        Reads that folder.
    share : int
        How many of 100 inputs of the usual number it gets: fewer if it is slow.
    only : str
        Pattern of the files that are changed.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    share: int = 100
    only: str = "**/*"


@dataclass
class Finding:
    """What happened to one reader: how many inputs it took, refused, and the faults."""

    reader: str
    taken: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


class _TooSlow(BaseException):
    """Not an Exception: nothing that a reader expects."""


class _Writes:
    """What was written outside a folder, while `folder` is set."""

    def __init__(self) -> None:
        self.folder = ""
        self.outside: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = (mode is not None and set(mode) & set("wax+")) or (
                mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            paths = [path] if writes else []
        elif event in {"os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"}:
            paths = [arguments[0]]
        elif event in {"os.rename", "os.link", "os.symlink"}:
            paths = list(arguments[:2])
        elif event in {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn"}:
            self.outside.append(f"{event} {arguments[0]!r}")
            return
        else:
            return
        for path in paths:
            if isinstance(path, int) or path is None:
                continue
            place = os.path.normpath(Path(os.fsdecode(path)).absolute())
            inside = place == self.folder or place.startswith((self.folder + os.sep, os.devnull))
            if not inside and "__pycache__" not in place:
                self.outside.append(f"{event} {place}")


_WRITES: list[_Writes] = []


@contextlib.contextmanager
def _watching(folder: Path, seconds: float) -> Iterator[list[str]]:
    """Note what is written outside `folder`; raise after `seconds`; end the process long after, if that does not help."""
    if not _WRITES:
        _WRITES.append(_Writes())
    writes = _WRITES[0]
    writes.outside = []
    alarm = hasattr(signal, "SIGALRM")
    if alarm:
        previous = signal.signal(signal.SIGALRM, _too_slow)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    writes.folder = str(folder)
    try:
        yield writes.outside
    finally:
        writes.folder = ""
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)


def _too_slow(*_: object) -> None:
    raise _TooSlow


def fuzz(
    reader: Reader,
    inputs: int,
    place: Path,
    *,
    seed: int = 0,
    seconds: float = 10.0,
    first: int = 0,
    hard: bool = False,
) -> Finding:
    """Give `reader` its share of `inputs` bad inputs.

    Parameters
    ----------
    place : Path
        An empty folder; all is written below it.
    seconds : float
        Time limit of an input.
    first : int
        Number of the first input.
    hard : bool
        End the whole process if even that limit passes fourfold, with a traceback: a hang in C.
    """
    folder = place / "input"
    folder.mkdir(parents=True)
    (place / "tmp").mkdir()
    found = Finding(reader.name)
    try:
        reader.make(folder)
        reader.read(folder)
    except Exception as error:  # nothing would be tested
        found.faults.append(f"{reader.name}: the good input is not read: {type(error).__name__}: {error}")
        return found
    good = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    targets = sorted(path.relative_to(folder) for path in folder.glob(reader.only) if path.is_file())
    tempfile.tempdir = str(place / "tmp")
    try:
        for number in range(first, first + max(1, inputs * reader.share // 100)):
            chance = random.Random(f"{reader.name}/{seed}/{number}")
            _change(folder, good, targets, chance)
            if hard:
                faulthandler.dump_traceback_later(4 * seconds, exit=True)
            fault = _outcome(reader, folder, place, seconds, found)
            faulthandler.cancel_dump_traceback_later()
            if fault:
                found.faults.append(f"{reader.name}, seed {seed}, input {number}: {fault}")
            _restore(folder, good)
    finally:
        tempfile.tempdir = None
    return found


def _outcome(reader: Reader, folder: Path, place: Path, seconds: float, found: Finding) -> str:
    try:
        with _watching(place, seconds) as outside, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder)
        found.taken += 1
    except CadenzaError as error:
        found.refused += 1
        if not str(error).strip():
            return "refused without a word"
    except _TooSlow:
        return f"took more than {seconds:g} s"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        lines = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in where[-4:])
        return f"{type(error).__name__}: {str(error)[:200]!r} at {lines}"
    return f"wrote outside its folder: {outside[:3]}" if outside else ""


def _change(folder: Path, good: dict[Path, bytes], targets: list[Path], chance: random.Random) -> None:
    """Change one file; now and then one is missing, empty, a folder, or another one's content."""
    path = chance.choice(targets)
    way = chance.random()
    if way < 0.01:
        (folder / path).unlink()
    elif way < 0.02:
        (folder / path).unlink()
        (folder / path).mkdir()
    elif way < 0.03:
        (folder / path).write_bytes(b"")
    elif way < 0.05:
        (folder / path).write_bytes(good[chance.choice(targets)])
    else:
        (folder / path).write_bytes(mutated(good[path], path.name, chance))


def _restore(folder: Path, good: dict[Path, bytes]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        relative = path.relative_to(folder)
        if path.is_dir() and relative in good:
            shutil.rmtree(path)
        elif path.is_file() and relative not in good:
            path.unlink()
    for relative, content in good.items():
        path = folder / relative
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
