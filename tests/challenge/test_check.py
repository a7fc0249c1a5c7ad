"""Every fault that an upload would be refused or scored wrongly for is found, all in one look, where it is."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.challenge import check_scores, merge_scores, read_set
from cadenza_core.errors import CadenzaError
from cadenza_core.submission.ears import find_landmark, looks_swapped
from tests.challenge.tree import make_tree, song_names

SONG, OTHER = song_names(2)


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    return make_tree(tmp_path_factory.mktemp("songs"), songs=2, people=2, seconds=0.5)


@pytest.fixture(scope="module")
def whole(songs, tmp_path_factory) -> Path:
    """All files of the validation set, written once."""
    from cadenza_core.challenge import LocalPool, enhance_plan, gains_from, run
    from cadenza_core.settings import Settings

    place = tmp_path_factory.mktemp("whole")
    settings = Settings(home=place / "home", models=place / "models")
    data = read_set(songs, "valid")
    plan = enhance_plan(data, "ideal-mask", place / "out", settings, gains_from("", [], data, settings))
    assert run(plan, LocalPool(1)).is_complete
    return place / "out" / "enhanced_signals"


@pytest.fixture
def mine(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "enhanced_signals"))


def stem(folder: Path, name: str, listener: str = "L5000", song: str = SONG) -> Path:
    return folder / listener / song / f"{listener}_{song}_{name}"


def rewrite(path: Path, *, rate: int | None = None, subtype: str = "PCM_16", stereo: bool = False) -> None:
    samples, old = soundfile.read(path, dtype="int16")
    soundfile.write(path, np.stack([samples] * 2, axis=1) if stereo else samples, rate or old, subtype=subtype)


def swap(folder: Path, part: str, listener: str = "L5000", song: str = SONG) -> None:
    for suffix in ("flac", "txt"):
        left, right = (stem(folder, f"{side}_{part}.{suffix}", listener, song) for side in ("left", "right"))
        one, other = left.read_bytes(), right.read_bytes()
        left.write_bytes(other)
        right.write_bytes(one)


def table(path: Path, songs: Path, **change: str) -> Path:
    """Write a table of made-up scores for all pairs; `change` replaces cells of the first row."""
    from cadenza_core.quality import PairScore, write_scores
    from cadenza_core.quality.scores import ORDER

    names = [f"{ear}_{stem}" for stem in ORDER for ear in ("left", "right")]
    data = read_set(songs, "valid")
    made = [
        PairScore(song.name, who.id, {name: 0.1 * k + 0.01 for k, name in enumerate(names)}) for song, who in data.pairs
    ]
    write_scores(path, made)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0].update(change)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_what_a_run_writes_has_no_fault(songs, whole, call, tmp_path):
    scores = table(tmp_path / "scores.csv", songs)
    result = call("validate", whole, "--data", songs, "--csv", scores, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["faults"] == []


def test_all_faults_are_found_in_one_look_each_where_it_is(songs, mine, call, tmp_path):
    stem(mine, "left_vocals.flac").unlink()
    rewrite(stem(mine, "right_vocals.flac"), rate=44100)
    rewrite(stem(mine, "left_drums.flac"), subtype="PCM_24")
    rewrite(stem(mine, "right_drums.flac"), stereo=True)
    swap(mine, "other")
    flac = stem(mine, "left_bass.flac")
    flac.write_bytes(flac.read_bytes()[:-200])
    stem(mine, "right_bass.txt").unlink()
    stem(mine, "left_drums.txt").write_text("loud")
    (mine / "L5000" / "notes.docx").write_bytes(b"x")
    stem(mine, "left_bass.flac", "L5001").rename(mine / "L5001" / SONG / f"L5000_{SONG}_left_bass.flac")
    scores = table(tmp_path / "scores.csv", songs, left_bass="nan")
    result = call("validate", mine.parent, "--data", songs, "--csv", scores, "--json")
    assert result.exit_code == 1
    found = {(fault["path"], fault["code"]) for fault in json.loads(result.stdout)["faults"]}
    place, wrong = f"enhanced_signals/L5000/{SONG}/L5000_{SONG}_", f"enhanced_signals/L5001/{SONG}/L500"
    assert found >= {
        (f"{place}left_vocals.flac", "missing-stem"),
        (f"{place}right_vocals.flac", "sample-rate"),
        (f"{place}left_drums.flac", "bit-depth"),
        (f"{place}right_drums.flac", "channels"),
        (f"{place}left_other.flac", "swapped-ears"),
        (f"{place}left_bass.flac", "flac-damaged"),
        (f"{place}right_bass.txt", "missing-scale"),
        (f"{place}left_drums.txt", "scale-text"),
        ("enhanced_signals/L5000/notes.docx", "unexpected-file"),
        (f"{wrong}0_{SONG}_left_bass.flac", "wrong-name"),
        (f"{wrong}1_{SONG}_left_bass.flac", "missing-stem"),
        ("scores.csv:2", "score-value"),
    }
    others = {path for path, _ in found if OTHER in path}
    assert others == set()


def test_without_the_data_files_and_the_table_beside_them_are_checked_by_themselves(songs, mine, call):
    assert call("validate", mine.parent).exit_code == 0
    table(mine.parent / "scores.csv", songs, left_bass="nan")
    stem(mine, "left_vocals.flac").unlink()
    shutil.rmtree(mine / "L5001" / OTHER)
    result = call("validate", mine.parent, "--json")
    codes = [fault["code"] for fault in json.loads(result.stdout)["faults"]]
    assert sorted(codes) == ["missing-stem", "score-value"]


def test_a_missing_pair_and_unknown_ones(songs, mine, call):
    shutil.rmtree(mine / "L5001" / OTHER)
    shutil.copytree(mine / "L5000", mine / "L5009")
    result = call("validate", mine, "--data", songs, "--no-compare", "--json")
    codes = {(fault["path"], fault["code"]) for fault in json.loads(result.stdout)["faults"]}
    assert {("L5001", "missing-song"), ("L5009", "unknown-listener")} <= codes


@pytest.mark.parametrize("part", ["drums", "bass", "other", "vocals"])
def test_exchanged_ears_of_any_stem_are_found_and_no_others(songs, mine, call, part):
    swap(mine, part, "L5001", OTHER)
    result = call("validate", mine, "--data", songs, "--json")
    faults = [(fault["path"], fault["code"]) for fault in json.loads(result.stdout)["faults"]]
    assert faults == [(f"L5001/{OTHER}/L5001_{OTHER}_left_{part}.flac", "swapped-ears")]


def test_an_exchanged_remix_is_found(songs, mine, call):
    path = stem(mine, "remix.flac")
    samples, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, samples[:, ::-1], rate, subtype="PCM_16")
    result = call("validate", mine, "--data", songs, "--json")
    assert [fault["code"] for fault in json.loads(result.stdout)["faults"]] == ["swapped-ears"]


def test_the_evaluation_set_is_compared_with_its_segments(songs, call, home, tmp_path):
    chosen = ("--data", songs, "--set", "test")
    assert call("enhance", *chosen, "--system", "ideal-mask", "--out", tmp_path, "--workers", 1).exit_code == 0
    assert call("validate", tmp_path, *chosen).exit_code == 0
    packed = call("pack", tmp_path, "--team", "T042", "--out", tmp_path / "submission_T042.zip", "--json")
    assert packed.exit_code == 0, packed.output
    assert call("validate", tmp_path / "submission_T042.zip", *chosen).exit_code == 0
    swap(tmp_path / "enhanced_signals" / "evaluation", "drums", song=f"Test {SONG}")
    result = call("validate", tmp_path, *chosen, "--json")
    assert [fault["code"] for fault in json.loads(result.stdout)["faults"]] == ["swapped-ears"]


def test_ears_that_are_alike_cannot_be_told_apart_and_weak_estimates_raise_no_alarm():
    rng = np.random.default_rng(0)
    mono = rng.standard_normal(48000)
    assert find_landmark(np.stack([mono, mono])) is None
    assert find_landmark(np.stack([mono, np.zeros(48000)])) is None
    sides = rng.standard_normal((2, 48000))
    landmark = find_landmark(sides)
    assert landmark is not None
    for level in (0.0, 0.3, 3.0):  # estimates with more and more noise
        left, right = sides + level * rng.standard_normal((2, 48000))
        assert not looks_swapped(landmark, left, right)
        assert looks_swapped(landmark, right, left)
        assert looks_swapped(landmark, -right[60:], 0.1 * left[60:])  # late, inverted, quiet
    noise = rng.standard_normal((20, 2, 48000))
    assert not any(looks_swapped(landmark, *pair) for pair in noise)
    assert not looks_swapped(landmark, np.zeros(48000), np.zeros(48000))


# Score tables


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"left_bass": "nan"}, "score-value", "left_bass is 'nan'"),
        ({"left_bass": ""}, "score-value", "left_bass is ''"),
        ({"left_bass": "good"}, "score-value", "left_bass is 'good'"),
        ({"left_bass": "1.5"}, "score-value", "a number from 0 to 1"),
        ({"score": "inf"}, "score-value", "score is 'inf'"),
        ({"score": "0.9"}, "score-mean", "the mean of the eight values"),
        ({"listener": "L9"}, "score-row", "is no pair of the set"),
        ({"listener": "L5001"}, "score-row", "there a second time"),
    ],
)
def test_faults_of_a_score_table(songs, tmp_path, change, code, words):
    path = table(tmp_path / "scores.csv", songs, **change)
    data = read_set(songs, "valid")
    faults = check_scores(path, [(song.name, who.id) for song, who in data.pairs])
    assert any(fault.code == code and words in fault.message for fault in faults)
    assert all(fault.severity == "error" for fault in faults)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["scores_1-2.csv"], "Of 2 batches, 2 is missing"),
        (["scores_1-2.csv", "scores_1-3.csv"], "are of 2 and 3 batches"),
        (["scores.csv"], "is not named as a batch is"),
        (["scores_1-2.csv", "other/scores_1-2.csv"], "Batch 1 is there twice"),
        (["scores_1-2.csv", "scores_2-2.csv"], "rows are in more than one table"),
        (["scores_1-1.csv", "nowhere"], "is not named"),
    ],
)
def test_faults_of_batches(songs, tmp_path, names, words):
    (tmp_path / "other").mkdir()
    for name in names[:-1] if names[-1] == "nowhere" else names:
        table(tmp_path / name, songs)
    with pytest.raises(CadenzaError, match=words):
        merge_scores([tmp_path / name for name in names], tmp_path / "merged.csv")
    assert not (tmp_path / "merged.csv").exists()


def test_a_table_that_is_none(songs, tmp_path, call):
    path = tmp_path / "scores.csv"
    for content in ("", "a,b\n1,2\n", "listener,score\nL1\n"):
        path.write_text(content)
        result = call("validate", tmp_path, "--data", songs, "--csv", path)
        assert result.exit_code == 1
        assert "Traceback" not in result.output
