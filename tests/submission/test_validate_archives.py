"""Faults of zip archives: planted once, found where they are, and nothing is unpacked to disk."""

import struct
import zipfile

import pytest

from cadenza_core.submission import pack, validate
from cadenza_core.submission import sources as sources_module

LISTENER, SONG = "L5001", "Ben Carrigan - We'll Talk About It All Tonight"
STEM = f"{LISTENER}/{SONG}/{LISTENER}_{SONG}_left_bass.flac"
REMIX = f"{LISTENER}/{SONG}/{LISTENER}_{SONG}_remix.flac"


def codes(report):
    return {(fault.path, fault.code) for fault in report.faults}


@pytest.fixture
def archive(submission, tmp_path):
    return pack(submission, "T001", tmp_path / "out")


def repack(archive, change, **options):
    """Write an archive again; `change` gets each (info, data) and gives those to write."""
    with zipfile.ZipFile(archive) as old:
        members = [(info, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(archive, "w", **options) as new:
        for info, data in members:
            for changed, content in change(info, data):
                new.writestr(changed, content, compress_type=options.get("compression"))


def adding(name, data=b"x", attr=0):
    def change(info, content):
        yield info, content
        if info.filename == REMIX:
            extra = zipfile.ZipInfo(name)
            extra.external_attr = attr
            yield extra, data

    return change


def patch_members(archive, name, offset_local, offset_central, value):
    """Change two bytes of a member's headers."""
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        local = file.getinfo(name).header_offset
        central = file.start_dir
    data[local + offset_local : local + offset_local + len(value)] = value
    at = data.index(name.encode(), central) - 46
    data[at + offset_central : at + offset_central + len(value)] = value
    archive.write_bytes(data)


@pytest.mark.parametrize("base", ["", "enhanced_signals/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folders", [True, False])
def test_archives_as_others_make_them_are_read(archive, base, method, folders):
    def change(info, data):
        if folders or not info.is_dir():
            yield zipfile.ZipInfo(base + info.filename), data

    repack(archive, change, compression=method)
    assert validate(archive).faults == ()
    assert validate(archive).pairs == 4


@pytest.mark.parametrize(
    ("name", "attr"),
    [
        ("../evil.flac", 0),
        ("L5001/../../evil", 0),
        ("/etc/evil", 0),
        ("C:/evil", 0),
        ("L5001\\evil", 0),
        ("L5001//evil", 0),
        ("./L5001/evil", 0),
        ("L5001/e\nvil", 0),
        ("L5001/link", 0o120777 << 16),
    ],
)
def test_unsafe_members_are_named_and_not_read(archive, tmp_path, name, attr):
    before = sorted(tmp_path.rglob("*"))
    repack(archive, adding(name, attr=attr))
    assert codes(validate(archive)) == {(name, "unsafe-name")}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(archive):
    repack(archive, adding(STEM))
    assert codes(validate(archive)) == {(STEM, "zip-duplicate")}


def test_an_encrypted_member(archive):
    patch_members(archive, STEM, 6, 8, struct.pack("<H", 1))
    assert codes(validate(archive)) == {(STEM, "zip-encrypted")}


def test_an_unknown_compression(archive):
    patch_members(archive, STEM, 8, 10, struct.pack("<H", 97))
    assert codes(validate(archive)) == {(STEM, "zip-damaged")}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_with_a_wrong_checksum(archive, method):
    repack(archive, lambda info, data: [(zipfile.ZipInfo(info.filename), data)], compression=method)
    with zipfile.ZipFile(archive) as file:
        place = file.getinfo(STEM).header_offset + 30 + len(STEM.encode()) + 2000
    data = bytearray(archive.read_bytes())
    data[place] ^= 0xFF
    archive.write_bytes(data)
    assert codes(validate(archive)) == {(STEM, "zip-damaged")}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 0.9999])
def test_a_truncated_archive(archive, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    assert codes(validate(archive)) == {(archive.name, "zip-damaged")}


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "submission_T001.zip"
    path.write_bytes(b"Rar!" * 100)
    assert codes(validate(path)) == {(path.name, "zip-damaged")}


def test_an_archive_with_a_bomb_in_it(archive):
    def change(info, data):
        yield (zipfile.ZipInfo(info.filename), data if info.filename != STEM else b"\0" * (8 * 1024**2))

    repack(archive, change, compression=zipfile.ZIP_DEFLATED)
    assert codes(validate(archive)) == {(STEM, "zip-bomb")}


def test_an_archive_that_is_a_bomb(archive, monkeypatch):
    monkeypatch.setattr(sources_module, "_ARCHIVE_FLOOR", 1000)
    monkeypatch.setattr(sources_module, "MAX_RATIO", 0.5)
    report = validate(archive)
    assert {code for _, code in codes(report)} == {"zip-bomb"}
    assert (archive.name, "zip-bomb") in codes(report)


def test_members_that_share_their_bytes(archive):
    """A "better zip bomb": every member points to the same data."""
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        largest = max(file.infolist(), key=lambda info: info.file_size)
        central = file.start_dir
    sizes = struct.pack("<II", largest.compress_size, largest.file_size)
    at = central
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 20 : at + 28] = sizes
        at += 46
    archive.write_bytes(data)
    assert (archive.name, "zip-bomb") in codes(validate(archive))


def test_an_archive_of_nothing(tmp_path):
    path = tmp_path / "submission_T001.zip"
    zipfile.ZipFile(path, "w").close()
    assert codes(validate(path)) == {(".", "empty")}
    with zipfile.ZipFile(path, "w") as file:
        file.mkdir("evaluation")
    assert codes(validate(path)) == {(".", "empty"), ("evaluation/", "empty-folder")}
    with zipfile.ZipFile(path, "w") as file:
        file.mkdir("evaluation/L5001/A - B")
    assert codes(validate(path)) == {("evaluation/L5001/A - B", "empty-folder")}
