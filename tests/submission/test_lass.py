"""A submission to DCASE 2024 task 9: what is written is valid, and every fault is named."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.separation.lass.loading import load_model
from cadenza_core.separation.lass.mixtures import QueryRow
from cadenza_core.separation.lass.models import find_model
from cadenza_core.submission.lass_layout import meta_faults, output_names, system_label
from cadenza_core.submission.lass_validate import validate_lass
from cadenza_core.submission.lass_write import LassSystem, pack_lass, write_lass_system
from tests.lass import clips_folder, sound, tiny_checkpoint, with_tiny  # noqa: F401

META = {
    "submission": {
        "name": "Tiny",
        "abbreviation": "tiny",
        "authors": [{"lastname": "Doe", "firstname": "Ana", "email": "ana@example.org"}],
    },
    "results": {"validation_synth": {"sdr": 1.0, "sdri": 1.0, "sisdr": 0.5}},
}
LABEL = "Doe_XYZ_task9_1"
REAL = [QueryRow("clip", "high tone"), QueryRow("clip", "hiss"), QueryRow("other", "low tone")]
SYNTH = [QueryRow("mix_1", "hiss"), QueryRow("mix_2", "high tone")]


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory):
    place = tmp_path_factory.mktemp("mixtures")
    for name in ("clip", "other", "mix_1", "mix_2"):
        soundfile.write(place / f"{name}.wav", sound(400, 0.5, len(name), 16000), 16000)
    return place


@pytest.fixture
def loaded(with_tiny):  # noqa: F811
    return load_model(find_model("tiny", with_tiny), with_tiny)


def write(loaded, mixtures, out, number=1, **more):
    report = out / "report.pdf"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_bytes(b"%PDF-1.7 ...")
    system = LassSystem("Doe", "XYZ", number, "https://drive.google.com/x", META)
    sets = {"synth": (SYNTH, mixtures), "real": (REAL, mixtures)}
    return write_lass_system(system, loaded, sets, out / "out", report=report, **more)


@pytest.fixture
def made(loaded, mixtures, tmp_path) -> Path:
    return write(loaded, mixtures, tmp_path)


def codes(path):
    return {(fault.path, fault.code) for fault in validate_lass(path, sets={"synth": SYNTH, "real": REAL}).faults}


def test_what_is_written_is_valid_and_named_as_asked(made, mixtures):
    assert made.name == "doe_xyz"
    assert {path.name for path in (made / LABEL).iterdir()} == {
        f"{LABEL}.{end}" for end in ("meta.yaml", "audio_url.txt", "synth.zip", "real.zip")
    }
    report = validate_lass(made, sets={"synth": SYNTH, "real": REAL})
    assert report.ok and not report.faults and (report.pairs, report.files) == (1, 5)
    assert (made / LABEL / f"{LABEL}.audio_url.txt").read_text() == "Google Drive: https://drive.google.com/x\n"
    with zipfile.ZipFile(made / LABEL / f"{LABEL}.real.zip") as bundle:
        assert sorted(bundle.namelist()) == ["clip_query1.wav", "clip_query2.wav", "other.wav", "queries.csv"]
        assert "clip_query2.wav,clip,hiss" in bundle.read("queries.csv").decode()
        bundle.extract("other.wav", made.parent)
    info = soundfile.info(made.parent / "other.wav")
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (16000, 1, 8000, "PCM_16")
    assert validate_lass(made.parent.parent / "out").ok  # the folder above, and without the sets' CSVs


def test_four_systems_go_together_and_a_fifth_is_refused(made, loaded, mixtures, tmp_path):
    write(loaded, mixtures, tmp_path, number=2)
    assert validate_lass(made).ok
    for number in (3, 4, 5):
        copy = made / f"Doe_XYZ_task9_{number}"
        shutil.copytree(made / LABEL, copy)
    found = codes(made)
    assert (".", "lass-systems") in found
    assert ("Doe_XYZ_task9_5", "lass-name") in found
    with pytest.raises(CadenzaError, match="numbered 1 to 4"):
        system_label("Doe", "XYZ", 5)


def test_a_stopped_run_goes_on_and_what_it_left_is_named(loaded, mixtures, tmp_path):
    def stop(done, text):
        if "real: 2" in text:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        write(loaded, mixtures, tmp_path, progress=stop)
    folder = tmp_path / "out" / "doe_xyz"
    assert (f"{LABEL}/.real", "unexpected-file") in codes(folder)
    seen = []
    write(loaded, mixtures, tmp_path, progress=lambda done, text: seen.append(text))
    assert validate_lass(folder).ok


def change_zip(path, change):
    with zipfile.ZipFile(path) as bundle:
        members = {name: bundle.read(name) for name in bundle.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)


def wav(samples, rate=16000, **options):
    import io

    target = io.BytesIO()
    soundfile.write(target, samples, rate, format=options.pop("format", "WAV"), **options)
    return target.getvalue()


@pytest.mark.parametrize(
    ("change", "name", "code"),
    [
        (lambda m: m.pop("mix_1.wav"), "mix_1.wav", "missing-output"),
        (lambda m: m.update({"more.wav": m["mix_1.wav"]}), "more.wav", "unknown-output"),
        (lambda m: m.update({"mix_1.wav": b"no sound"}), "mix_1.wav", "not-wav"),
        (lambda m: m.update({"mix_1.wav": wav(np.ones(9) / 2, format="FLAC")}), "mix_1.wav", "not-wav"),
        (lambda m: m.update({"mix_1.wav": wav(np.ones(9) / 2, 44100)}), "mix_1.wav", "sample-rate"),
        (lambda m: m.update({"mix_1.wav": wav(np.ones((9, 2)) / 2)}), "mix_1.wav", "channels"),
        (lambda m: m.update({"mix_1.wav": wav(np.full(9, np.nan), subtype="FLOAT")}), "mix_1.wav", "not-finite"),
        (lambda m: m.update({"mix_1.wav": wav(np.zeros(9))}), "mix_1.wav", "silent-output"),
        (lambda m: m.pop("queries.csv"), "queries.csv", "lass-name"),
        (lambda m: m.update({"queries.csv": b"a,b\n1,2\n"}), "queries.csv", "lass-name"),
        (lambda m: m.update({"queries.csv": b"file,wav,query\nmix_1.wav,mix_1,wrong\n"}), "queries.csv", "lass-name"),
        (lambda m: m.update({"../evil.wav": b""}), "../evil.wav", "unsafe-name"),
    ],
)
def test_faults_of_outputs_are_named(made, change, name, code):
    archive = made / LABEL / f"{LABEL}.synth.zip"
    change_zip(archive, change)
    assert codes(made) == {(f"{LABEL}/{LABEL}.synth.zip/{name}", code)}


@pytest.mark.parametrize(
    ("spoil", "path", "code"),
    [
        (lambda p: (p / LABEL / f"{LABEL}.meta.yaml").unlink(), f"{LABEL}/{LABEL}.meta.yaml", "lass-meta"),
        (lambda p: (p / LABEL / f"{LABEL}.meta.yaml").write_text("a: [1"), f"{LABEL}/{LABEL}.meta.yaml", "lass-meta"),
        (
            lambda p: (p / LABEL / f"{LABEL}.audio_url.txt").write_text("Dropbox: x"),
            f"{LABEL}/{LABEL}.audio_url.txt",
            "lass-url",
        ),
        (lambda p: (p / LABEL / f"{LABEL}.audio_url.txt").unlink(), f"{LABEL}/{LABEL}.audio_url.txt", "lass-url"),
        (lambda p: (p / LABEL / f"{LABEL}.synth.zip").unlink(), f"{LABEL}/{LABEL}.synth.zip", "lass-no-audio"),
        (lambda p: (p / LABEL / f"{LABEL}.synth.zip").write_bytes(b"x"), None, "zip-damaged"),
        (
            lambda p: (p / "Doe_XYZ_task9.technical_report.pdf").unlink(),
            "Doe_XYZ_task9.technical_report.pdf",
            "lass-report",
        ),
        (lambda p: (p / "Doe_XYZ_task9.technical_report.pdf").write_text("x"), None, "lass-report"),
        (lambda p: (p / "notes.txt").write_text("x"), "notes.txt", "unexpected-file"),
        (lambda p: (p / LABEL / "old.wav").write_text("x"), f"{LABEL}/old.wav", "unexpected-file"),
        (lambda p: shutil.copytree(p / LABEL, p / "Roe_XYZ_task9_2"), ".", "lass-name"),
        (lambda p: shutil.rmtree(p / LABEL), ".", "lass-systems"),
    ],
)
def test_faults_of_files_and_names_are_named(made, spoil, path, code):
    spoil(made)
    found = codes(made)
    assert any(fault == code and (path is None or place == path) for place, fault in found), found


def test_a_yaml_that_lacks_fields_or_has_another_label_is_named(made):
    path = made / LABEL / f"{LABEL}.meta.yaml"
    content = yaml.safe_load(path.read_text())
    assert not meta_faults(content, LABEL)
    content["submission"] |= {"label": "Other_1", "abbreviation": "much too long", "authors": [{"lastname": "Doe"}]}
    del content["results"]
    faults = " ".join(meta_faults(content, LABEL))
    for words in ("results.validation_synth.sdr is missing", "'Other_1'", "13 characters", "no email"):
        assert words in faults
    assert meta_faults([1], LABEL) == ["it holds no fields"]
    assert "no list of authors" in " ".join(meta_faults({"submission": {"authors": "Ana"}}, LABEL))


def test_two_queries_on_one_clip_get_numbers_and_clashes_are_refused():
    assert output_names(REAL) == ["clip_query1", "clip_query2", "other"]
    with pytest.raises(CadenzaError, match="asked twice"):
        output_names([REAL[0], REAL[0]])
    with pytest.raises(CadenzaError, match="Two outputs would be named 'clip_query1'"):
        output_names([*REAL, QueryRow("clip_query1", "x")])


@pytest.mark.parametrize("names", [("D/oe", "XYZ"), ("", "XYZ"), ("Doe", ".."), ("Doe2", "XYZ"), ("Doe", "X Y")])
def test_names_that_cannot_be_in_a_label_are_refused(names):
    with pytest.raises(CadenzaError, match="cannot be in a label"):
        system_label(*names, 1)


def test_links_reports_and_sets_are_checked_before_the_work(loaded, mixtures, tmp_path):
    good = {"synth": (SYNTH, mixtures)}
    with pytest.raises(CadenzaError, match="The link 'ftp"):
        write_lass_system(LassSystem("Doe", "XYZ", 1, "ftp://x"), loaded, good, tmp_path)
    with pytest.raises(CadenzaError, match="no set 'other'"):
        write_lass_system(LassSystem("Doe", "XYZ", 1), loaded, {"other": good["synth"]}, tmp_path)
    (tmp_path / "r.pdf").write_text("no pdf")
    with pytest.raises(CadenzaError, match="is no PDF"):
        write_lass_system(LassSystem("Doe", "XYZ", 1), loaded, good, tmp_path, report=tmp_path / "r.pdf")
    with pytest.raises(CadenzaError, match="There is no folder"):
        validate_lass(tmp_path / "nowhere")


def test_the_packed_submission_has_no_audio_in_it(made, tmp_path):
    archive = pack_lass(made, tmp_path)
    assert archive.name == "doe_xyz_task9.zip"
    with zipfile.ZipFile(archive) as bundle:
        assert sorted(bundle.namelist()) == [
            f"doe_xyz/{LABEL}/{LABEL}.audio_url.txt",
            f"doe_xyz/{LABEL}/{LABEL}.meta.yaml",
            "doe_xyz/Doe_XYZ_task9.technical_report.pdf",
        ]
    with pytest.raises(CadenzaError, match="There is no folder"):
        pack_lass(made / "nowhere", tmp_path)
