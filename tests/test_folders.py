"""What may go of what can be made again: the least recently used first, by age or by size, and nothing else."""

import errno
import os
import time
from pathlib import Path

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.folders import folder_size, made_folders, prune_folders

NAMES = ["a" * 32, "b" * 32, "c" * 32]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three folders of 100 bytes, used three, two and one days ago; and what is none of them."""
    for number, name in enumerate(NAMES):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mix.wav").write_bytes(bytes(60))
        (folder / "mix.json").write_bytes(bytes(40))
        used = time.time() - (3 - number) * 86400
        os.utime(folder, (used, used))
    (tmp_path / "requests").mkdir()
    (tmp_path / ("d" * 32)).write_bytes(b"a file")
    return tmp_path


def left(place: Path) -> list[str]:
    return [folder.name[0] for folder in made_folders(place)]


def test_they_are_listed_by_their_last_use(place):
    assert left(place) == ["a", "b", "c"]
    os.utime(place / NAMES[0])
    assert left(place) == ["b", "c", "a"]
    assert folder_size(place / NAMES[0]) == 100
    assert made_folders(place / "nowhere") == []


@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        ({"max_bytes": 200}, ["b", "c"]),
        ({"max_bytes": 199}, ["c"]),
        ({"max_bytes": 0}, []),
        ({"max_age": 2.5 * 86400}, ["b", "c"]),
        ({"max_age": 2.5 * 86400, "max_bytes": 100}, ["c"]),
        ({"max_bytes": 300, "max_age": 4 * 86400}, ["a", "b", "c"]),
        ({}, ["a", "b", "c"]),
    ],
)
def test_what_is_old_or_too_much_goes_and_nothing_else(place, limits, stay):
    gone = prune_folders(place, **limits)
    assert left(place) == stay
    assert [folder.name for folder in gone] == [name for name in NAMES if name[0] not in stay]
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["d" * 32, "requests", *(name for name in NAMES if name[0] in stay)]
    )


def test_what_cannot_be_deleted_is_a_sentence(place, monkeypatch):
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refuse)  # as root, nothing is refused
    with pytest.raises(CadenzaError, match="permission was denied"):
        prune_folders(place, max_bytes=0)
    assert left(place) == ["a", "b", "c"]
