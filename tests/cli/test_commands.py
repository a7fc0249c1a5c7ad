"""The command line as scripts and people use it: what it prints, writes and returns."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from cadenza_core.cli import app

RATE = 44100


@pytest.fixture
def home(tmp_path, monkeypatch, with_demo):
    for name in ("CADENZA_MUSIC", "CADENZA_LISTENERS", "CADENZA_MODELS", "CADENZA_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    return with_demo(tmp_path / "home")


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    """A 2.5 s song with four true stems, in a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("music") / "Zoë's “Song” - No. 1"
    folder.mkdir()
    rng = np.random.default_rng(3)
    time = np.arange(int(2.5 * RATE)) / RATE
    stems = {
        "vocals": np.sin(2 * np.pi * 330 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 8,
        "drums": rng.standard_normal(len(time)) * np.exp(-((time * 4) % 1) * 12) / 10,
        "bass": np.sin(2 * np.pi * 82 * time) / 6,
        "other": np.sin(2 * np.pi * 1244 * time) / 12 * (time % 0.5 < 0.3),
    }
    stereo = {name: np.stack([0.9 * samples, 0.7 * samples], axis=1) for name, samples in stems.items()}
    for name, samples in {**stereo, "mixture": sum(stereo.values())}.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run_json(*arguments: object):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_songs_lists_the_demo_and_what_is_in_the_given_folders(home, song):
    rows = run_json("--music", song.parent, "songs")
    assert [row["id"] for row in rows] == ["demo", song.name]
    assert rows[1]["duration_s"] == 2.5
    assert rows[1]["true_stems"] == ["vocals", "drums", "bass", "other"]


def test_a_faulty_song_is_named_and_hides_no_other(home, song, tmp_path):
    broken = tmp_path / "music" / "broken"
    broken.mkdir(parents=True)
    (broken / "mixture.wav").write_text("not sound")
    result = run("--music", song.parent, "--music", tmp_path / "music", "songs")
    assert result.exit_code == 0
    assert song.name in result.stdout
    assert "cannot be read as sound" in result.stderr


def test_listeners_lists_the_standard_audiograms_with_severity(home):
    rows = {row["id"]: row for row in run_json("listeners")}
    assert set(rows) >= {"NH", "N1", "N7", "S1", "S3"}
    assert rows["N4"]["left"]["severity"] == "SEVERE"
    assert rows["NH"]["right"]["severity"] == "NOTHING"


def test_separate_gives_sdr_and_writes_float_stems_and_caches_them(home, song, tmp_path):
    first = run_json("separate", "--song", song, "--system", "ideal-mask", "--out", tmp_path / "stems")
    assert first["cached"] is False
    assert all(row["sdr_db"] > 5 for row in first["stems"].values())
    assert soundfile.info(tmp_path / "stems" / "vocals.wav").subtype == "FLOAT"
    again = run_json("separate", "--song", song, "--system", "ideal-mask")
    assert again["cached"] is True
    assert again["key"] == first["key"]
    assert again["stems"] == first["stems"]


def test_remix_writes_what_was_asked_for_in_time_with_the_song(home, song, tmp_path):
    out = tmp_path / "remix.wav"
    run_json(
        "remix", "--song", song, "--system", "reference", "--gain", "vocals=mute", "--gain", "bass.left=6", "--out", out
    )
    sound, rate = soundfile.read(out)
    stems = {name: soundfile.read(song / f"{name}.wav")[0] for name in ("drums", "bass", "other")}
    expected = stems["drums"] + stems["other"] + stems["bass"] * [10 ** (6 / 20), 1.0]
    assert rate == RATE
    assert np.abs(sound - expected).max() < 2**-22  # 24 bit


def test_a_remix_beyond_full_scale_is_lowered_as_a_whole_and_says_so_or_is_clipped_where_asked(home, song, tmp_path):
    call = ("remix", "--song", song, "--system", "reference", "--listener", "N5")
    lowered, clipped = run(*call, "--out", tmp_path / "a.wav"), run(*call, "--keep-level", "--out", tmp_path / "b.wav")
    sounds = [soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav")]
    assert "lowered by" in lowered.stderr and "clipped" not in lowered.stderr
    assert "clipped" in clipped.stderr
    assert np.abs(sounds[0]).max() < 10 ** (-1 / 20) + 1e-3
    assert np.abs(sounds[1]).max() > 0.9999
    quiet = np.abs(sounds[1]) < 0.5  # not clipped: the same sound, one gain apart
    factor = np.linalg.lstsq(sounds[1][quiet][:, None], sounds[0][quiet], rcond=None)[0][0]
    assert factor < 0.9
    assert np.abs(sounds[0][quiet] - factor * sounds[1][quiet]).max() < 1e-5


def test_export_validate_and_score_go_together(home, song, tmp_path):
    out = tmp_path / "out"
    made = run_json("export", "--song", song, "--listener", "N2-S1", "--system", "reference", "--out", out, "--zip")
    folder = out / "enhanced_signals" / "N2-S1" / song.name
    assert len(list(folder.iterdir())) == 17
    assert soundfile.info(folder / f"N2-S1_{song.name}_left_vocals.flac").samplerate == 24000
    assert json.loads(Path(made["record"]).read_text())["system"] == "reference"
    assert run("validate", out / "enhanced_signals").exit_code == 0
    assert run("validate", made["zip"]).exit_code == 0
    table = tmp_path / "scores.csv"
    scores = run_json(
        "score", "--song", song, "--listener", "N2-S1", "--enhanced", out / "enhanced_signals", "--csv", table
    )
    assert table.read_text().splitlines()[0].startswith("song,listener,score,left_bass")
    assert 0.3 < scores["score"] <= 1.0


def test_the_fast_engine_and_pyclaritys_agree_on_files_and_the_scores_say_which_it_was(home, song, tmp_path):
    files = [tmp_path / "processed.wav", tmp_path / "reference.wav"]
    sound = soundfile.read(song / "vocals.wav")[0][:RATE]
    soundfile.write(files[0], np.clip(3 * sound, -0.2, 0.2), RATE)
    soundfile.write(files[1], sound, RATE)
    rows = run_json("check-haaqi", *files, "--listener", "N2-S1")
    assert all(abs(row["difference"]) < 1e-6 for row in rows.values())
    call = ("remix", "--song", song, "--system", "reference", "--listener", "N2", "--excerpt", "0-0.6", "--score")
    fast, slow = (run_json(*call, "--out", tmp_path / "r.wav", *flags) for flags in ((), ("--reference",)))
    assert (fast["engine"], slow["engine"]) == ("fast", "reference")
    assert fast["haaqi"]["mean"] == pytest.approx(slow["haaqi"]["mean"], abs=1e-6)


def test_segments_are_cut_packed_under_evaluation_and_remembered_for_the_score(home, song, tmp_path):
    segments = tmp_path / "segments.json"
    times = {"objective_evaluation": (0.5, 2.0), "subjective_evaluation": (1.0, 1.75)}
    entry = {name: {"start": a, "end": b, "duration": b - a} for name, (a, b) in times.items()}
    segments.write_text(json.dumps({song.name: entry}))
    out = tmp_path / "out"
    call = ("--song", song, "--listener", "N1", "--system", "reference", "--out", out, "--segments", segments)
    made = run_json("export", *call, "--zip", "--team", "T042")
    folder = out / "enhanced_signals" / "evaluation" / "N1" / song.name
    assert soundfile.info(folder / f"N1_{song.name}_right_bass.flac").duration == pytest.approx(1.5, abs=0.001)
    assert soundfile.info(folder / f"N1_{song.name}_remix.flac").duration == pytest.approx(0.75, abs=0.001)
    assert Path(made["zip"]).name == "submission_T042.zip"
    assert all(name.startswith("evaluation/") for name in zipfile.ZipFile(made["zip"]).namelist())
    assert run("validate", out / "enhanced_signals", "--segments", segments).exit_code == 0
    assert run("validate", out / "enhanced_signals").exit_code == 1  # not the challenge's 30 and 15 s
    result = run("score", "--song", song, "--listener", "N1", "--enhanced", out / "enhanced_signals", "--json")
    assert result.exit_code == 0
    assert "cut to 0.5-2.0 s" in result.stderr


def test_validate_fails_on_a_missing_file_and_names_it(home, song, tmp_path):
    run_json("export", "--song", song, "--listener", "N1", "--system", "reference", "--out", tmp_path)
    missing = next((tmp_path / "enhanced_signals").rglob("*_left_drums.flac"))
    missing.unlink()
    result = run("validate", tmp_path / "enhanced_signals")
    assert result.exit_code == 1
    assert "left_drums.flac" in result.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("separate", "--song", "nowhere"), "There is no song 'nowhere'"),
        (("separate", "--song", "{song}", "--system", "magic"), "There is no separation system 'magic'"),
        (("separate", "--song", "{song}", "--excerpt", "5-2"), "is not one: start and stop"),
        (("separate", "--song", "{song}", "--excerpt", "1-99"), "is not in it"),
        (("remix", "--song", "{song}", "--out", "x.mp3"), "must end with .wav or .flac"),
        (("remix", "--song", "{song}", "--out", "x.wav", "--gain", "voice=3"), "There is no stem 'voice'"),
        (("remix", "--song", "{song}", "--out", "x.wav", "--gain", "vocals=loud"), "not of the form STEM=DB"),
        (("remix", "--song", "{song}", "--out", "x.wav", "--score"), "need a --listener"),
        (("export", "--song", "{song}", "--listener", "L9999", "--out", "x"), "There is no listener 'L9999'"),
        (("score", "--song", "{song}", "--listener", "N1", "--enhanced", "nowhere"), "There are no files of"),
        (("cache", "prune"), "Say what may go"),
        (("cache", "prune", "--max-size", "many"), "not of the form 500MB"),
        (("validate", "nowhere"), "nowhere"),
    ],
)
def test_errors_are_sentences_with_status_1_and_never_a_traceback(home, song, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = run(*(song if argument == "{song}" else argument for argument in arguments))
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_an_error_is_json_on_standard_output_where_json_was_asked_for(home):
    result = run("separate", "--song", "nowhere", "--json")
    assert result.exit_code == 1
    assert "nowhere" in json.loads(result.stdout)["error"]


def test_cache_shows_verifies_repairs_and_prunes(home, song):
    key = run_json("separate", "--song", song, "--system", "ideal-mask")["key"]
    assert [row["key"] for row in run_json("cache")["separations"]] == [key]
    assert run_json("cache", "verify") == {"checked": 1, "damaged": []}
    stem = home / "cache" / "separations" / key / "drums.wav"
    content = bytearray(stem.read_bytes())
    content[-5] ^= 1
    stem.write_bytes(content)
    assert run("cache", "verify").exit_code == 1
    assert run("cache", "verify", "--remove").exit_code == 0
    assert run_json("cache")["separations"] == []
    run_json("separate", "--song", song, "--system", "ideal-mask")
    assert len(run_json("cache", "prune", "--max-size", "0MB")["removed"]) == 1


def test_the_pages_sounds_and_exports_are_counted_and_go_only_when_named(home, song):
    run_json("separate", "--song", song, "--system", "ideal-mask")
    folders = {"sounds": home / "cache" / "playback" / ("a" * 32), "exports": home / "exports" / ("b" * 32)}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "one.flac").write_bytes(bytes(500))
    shown = run_json("cache")
    for kind, folder in folders.items():
        assert shown[kind] == {"folder": str(folder.parent), "count": 1, "bytes": 500}
    assert "1 exports of the Studio, 0.0 MB" in " ".join(run("cache").output.split())
    assert len(run_json("cache", "prune", "--max-size", "0MB")["removed"]) == 1
    assert all(folder.is_dir() for folder in folders.values())
    assert run_json("cache", "prune", "--of", "exports", "--max-age", 1) == {"removed": []}
    for kind, folder in folders.items():
        assert run_json("cache", "prune", "--of", kind, "--max-size", "0MB") == {"removed": [folder.name]}
        assert not folder.exists()


def test_doctor_finds_the_essentials_in_order_here(home):
    checks = {check["name"]: check for check in run_json("doctor")}
    assert checks["torch"]["status"] == "ok"
    assert checks["home folder"]["status"] == "ok"
    assert checks["system preview"]["status"] == "ok"
    assert checks["system htdemucs"]["status"] in {"ok", "missing"}


# hearing


def test_audibility_tells_shares_masker_levels_and_thresholds(home, song):
    arguments = ("audibility", "--song", song, "--system", "reference", "--listener", "N4-N1")
    data = run_json(*arguments)
    aided, unaided = data["aided"]["stems"], data["unaided"]["stems"]
    assert set(aided) == {"vocals", "drums", "bass", "other"}
    for name, stem in aided.items():
        assert 0 <= unaided[name]["audible"]["left"] <= unaided[name]["audible"]["right"] <= 1
        assert stem["audible"]["both"] >= unaided[name]["audible"]["both"] - 0.01
        assert len(stem["level_p50_db_spl"]["left"]) == len(data["bands_hz"]) == 25
    assert data["threshold_db_spl"]["left"][12] > data["threshold_db_spl"]["right"][12]
    assert (data["prescription"]["id"], data["calibration_db_spl"]) == ("nalr", 100.0)
    louder = run_json(*arguments, "--gain", "vocals=12")
    assert louder["aided"]["stems"]["vocals"]["audible"]["both"] > aided["vocals"]["audible"]["both"]
    text = run(*arguments).output
    assert "masked most by" in text and "0 dB FS taken as 100 dB SPL" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--prescription", "dsl"), "There is no prescription 'dsl'"),
        (("--prescription", "camfit-compressor"), "follows the level"),
        (("--calibration", "20"), "60 to 130 is accepted"),
        (("--gain", "vocals=99"), "-60 to 24"),
    ],
)
def test_audibility_names_bad_input(home, song, more, words):
    result = run("audibility", "--song", song, "--system", "reference", "--listener", "N3", *more)
    assert result.exit_code == 1
    assert words in " ".join(result.output.split())


def test_prescriptions_are_listed_with_their_sources(home):
    rows = {row["id"]: row for row in run_json("prescriptions")}
    assert rows["nalr"]["live_in_the_mixer"] and not rows["camfit-compressor"]["live_in_the_mixer"]
    assert all(row["source"] for row in rows.values())
    assert "Byrne & Dillon" in run("prescriptions").output


def test_another_prescription_is_exported_recorded_and_told_with_the_score(home, song, tmp_path):
    common = ("--song", song, "--listener", "N3")
    made = run_json("export", *common, "--system", "reference", "--out", tmp_path / "a", "--prescription", "camfit")
    assert json.loads(Path(made["record"]).read_text())["prescription"]["title"] == "CAMFIT (linear)"
    plain = run_json("export", *common, "--system", "reference", "--out", tmp_path / "b")
    assert json.loads(Path(plain["record"]).read_text())["prescription"]["id"] == "nalr"
    first, second = (soundfile.read(made["files"][0])[0] for made in (made, plain))
    assert first.shape == second.shape and not np.array_equal(first, second)
    scored = run_json("score", *common, "--enhanced", tmp_path / "a" / "enhanced_signals")
    assert any("NAL-R reference" in note and "CAMFIT" in note for note in scored["notes"])
    scored = run_json("score", *common, "--enhanced", tmp_path / "b" / "enhanced_signals")
    assert not any("NAL-R" in note for note in scored["notes"])


def test_a_remix_by_the_compressor_says_so(home, song, tmp_path):
    common = ("remix", "--song", song, "--system", "reference", "--out", tmp_path / "x.wav")
    data = run_json(*common, "--listener", "N3", "--prescription", "camfit-compressor")
    assert data["prescription"]["id"] == "camfit-compressor"
    result = run(*common, "--prescription", "camfit")
    assert result.exit_code == 1 and "need a --listener" in " ".join(result.output.split())
