"""Every reader against damaged and hostile files: `benchmarks/fuzz.py` with a few hundred inputs."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for tests.fuzz, whoever runs pytest

from tests.fuzz.readers import READERS
from tests.fuzz.watch import Reader, fuzz


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_bad_input_is_taken_or_refused_with_a_sentence(reader: Reader, tmp_path: Path) -> None:
    found = fuzz(reader, 8, tmp_path)
    assert not found.faults
    assert found.taken + found.refused > 0


def _raises(_: Path) -> None:
    raise ZeroDivisionError


def _hangs(_: Path) -> None:
    while True:
        pass


def _writes(folder: Path) -> None:
    (folder.parents[1] / "elsewhere.txt").write_text("x")


@pytest.mark.parametrize(
    "fault, said", [(_raises, "ZeroDivisionError"), (_hangs, "took more"), (_writes, "wrote outside")]
)
def test_the_watch_sees_tracebacks_hangs_and_files_elsewhere(fault: Callable, said: str, tmp_path: Path) -> None:
    good = []

    def read(folder: Path) -> None:
        if good:
            fault(folder)
        good.append(folder)  # the first is the good one

    reader = Reader("planted", lambda folder: (folder / "a.json").write_text('{"a": 1}'), read)
    (found,) = fuzz(reader, 1, tmp_path / "place", seconds=0.05).faults
    assert said in found and "input 0" in found
