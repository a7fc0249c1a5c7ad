"""Where the remixes' gains come from, and that what is missing is said before the work."""

import json
import math

import pytest
import soundfile

from cadenza_core.challenge import RunFolder, gains_from, read_set
from cadenza_core.errors import CadenzaError
from cadenza_core.remix import Gains, Lane, MixSettings, Presets
from tests.challenge.tree import make_tree, song_names


@pytest.fixture
def data(tree):
    return read_set(tree, "valid")


def all_gains(source, fixed, data, settings):
    of = gains_from(source, fixed, data, settings)
    return [of(song, listener) for song, listener in data.pairs]


def test_fixed_ones_are_the_same_for_all(data, settings):
    assert all_gains("", [], data, settings) == [Gains()] * 4
    assert (
        all_gains("", ["vocals=3", "bass.left=mute"], data, settings)
        == [Gains.parse(["vocals=3", "bass.left=mute"])] * 4
    )


def test_a_file_for_all_or_by_listener(data, settings, tmp_path):
    path = tmp_path / "gains.json"
    path.write_text('{"vocals": 3, "drums": {"left": -2, "right": null}}')
    expected = Gains(
        {("vocals", "left"): 3, ("vocals", "right"): 3, ("drums", "left"): -2, ("drums", "right"): -math.inf}
    )
    assert all_gains(str(path), [], data, settings) == [expected] * 4
    path.write_text('{"L5000": {"vocals": 1}, "L5001": {"vocals": 2}}')
    assert [gains.decibels["vocals", "left"] for gains in all_gains(str(path), [], data, settings)] == [1, 2, 1, 2]


def preset(gain: float) -> MixSettings:
    return MixSettings({"vocals": Lane(gain, gain)})


def test_a_preset_of_each_pair_or_the_only_one_of_its_name(data, settings):
    presets = Presets(settings.home / "presets")
    presets.save("demo", "N3", "loud", preset(4))
    assert all_gains("preset:loud", [], data, settings) == [Gains.parse(["vocals=4"])] * 4
    for number, (song, listener) in enumerate(data.pairs):
        presets.save(song.id, listener.id, "loud", preset(number))
    assert [gains.decibels["vocals", "left"] for gains in all_gains("preset:loud", [], data, settings)] == [0, 1, 2, 3]
    presets.remove(data.songs[0].id, "L5000", "loud")
    with pytest.raises(CadenzaError, match="4 presets named 'loud' have different gains, and only 3 of 4"):
        all_gains("preset:loud", [], data, settings)


@pytest.mark.parametrize(
    ("source", "fixed", "content", "words"),
    [
        ("preset:none", [], "", "No preset is named 'none'"),
        ("best", [], "", "come from 'proposal', 'preset:NAME' or a .json file, not 'best'"),
        ("{file}", ["vocals=3"], "{}", "not both"),
        ("", ["voice=3"], "", "There is no stem 'voice'"),
        ("{file}", [], "not json", "cannot be read as JSON"),
        ("{file}", [], "{}", "holds no gains"),
        ("{file}", [], '{"L5000": {"vocals": 1}}', "no gains for 1 listeners: 'L5001'"),
        ("{file}", [], '{"vocals": "loud"}', "is 'loud'; a number of dB"),
        ("{file}", [], '{"vocals": 90}', "-60 to 24"),
        ("{file}", [], '{"L5000": 3, "L5001": 3}', "stands where gains are wanted"),
    ],
)
def test_what_is_wrong_with_gains_is_a_sentence(data, settings, tmp_path, source, fixed, content, words):
    path = tmp_path / "gains.json"
    path.write_text(content)
    with pytest.raises(CadenzaError, match=words):
        all_gains(source.format(file=path), fixed, data, settings)


def test_gains_change_the_remix_only_and_are_part_of_what_results_are_made_of(tree, home, call, tmp_path):
    chosen = ("--data", tree, "--songs", "Zo*", "--listeners", "L5000", "--system", "reference", "--workers", 1)
    assert call("enhance", *chosen, "--out", tmp_path / "a").exit_code == 0
    assert call("enhance", *chosen, "--out", tmp_path / "b", "--gain", "vocals=6").exit_code == 0
    name = song_names(1)[0]
    for path in (tmp_path / "a" / "enhanced_signals" / "L5000" / name).iterdir():
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert (path.read_bytes() == other.read_bytes()) == ("remix" not in path.name)
    plan = json.loads((tmp_path / "b" / "challenge" / "plan.json").read_text())
    assert plan["each"]["gains"][f"L5000: {name}"]["vocals"] == {"left": 6.0, "right": 6.0}


def test_proposed_gains_are_those_of_the_studio_for_each_listener(home, call, tmp_path):
    from cadenza_core.catalog import read_listeners, songs_in
    from cadenza_core.tuning import Audible, Material, propose

    root = make_tree(tmp_path / "tree", songs=1, people=2, seconds=1.5)
    chosen = ("--data", root, "--system", "reference", "--workers", 1)
    result = call("enhance", *chosen, "--gains", "proposal", "--out", tmp_path / "a")
    assert result.exit_code == 0, result.output
    done = RunFolder(tmp_path / "a" / "challenge").journal().done
    (song,) = songs_in(root / "audio" / "musdb18hq" / "train")
    people = read_listeners(root / "metadata" / "musdb18hq" / "listeners.valid.json")
    gains = []
    for listener in people.values():
        expected = propose(Audible(), Material(song.name, listener, song.stems())).gains.as_dict()
        gains.append(done[song.name, listener.id]["result"]["gains"])
        assert gains[-1] == expected
    assert any(value != 0 for one in gains for ears in one.values() for value in ears.values())
    refused = call(
        "enhance", *chosen, "--gains", "proposal", "--prescription", "camfit-compressor", "--out", tmp_path / "b"
    )
    assert "amplification follows the level" in " ".join(refused.stderr.split())


def test_where_nothing_can_be_proposed_gains_are_equal_and_it_is_said(home, call, tmp_path):
    root = make_tree(tmp_path / "tree", songs=1, people=1, seconds=0.6)
    vocals = next(root.rglob("train/*/vocals.wav"))
    samples, rate = soundfile.read(vocals, dtype="int16")
    soundfile.write(vocals, 0 * samples, rate, subtype="PCM_16")
    call_ = (
        "enhance",
        "--data",
        root,
        "--system",
        "reference",
        "--workers",
        1,
        "--gains",
        "proposal",
        "--out",
        tmp_path / "a",
    )
    result = call(*call_)
    assert result.exit_code == 0, result.output
    assert "1 of 1: equal gains, because there is no proposal: There is no sound of vocals" in " ".join(
        result.stderr.split()
    )
