"""A disk that fills up while files are written: one clear error, no half-written file under an official name."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from cadenza_core.audio import write_audio
from cadenza_core.errors import CadenzaError
from cadenza_core.submission import enhanced_folder, pack, pair_complete, validate, write_pair

RATE = 44100


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 160 kB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("a small file system is made with Linux's mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a file system: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def files_of(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def test_a_pair_on_a_full_disk(small_disk, make):
    with pytest.raises(CadenzaError, match=r"L5001_A - B_.* the disk is full\. Free some space"):
        write_pair(small_disk / "enhanced_signals", "L5001", "A - B", make(seconds=3.0), RATE)
    assert not pair_complete(small_disk / "enhanced_signals", "L5001", "A - B")
    report = validate(small_disk)
    assert not report.ok
    assert {fault.code for fault in report.errors} == {"missing-stem", "missing-scale", "missing-remix"}
    assert not [name for name in files_of(small_disk) if name.startswith(".")]


@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
@pytest.mark.parametrize("seconds", [2.0, 3.3, 20.0])
def test_a_sound_file_on_a_full_disk(small_disk, name, seconds, capfd):
    noise = np.random.default_rng(0).uniform(-1, 1, int(seconds * RATE))
    with pytest.raises(CadenzaError, match=rf"Cannot write .*{name}: the disk is full"):
        write_audio(small_disk / name, noise, RATE)
    assert files_of(small_disk) == []
    assert "Traceback" not in capfd.readouterr().err  # libsndfile's callbacks print what they raise


def test_an_archive_that_does_not_fit(small_disk, tmp_path, make):
    write_pair(enhanced_folder(tmp_path, evaluation=True), "L5001", "A - B", make(seconds=3.0), RATE)
    with pytest.raises(CadenzaError, match="GB are free"):
        pack(tmp_path, "T001", small_disk)
    with pytest.MonkeyPatch.context() as patch:  # another program takes the space meanwhile
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, 10**12))
        with pytest.raises(CadenzaError, match=r"submission_T001\.zip: the disk is full"):
            pack(tmp_path, "T001", small_disk)
    assert files_of(small_disk) == []


LIMITED = textwrap.dedent(
    """
    # The same with a limit on the size of a file, which any POSIX system has.
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from cadenza_core.errors import CadenzaError
    from cadenza_core.submission import STEM_NAMES, pair_complete, write_pair

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    rng = np.random.default_rng(9)
    try:
        write_pair(Path(sys.argv[1]), "L5001", "A - B", {n: rng.standard_normal(88200) for n in STEM_NAMES}, 44100)
    except CadenzaError as error:
        print(error)
    assert not pair_complete(Path(sys.argv[1]), "L5001", "A - B")
    """
)


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE is POSIX's")
def test_a_file_that_may_not_grow(tmp_path):
    result = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.startswith("Cannot write ")
    assert re.search(r"_left_vocals\.flac: .* large", result.stdout)
    assert files_of(tmp_path) == ["L5001_A - B_left_vocals.txt"]  # the scale of a stem that is not there


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
def test_dev_full(tmp_path, monkeypatch, name):
    """The same error where no file system can be mounted: the temporary file is a link to Linux's full device."""

    @contextlib.contextmanager
    def full(path):
        from cadenza_core.files import disk_errors

        with disk_errors(path):
            yield Path("/dev/full")

    monkeypatch.setattr("cadenza_core.audio.writing.atomic_file", full)
    with pytest.raises(CadenzaError, match="the disk is full"):
        write_audio(tmp_path / name, np.zeros(100), RATE)
