"""What is wrong with a set's lists is said in a sentence before any work; names and patterns choose from it."""

import json
import shutil
from pathlib import Path

import pytest

from cadenza_core.challenge import batch_of, read_scenes, read_set
from cadenza_core.errors import CadenzaError
from tests.challenge.tree import entry, listeners, make_scenes, make_tree, song_names, write_json


@pytest.fixture
def mine(tree, tmp_path) -> Path:
    """A copy of the tree, to be changed."""
    return Path(shutil.copytree(tree, tmp_path / "tree"))


def metadata(root: Path, name: str) -> Path:
    return root / "metadata" / "musdb18hq" / name


def names_of(data) -> tuple[list[str], list[str]]:
    return [song.name for song in data.songs], [listener.id for listener in data.listeners]


def test_sets_have_the_metadatas_order_and_segments_for_the_evaluation_set_only(tree):
    for name in ("train", "valid"):
        data = read_set(tree, name)
        assert names_of(data) == (song_names(2), ["L5000", "L5001"])
        assert not data.is_cut
        assert [(song.name, who.id) for song, who in data.pairs][:2] == [(song_names(1)[0], f"L500{n}") for n in (0, 1)]
    data = read_set(tree, "test")
    assert data.is_cut and set(data.segments) == {f"Test {name}" for name in song_names(2)}
    assert not read_set(tree, "test", whole=True).is_cut
    assert all(song.files()[0].parent.parent.name == "test" for song in data.songs)


def test_metadata_may_lie_in_either_place_and_the_tree_itself_may_be_given(mine):
    for file in (mine / "metadata" / "musdb18hq").iterdir():
        file.rename(mine / "metadata" / file.name)
    assert names_of(read_set(mine, "valid")) == names_of(read_set(mine / "audio" / "musdb18hq", "valid"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"songs": ["Zo*"]}, ([song_names(1)[0]], ["L5000", "L5001"])),
        ({"songs": [song_names(2)[1]], "listeners": ["L5001"]}, ([song_names(2)[1]], ["L5001"])),
        ({"without": ["Zo*", "*1"]}, ([song_names(2)[1]], ["L5000"])),
        ({"listeners": ["*"]}, (song_names(2), ["L5000", "L5001"])),
    ],
)
def test_names_and_patterns(tree, options, expected):
    assert names_of(read_set(tree, "valid", **options)) == expected


def test_a_name_with_a_patterns_characters_is_taken_as_it_is(tmp_path):
    data = read_set(make_tree(tmp_path, songs=4, people=1, seconds=0.1), "valid", songs=["Actions [live] - What?"])
    assert names_of(data)[0] == ["Actions [live] - What?"]


def test_lists_of_ones_own(tree, tmp_path):
    write_json(tmp_path / "songs.json", [entry(song_names(2)[1], "train")])
    write_json(tmp_path / "people.json", listeners(3, first=7000))
    data = read_set(
        tree, "valid", songs=[str(tmp_path / "songs.json")], listeners=[str(tmp_path / "people.json"), "*2"]
    )
    assert names_of(data) == ([song_names(2)[1]], ["L7002"])


def rewrite(path: Path, change) -> None:
    content = json.loads(path.read_text())
    write_json(path, change(content))


FAULTS = [
    (
        "a song that is not there",
        lambda root: rewrite(metadata(root, "musdb18.valid.json"), lambda c: [*c, entry("Nobody - Nothing", "train")]),
        r"1 of 3 songs are not in .*'train/Nobody - Nothing'",
    ),
    (
        "a song in the other folder",
        lambda root: rewrite(metadata(root, "musdb18.valid.json"), lambda c: [{**c[0], "Split": "test"}, c[1]]),
        "lie in the other folder than their Split says",
    ),
    (
        "a song twice",
        lambda root: rewrite(metadata(root, "musdb18.valid.json"), lambda c: [*c, c[0]]),
        "is named more than once",
    ),
    (
        "a song's name that leaves the folder",
        lambda root: rewrite(metadata(root, "musdb18.valid.json"), lambda c: [*c, entry("../../x", "train")]),
        "cannot be used as a file name",
    ),
    (
        "a song's name that makes files' names too long",
        lambda root: long_name(root),
        "make file names of",
    ),
    (
        "an empty list of songs",
        lambda root: write_json(metadata(root, "musdb18.valid.json"), []),
        "names no song",
    ),
    (
        "a list that is no list",
        lambda root: write_json(metadata(root, "musdb18.valid.json"), {"a": 1}),
        "is not a song list",
    ),
    (
        "no list of songs",
        lambda root: metadata(root, "musdb18.valid.json").unlink(),
        "There is no musdb18.valid.json in",
    ),
    (
        "no list of listeners",
        lambda root: metadata(root, "listeners.valid.json").unlink(),
        "There is no listeners.valid.json in",
    ),
    (
        "two listeners of one name",
        lambda root: rewrite(metadata(root, "listeners.valid.json"), lambda c: {**c, "L9": c["L5000"]}),
        "both have the name 'L5000'",
    ),
    (
        "a listener's key twice",
        lambda root: metadata(root, "listeners.valid.json").write_text('{"L1": {}, "L1": {}}'),
        "'L1' is in it twice",
    ),
    (
        "a listener's name that is the submission's own folder",
        lambda root: rewrite(
            metadata(root, "listeners.valid.json"), lambda c: {"x": {**c["L5000"], "name": "evaluation"}}
        ),
        "cannot be named 'evaluation'",
    ),
    (
        "a listener's name that is no file name",
        lambda root: rewrite(metadata(root, "listeners.valid.json"), lambda c: {"x": {**c["L5000"], "name": "a/b"}}),
        "cannot be used as a file name",
    ),
    ("no tree", lambda root: shutil.rmtree(root / "audio"), "is no tree of songs"),
]


def long_name(root: Path) -> None:
    name = "x" * 199
    shutil.move(
        root / "audio" / "musdb18hq" / "train" / song_names(1)[0], root / "audio" / "musdb18hq" / "train" / name
    )
    write_json(metadata(root, "musdb18.valid.json"), [entry(name, "train")])
    person = listeners(1)["L5000"]
    write_json(metadata(root, "listeners.valid.json"), {"x": {**person, "name": "y" * 60}})


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_what_is_wrong_with_the_lists_is_a_sentence(mine, change, words):
    change(mine)
    with pytest.raises(CadenzaError, match=words):
        read_set(mine, "valid")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"songs": ["Nobody*"]}, "No song fits 'Nobody\\*'. There are \"Zoë"),
        ({"listeners": ["L9*"]}, "No listener fits"),
        ({"without": ["*"]}, "No song is left"),
        ({"without": ["nothing"]}, "Nothing is left out by 'nothing'"),
        ({"songs": ["nowhere.json"]}, "nowhere.json cannot be read"),
        ({"segments": Path("nowhere.json")}, "There is no segments file"),
    ],
)
def test_choices_that_fit_nothing(tree, options, words):
    with pytest.raises(CadenzaError, match=words):
        read_set(tree, "valid", **options)


def test_songs_without_segments_are_named_and_can_be_left_out(mine):
    rewrite(metadata(mine, "musdb18.segments.test.json"), lambda c: dict(list(c.items())[:1]))
    with pytest.raises(CadenzaError, match="has no segments for 1 of 2 songs"):
        read_set(mine, "test")
    assert len(read_set(mine, "test", without=["Test A*"]).songs) == 1


def test_unknown_set_and_batches():
    with pytest.raises(CadenzaError, match="no set 'dev'"):
        read_set(Path(), "dev")
    assert batch_of("2/4") == (2, 4)
    for text in ("0/4", "5/4", "x", "1", "-1/2", "1/0"):
        with pytest.raises(CadenzaError, match="not of the form I/N"):
            batch_of(text)


# ICASSP 2024


@pytest.fixture
def scenes(tmp_path) -> Path:
    return make_scenes(tmp_path / "scenes", seconds=0.1)


def change_scenes(root: Path, name: str, change) -> None:
    rewrite(root / "metadata" / name, change)


SCENE_FAULTS = [
    ("gains.json", lambda c: {"gain_1": c["gain_1"]}, "no dB for vocals, drums, bass, other under 'gain_2'"),
    ("gains.json", lambda c: {**c, "gain_1": {"vocals": "loud"}}, "no dB for"),
    ("scene_listeners.train.json", lambda c: {**c, "scene_10001": ["L9"]}, "the listeners 'L9' are not in"),
    ("scene_listeners.train.json", lambda c: {**c, "scene_9": ["L5000"]}, "'scene_9' have listeners but are no scenes"),
    ("at_mic_music.train.json", lambda c: dict(list(c.items())[:1]), "is not in the list at_mic_music"),
    (
        "at_mic_music.train.json",
        lambda c: {name: {**one, "Path": "../../metadata"} for name, one in c.items()},
        "leads out of",
    ),
    (
        "at_mic_music.train.json",
        lambda c: {name: {**one, "Path": "train/x"} for name, one in c.items()},
        "is not there",
    ),
    ("scenes.train.json", lambda c: {**c, "scene_10001": {"music": 3}}, "'music' is 3; a text is needed"),
    ("scenes.train.json", lambda c: [], "must hold an object"),
]


@pytest.mark.parametrize(("name", "change", "words"), SCENE_FAULTS)
def test_what_is_wrong_with_scenes_is_a_sentence(scenes, name, change, words):
    change_scenes(scenes, name, change)
    with pytest.raises(CadenzaError, match=words):
        read_scenes(scenes, "train")


def test_scenes_and_listeners_can_be_chosen(scenes):
    data = read_scenes(scenes, "train", scenes=["scene_1000[12]"], listeners=["L5001"])
    assert [(scene.id, listener.id) for scene, listener in data.pairs] == [
        ("scene_10001", "L5001"),
        ("scene_10002", "L5001"),
    ]
    with pytest.raises(CadenzaError, match=r"no file .*scenes\.valid\.json"):
        read_scenes(scenes, "valid")
