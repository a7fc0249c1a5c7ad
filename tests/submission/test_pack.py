"""The archive: make_archive's members, the same bytes each time, and nothing that does not belong."""

import shutil
import zipfile

import pytest

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.submission import enhanced_folder, pack, validate


@pytest.fixture
def evaluation(whole, tmp_path):
    """An ``enhanced_signals`` with an evaluation set."""
    shutil.copytree(whole, enhanced_folder(tmp_path, evaluation=True))
    return tmp_path / "enhanced_signals"


def test_the_members_are_those_of_the_recipes_make_archive(evaluation, tmp_path):
    ours = pack(evaluation, "T001", tmp_path)
    assert ours == tmp_path / "submission_T001.zip"
    theirs = shutil.make_archive(str(tmp_path / "theirs"), "zip", root_dir=evaluation, base_dir="evaluation")
    with zipfile.ZipFile(ours) as a, zipfile.ZipFile(theirs) as b:
        assert a.testzip() is None
        assert sorted(a.namelist()) == sorted(b.namelist())
        assert all(name.startswith("evaluation/") for name in a.namelist())
        assert all(a.read(name) == b.read(name) for name in a.namelist())
        assert {info.compress_type for info in a.infolist()} == {zipfile.ZIP_STORED}


def test_a_set_that_is_not_for_evaluation_has_no_base_folder(submission, tmp_path):
    ours = pack(submission, "T001", tmp_path / "out")
    theirs = shutil.make_archive(str(tmp_path / "theirs"), "zip", root_dir=submission, base_dir=".")
    with zipfile.ZipFile(ours) as a, zipfile.ZipFile(theirs) as b:
        assert sorted(a.namelist()) == sorted(b.namelist())
        assert a.namelist()[0] == "L5001/"


def test_unpacked_by_others_it_is_the_folder_again(evaluation, tmp_path):
    shutil.unpack_archive(pack(evaluation, "T001", tmp_path), tmp_path / "again")
    for file in evaluation.rglob("*"):
        again = tmp_path / "again" / file.relative_to(evaluation)
        assert again.is_dir() if file.is_dir() else again.read_bytes() == file.read_bytes()


def test_the_archive_is_valid_as_the_folder_is(submission, tmp_path):
    archive = pack(submission, "T001", tmp_path)
    from_folder, from_archive = validate(submission), validate(archive)
    assert from_folder.ok
    assert from_archive.ok
    assert (from_archive.files, from_archive.pairs) == (from_folder.files, from_folder.pairs) == (4 * 17, 4)
    assert from_archive.faults == from_folder.faults


def test_the_same_submission_gives_the_same_bytes(evaluation, tmp_path):
    first = pack(evaluation, "T001", tmp_path / "1").read_bytes()
    for file in sorted(evaluation.rglob("*"), reverse=True):
        if file.is_file():  # other times and another order in the folder
            content = file.read_bytes()
            file.unlink()
            file.write_bytes(content)
            file.chmod(0o600)
    assert pack(tmp_path, "T001", tmp_path / "2").read_bytes() == first
    assert pack(evaluation / "evaluation", "T001", tmp_path / "3").read_bytes() == first


def test_what_does_not_belong_is_named_or_left_out_when_asked(evaluation, tmp_path):
    clean = pack(evaluation, "T001", tmp_path / "clean").read_bytes()
    top = evaluation / "evaluation"
    song = next((top / "L5001").iterdir())
    (top / "README.txt").write_text("x")
    (song / ".partial-12.flac").write_bytes(b"x")
    (song / "notes").mkdir()
    (song / "remix.wav").write_bytes(b"x")
    with pytest.raises(CadenzaError, match=r"no part of a submission: .*README\.txt") as error:
        pack(evaluation, "T001", tmp_path)
    for name in (".partial-12.flac", "notes", "remix.wav"):
        assert name in str(error.value)
    assert not (tmp_path / "submission_T001.zip").exists()
    assert pack(evaluation, "T001", tmp_path, leave_out_others=True).read_bytes() == clean


def test_other_sets_beside_the_evaluation_set_are_not_packed(evaluation, whole, tmp_path):
    clean = pack(evaluation, "T001", tmp_path / "clean").read_bytes()
    shutil.copytree(whole / "L5001", evaluation / "L6001")
    (evaluation / "scores.csv").write_text("x")
    assert pack(evaluation, "T001", tmp_path).read_bytes() == clean


def test_linked_folders_are_named(evaluation, tmp_path):
    (evaluation / "evaluation" / "L5009").symlink_to(evaluation / "evaluation" / "L5001")
    with pytest.raises(CadenzaError, match="L5009"):
        pack(evaluation, "T001", tmp_path)


@pytest.mark.parametrize("content", [(), ("L5001",), ("L5001/A - B",)])
def test_an_empty_folder_is_refused(tmp_path, content):
    folder = tmp_path / "enhanced_signals"
    for name in ("", *content):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with pytest.raises(CadenzaError, match=r"nothing to pack"):
        pack(folder, "T001", tmp_path, leave_out_others=True)
    with pytest.raises(CadenzaError):
        pack(folder, "T001", tmp_path)
    with pytest.raises(CadenzaError, match="There is no folder"):
        pack(tmp_path / "none", "T001", tmp_path)


@pytest.mark.parametrize("team", ["", "..", "../T001", "a/b", ".x", "a\nb"])
def test_unsafe_team_names_are_refused(submission, tmp_path, team):
    with pytest.raises(CadenzaError, match="team name"):
        pack(submission, team, tmp_path)


def test_the_archive_is_not_written_into_what_is_packed(submission, tmp_path):
    for out in (submission, submission / "L5001", submission / "new"):
        with pytest.raises(CadenzaError, match="inside what is packed"):
            pack(tmp_path, "T001", out)
    assert pack(tmp_path, "T001", tmp_path).is_file()


def test_cancelling_keeps_the_old_archive(submission, tmp_path):
    archive = tmp_path / "submission_T001.zip"
    archive.write_bytes(b"old")
    shares = []

    def progress(done, text):
        shares.append(done)
        if len(shares) == 20:
            raise Cancelled

    with pytest.raises(Cancelled):
        pack(submission, "T001", tmp_path, progress=progress)
    assert archive.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
    shares.clear()
    pack(submission, "T001", tmp_path, progress=lambda done, text: shares.append(done))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_large_archives_are_zip64(submission, tmp_path, monkeypatch):
    """With zip64's thresholds lowered, the archive is still read by Python and by validate."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    archive = pack(submission, "T001", tmp_path)
    assert b"PK\x06\x06" in archive.read_bytes()  # zip64 end of central directory
    monkeypatch.undo()
    assert validate(archive).ok
