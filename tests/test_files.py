"""Files that are whole or not there, whatever happens while they are written; names that stay in their folder."""

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza_core.errors import CadenzaError
from cadenza_core.files import (
    atomic_file,
    atomic_folder,
    check_name,
    disk_errors,
    expand,
    parse_json,
    parse_yaml,
    sweep,
    sync_tree,
)

FAILURES = [ValueError, KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit]


def everything(folder: Path) -> dict[str, bytes | None]:
    files = sorted(folder.rglob("*"))
    return {str(file.relative_to(folder)): file.read_bytes() if file.is_file() else None for file in files}


def run(code: str, *arguments: object) -> subprocess.Popen:
    """Start Python with `code`; its output is a pipe."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_file_is_written(tmp_path):
    path = tmp_path / "new" / "folder" / "a.wav"
    with atomic_file(path) as temporary:
        assert temporary.parent == path.parent  # the same disk, so that it can be renamed
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".wav"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert everything(tmp_path / "new") == {"folder": None, "folder/a.wav": b"new"}


def test_a_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with atomic_file(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert everything(tmp_path) == {"a.txt": b"new"}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_file_that_fails_leaves_what_was_there(failure, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"old")
    with pytest.raises(failure), atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_bytes(b"half")
        raise failure
    with pytest.raises(failure), atomic_file(tmp_path / "b.txt"):
        raise failure
    assert everything(tmp_path) == {"a.txt": b"old"}


def test_a_file_that_was_not_written_is_an_error(tmp_path):
    with (
        pytest.raises(CadenzaError, match=r"Cannot write .*a\.txt: No such file or directory"),
        atomic_file(tmp_path / "a.txt"),
    ):
        pass
    assert everything(tmp_path) == {}


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_file(path) as one, atomic_file(path) as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert everything(tmp_path) == {"a.txt": b"one"}  # the outer block ended last


def test_a_folder_is_written(tmp_path):
    path = tmp_path / "new" / "folder"
    with atomic_folder(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        (temporary / "inner").mkdir()
        (temporary / "inner" / "a").write_bytes(b"new")
        assert not path.exists()
    assert everything(tmp_path / "new") == {"folder": None, "folder/inner": None, "folder/inner/a": b"new"}


def test_the_first_of_two_folders_stays(tmp_path):
    for content in (b"one", b"other"):
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "a").write_bytes(content)
    assert everything(tmp_path) == {"folder": None, "folder/a": b"one"}


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "folder").write_bytes(b"old")
    with pytest.raises(CadenzaError, match=r"Cannot write .*folder: "), atomic_folder(tmp_path / "folder"):
        pass
    assert everything(tmp_path) == {"folder": b"old"}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_folder_that_fails_leaves_nothing(failure, tmp_path):
    with pytest.raises(failure), atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "a").write_bytes(b"half")
        raise failure
    assert everything(tmp_path) == {}


KILLED = """
    import os, signal, sys, time
    from pathlib import Path
    from cadenza_core.files import atomic_file, atomic_folder

    folder = Path(sys.argv[1])
    with atomic_file(folder / "a.wav") as one, atomic_folder(folder / "folder") as two:
        one.write_bytes(b"half")
        (two / "a").write_bytes(b"half")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("kill", ["SIGKILL", "SIGINT"])
def test_a_process_that_is_killed(kill, tmp_path):
    with run(KILLED, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, kill))
    left = [file.name for file in tmp_path.iterdir()]
    assert len(left) == (2 if kill == "SIGKILL" else 0)
    assert all(name.startswith(".partial-") for name in left)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
@pytest.mark.parametrize(("mask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_modes_follow_the_umask(mask, file_mode, folder_mode, tmp_path):
    before = os.umask(mask)
    try:
        with atomic_file(tmp_path / "new" / "a.txt") as temporary:
            temporary.write_bytes(b"new")
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "a").write_bytes(b"new")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*")}
    assert modes["a.txt"] == modes["a"] == file_mode
    assert modes["new"] == modes["folder"] == folder_mode


def test_a_full_disk(small_disk):
    with (
        pytest.raises(CadenzaError, match=r"Cannot write .*a\.bin: the disk is full\. Free some space"),
        atomic_file(small_disk / "a.bin") as temporary,
    ):
        temporary.write_bytes(bytes(1_000_000))
    with (
        pytest.raises(CadenzaError, match=r"Cannot write .*folder: the disk is full\. Free some space"),
        atomic_folder(small_disk / "folder") as temporary,
    ):
        (temporary / "small").write_bytes(bytes(1000))
        (temporary / "large").write_bytes(bytes(1_000_000))
    assert everything(small_disk) == {}


LIMITED = """
    import resource, sys
    from pathlib import Path
    from cadenza_core.errors import CadenzaError
    from cadenza_core.files import atomic_file

    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        with atomic_file(Path(sys.argv[1]) / "a.bin") as temporary:
            temporary.write_bytes(bytes(1_000_000))
    except CadenzaError as error:
        print(error, end="")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_file_beyond_the_limit(tmp_path):
    with run(LIMITED, tmp_path) as process:
        assert process.stdout is not None
        message = process.stdout.read()
    assert message == (
        f"Cannot write {tmp_path / 'a.bin'}: the file is larger than the disk or a limit of this account allows. "
        "Choose another folder."
    )
    assert everything(tmp_path) == {}


def test_a_place_without_permission(unprivileged):
    with unprivileged() as place:
        (place / "closed").mkdir(mode=0o500)
        for atomic in (atomic_file, atomic_folder):
            words = "Cannot write .*: permission was denied. Choose another folder or make it writable"
            with pytest.raises(CadenzaError, match=words), atomic(place / "closed" / "a") as temporary:
                temporary.write_bytes(b"new")
            with pytest.raises(CadenzaError, match=words), atomic(place / "closed" / "new" / "a"):
                pass


@pytest.mark.parametrize("atomic", [atomic_file, atomic_folder])
def test_a_place_that_is_no_folder(atomic, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with (
        pytest.raises(CadenzaError, match=r"Cannot write .*a: (File exists|.*is a file, not a folder)"),
        atomic(tmp_path / "file" / "a"),
    ):
        pass
    assert everything(tmp_path) == {"file": b"old"}


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(CadenzaError, match="there is a folder of that name"),
        atomic_file(tmp_path / "folder") as temporary,
    ):
        temporary.write_bytes(b"new")
    assert everything(tmp_path) == {"folder": None}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EDQUOT, "the disk quota is used up. Free some space"),
        (errno.EROFS, "the place is read-only. Choose another folder"),
        (errno.EACCES, "permission was denied. Choose another folder"),
        (errno.EPERM, "permission was denied. Choose another folder"),
        (errno.ENAMETOOLONG, "the name is too long for this disk. Choose a shorter one"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_errors_of_the_disk_say_what_to_do(number, words):
    with pytest.raises(CadenzaError) as caught, disk_errors(Path("/place/a.wav")):
        raise OSError(number, os.strerror(number), "/place/.partial-1234.wav")
    assert str(caught.value).startswith(f"Cannot write /place/a.wav: {words}")
    assert ".partial" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_another_file_that_is_at_fault_is_named(tmp_path):
    with (
        pytest.raises(CadenzaError, match=r"Cannot write .*a\.txt: No such file or directory \(.*source\.txt\)"),
        atomic_file(tmp_path / "a.txt"),
    ):
        (tmp_path / "source.txt").read_text()


def test_other_errors_pass():
    with pytest.raises(ValueError, match="mine"), disk_errors(Path("a")):
        raise ValueError("mine")


def test_every_file_of_a_tree_is_flushed(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    wanted = {tmp_path / "a", tmp_path / "inner" / "b"}
    for path in wanted:
        path.write_bytes(b"new")
    flushed: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda number: flushed.add(os.fstat(number).st_ino))
    sync_tree(tmp_path)
    assert flushed == {path.stat().st_ino for path in wanted}


@pytest.mark.parametrize(
    "name",
    ["a", "Al James - Schoolboy Facination", 'it\'s "quoted"', "caf\u00e9", "cafe\u0301", "\u6b4c", "a..b", "x" * 200],
)
def test_good_names(name):
    assert check_name(name, "song") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../up",
        "a/b",
        "/a",
        "a\\b",
        "a\nb",
        "a\0b",
        "a\x7fb",
        "a\x85b",
        "x" * 201,
        "\u6b4c" * 67,
        "a\ud800b",
        "a\udcffb",
    ],
)
def test_bad_names(name):
    with pytest.raises(
        CadenzaError, match=r"The song name .* cannot be used as a file name: it must not .*\. Rename it"
    ):
        check_name(name, "song")


@given(st.text(max_size=220))
def test_a_name_is_refused_or_stays_in_its_folder(name):
    try:
        check_name(name, "song")
    except CadenzaError:
        return
    assert Path("/folder", name).resolve().parent == Path("/folder")
    assert len(os.fsencode(name)) <= 200


def test_a_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand(Path("~/music")) == tmp_path / "music"
    assert expand(Path("a/~/b")) == Path("a/~/b")
    with pytest.raises(CadenzaError, match=r"~nobody-of-this-name/a: there is no home folder.*Write the path in full"):
        expand(Path("~nobody-of-this-name/a"))


@pytest.mark.parametrize("name", ["a:b", "what?", "CON", "nul.txt", "com1", "ends.", "ends ", "a|b", 'say "x"'])
def test_names_that_windows_takes_for_more_are_refused_there_alone(name, monkeypatch):
    assert check_name(name, "song") == name
    monkeypatch.setattr("cadenza_core.files._ON_WINDOWS", True)
    with pytest.raises(CadenzaError, match="on Windows"):
        check_name(name, "song")
    assert check_name("console.wav", "song") == "console.wav"


def test_json_and_yaml_are_read_or_refused_by_one_kind_of_error():
    assert parse_json('{"a": [1]}') == {"a": [1]} and parse_yaml("a: [1]") == {"a": [1]}
    for text in ("[" * 100_000, "{", "nope"):
        with pytest.raises(ValueError):
            parse_json(text)
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"
    for text in (
        "[" * 3000,
        "!!python/object:os.system {}",
        "!!int ''",
        "{[]: 1}",
        "a: b: c",
        "!!timestamp '9999-99-99'",
        bomb,
    ):
        with pytest.raises(ValueError):
            parse_yaml(text)


def test_what_killed_runs_left_is_swept_and_what_may_be_in_use_is_not(tmp_path):
    old, young, whole = tmp_path / "a" / ".partial-1", tmp_path / "a" / ".partial-2.wav", tmp_path / "a" / "whole.wav"
    imported = tmp_path / ".import-x"
    for folder in (old, imported):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
        os.utime(folder, (1, 1))
    for file in (young, whole):
        file.write_text("x")
    os.utime(whole, (1, 1))
    (tmp_path / ".partial-link").symlink_to(whole)
    os.utime(tmp_path / ".partial-link", (1, 1), follow_symlinks=False)
    assert sweep(tmp_path) == 3
    assert not old.exists() and not imported.exists() and young.is_file() and whole.is_file()
