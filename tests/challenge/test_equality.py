"""The files and scores are those of pyclarity's own functions: samples and scale texts identical, scores to 1e-6.

The issue's tolerances are 1 LSB, 1e-9 and 1e-6. The recipe's functions get the same stems. pyclarity's HAAQI itself scores
the evaluation set here, and is compared with ours on dozens of pairs in `tests/quality`; where only what a recipe scores, and
against what, is in question, its functions call ours, which takes the same arguments and draws the same noise.
"""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import soundfile
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import read_listeners
from cadenza_core.challenge import read_scenes, read_set
from cadenza_core.quality import compute_haaqi
from cadenza_core.remix import ear_stems
from cadenza_core.separation import separate
from cadenza_core.settings import Settings
from tests.challenge import recipe
from tests.challenge.tree import make_scenes


def assert_same_files(ours: Path, theirs: Path) -> int:
    files = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
    assert sorted(path.relative_to(ours) for path in ours.rglob("*") if path.is_file()) == files
    for file in files:
        if file.suffix == ".txt":
            assert (ours / file).read_text() == (theirs / file).read_text(), file
        else:
            (mine, rate), (other, other_rate) = (
                soundfile.read(place / file, dtype="int16") for place in (ours, theirs)
            )
            assert rate == other_rate
            assert np.array_equal(mine, other), file
    return len(files)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same_scores(ours: Path, theirs: Path, tolerance: float = 1e-6) -> None:
    assert ours.read_bytes().splitlines(True)[0] == theirs.read_bytes().splitlines(True)[0]  # header and line ends
    mine, other = rows(ours), rows(theirs)
    assert len(mine) == len(other) > 0
    for one, two in zip(mine, other, strict=True):
        for column, value in two.items():
            if column in {"song", "listener", "scene"}:
                assert one[column] == value
            else:
                assert float(one[column]) == pytest.approx(float(value), abs=tolerance, rel=0), (one, column)
                assert 0.05 < float(value) < 0.999


@pytest.mark.parametrize(("name", "options"), [("valid", ()), ("test", ()), ("valid", ("--compressor", "--hard-clip"))])
def test_enhanced_files_are_the_recipes_to_the_bit(tree, home, call, tmp_path, name, options):
    system = "ideal-mask"
    result = call(
        "enhance", "--data", tree, "--set", name, "--system", system, "--out", tmp_path / "a", "--workers", 1, *options
    )
    assert result.exit_code == 0, result.output
    data = read_set(tree, name)
    segments = recipe.read_json(tree / "metadata" / "musdb18hq" / "musdb18.segments.test.json")
    for song, listener in data.pairs:
        stems = ear_stems(separate(song, system, Settings.load()).stems)
        cut = segments[song.name] if name == "test" else None
        recipe.enhance_pair(
            tmp_path / "b", song.name, listener, stems, cut, compressor=bool(options), soft_clip=not options
        )
    ours = tmp_path / "a" / "enhanced_signals" / ("evaluation" if name == "test" else "")
    assert assert_same_files(ours, tmp_path / "b") == 17 * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_scores_are_the_recipes_whatever_the_number_of_workers(tree, home, call, tmp_path, workers, recipe_table):
    enhanced, expected = recipe_table
    table = tmp_path / "scores.csv"
    chosen = ("--data", tree, "--set", "valid", "--songs", "Zo*", "--workers", workers)
    result = call("evaluate", *chosen, "--enhanced", enhanced, "--csv", table)
    assert result.exit_code == 0, result.output
    assert_same_scores(table, expected)


def scored_fast(patch: pytest.MonkeyPatch, name: str) -> None:
    """Let a recipe's evaluate.py call our HAAQI, a twentieth of the work."""
    patch.setattr(recipe.module(f"{name}.baseline.evaluate"), "compute_haaqi", compute_haaqi)


@pytest.fixture(scope="session")
def recipe_table(tree, tmp_path_factory):
    """Files that pyclarity's writer has written for leaky stems, and its table of them."""
    work = tmp_path_factory.mktemp("recipe")
    data = read_set(tree, "valid", songs=["Zo*"])
    people = {listener.id: listener for listener in data.listeners}
    for song, listener in data.pairs:
        stems = song.stems()
        leaky = {name: (stems[name] + 0.2 * stems["vocals"]).astype(np.float32) for name in stems}
        recipe.enhance_pair(work / "enhanced_signals", song.name, listener, ear_stems(leaky))
    names = [song.name for song in data.songs]
    music = tree / "audio" / "musdb18hq"
    with pytest.MonkeyPatch.context() as patch:
        scored_fast(patch, "cad1.task1")
        recipe.scores_csv(work / "scores.csv", music, "train", names, people, work / "enhanced_signals")
    return work / "enhanced_signals", work / "scores.csv"


def test_evaluation_set_is_scored_against_references_cut_to_the_same_segment(tree, home, call, tmp_path):
    """As the recipe would score it if the references were cut: a tree whose songs are the segments."""
    data = read_set(tree, "test", songs=["Test Z*"], listeners=["L5000"])
    (song,), (listener,) = data.songs, data.listeners
    start, stop = (int(seconds * recipe.RATE) for seconds in data.segments[song.name].objective)
    for stem in ("drums", "bass", "other", "vocals"):
        samples, rate = soundfile.read(song.tracks[stem].path, dtype="int16")
        place = tmp_path / "cut" / "test" / song.name / f"{stem}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(place, samples[start:stop], rate, subtype="PCM_16")
    chosen = ("--data", tree, "--set", "test", "--songs", "Test Z*", "--listeners", "L5000", "--workers", 1)
    assert call("enhance", *chosen, "--system", "ideal-mask", "--out", tmp_path / "a").exit_code == 0
    assert call("evaluate", *chosen, "--enhanced", tmp_path / "a", "--csv", tmp_path / "s.csv").exit_code == 0
    folder = tmp_path / "a" / "enhanced_signals" / "evaluation"
    score, each = recipe.score_pair(tmp_path / "cut", "test", song.name, listener, folder)
    (row,) = rows(tmp_path / "s.csv")
    assert float(row["score"]) == pytest.approx(score, abs=1e-6)
    assert {name: float(row[name]) for name in each} == pytest.approx(each, abs=1e-6)


def test_batches_are_the_recipes_and_merge_as_its_script_merges(tree, home, call, tmp_path, recipe_table):
    enhanced, _ = recipe_table
    chosen = (
        "--data",
        tree,
        "--songs",
        "Zo*",
        "--enhanced",
        enhanced,
        "--csv",
        tmp_path / "scores.csv",
        "--workers",
        1,
    )
    for number in (1, 2):
        result = call("evaluate", *chosen, "--batch", f"{number}/2")
        assert result.exit_code == 0, result.output
    files = [tmp_path / f"scores_{number}-2.csv" for number in (1, 2)]
    pairs = recipe.module("cad1.task1.baseline.evaluate").make_song_listener_list(
        [song.name for song in read_set(tree, "valid", songs=["Zo*"]).songs],
        Listener.load_listener_dict(tree / "metadata" / "musdb18hq" / "listeners.valid.json"),
    )
    for number, file in enumerate(files):
        assert [(row["song"], row["listener"]) for row in rows(file)] == pairs[number::2]
    assert call("evaluate", "--csv", tmp_path / "scores.csv", "--merge", files[1], "--merge", files[0]).exit_code == 0
    expected = pandas.concat([pandas.read_csv(file) for file in files], ignore_index=True)  # merge_batches_results.py
    expected.to_csv(tmp_path / "expected.csv", index=False)
    ours, theirs = (pandas.read_csv(tmp_path / name) for name in ("scores.csv", "expected.csv"))
    pandas.testing.assert_frame_equal(ours, theirs, rtol=0, atol=1e-15)
    assert (tmp_path / "scores.csv").read_text().splitlines()[0] == (
        tmp_path / "expected.csv"
    ).read_text().splitlines()[0]


def test_icassp_remixes_are_the_recipes_to_the_bit_and_their_scores_to_1e_6(home, call, tmp_path, monkeypatch):
    root = make_scenes(tmp_path / "tree", seconds=0.6)
    chosen = ("--form", "icassp2024", "--data", root, "--set", "train", "--workers", 1)
    out = tmp_path / "a"
    result = call("enhance", *chosen, "--system", "ideal-mask", "--out", out)
    assert result.exit_code == 0, result.output
    data = read_scenes(root, "train")
    assert len(data.pairs) == 6
    for scene, listener in data.pairs:
        stems = {name: stem.T for name, stem in separate(scene.song, "ideal-mask", Settings.load()).stems.items()}
        mixture, _ = soundfile.read(scene.song.tracks["mixture"].path)
        path = tmp_path / "b" / f"{scene.id}_{listener.id}_remix.flac"
        recipe.enhance_scene(path, stems, mixture, scene.gains, listener)
    assert assert_same_files(out / "enhanced_signals", tmp_path / "b") == 6
    table = tmp_path / "scores.csv"
    result = call("evaluate", *chosen, "--enhanced", out, "--csv", table)
    assert result.exit_code == 0, result.output
    scored_fast(monkeypatch, "cad_icassp_2024")
    expected = recipe.evaluate_scenes(root, out)
    assert_same_scores(table, expected)


@pytest.mark.slow
def test_the_real_songs_give_the_recipes_files(shared_data, home, call, tmp_path):
    """On the tree that musdb_tree.py makes; `benchmarks/challenge.py` compares the scores too, which takes minutes."""
    root = tmp_path / "tree"
    subprocess.run([sys.executable, shared_data / "musdb_tree.py", root], check=True)
    out = tmp_path / "a"
    result = call("enhance", "--data", root, "--set", "valid", "--system", "reference", "--out", out)
    assert result.exit_code == 0, result.output
    people = read_listeners(root / "metadata" / "listeners.valid.json")
    (song,) = read_set(root, "valid").songs
    for listener in people.values():
        recipe.enhance_pair(tmp_path / "b", song.name, listener, ear_stems(song.stems()))
    assert assert_same_files(out / "enhanced_signals", tmp_path / "b") == 34
