"""Listener files that lie beside the MUSDB18 trees of the settings are found."""

import json
from dataclasses import replace

import pytest

from cadenza_core.catalog import all_listeners, listener_files

LISTENER = {
    "audiogram_cfs": [250, 500, 1000, 2000, 4000, 6000],
    "audiogram_levels_l": [30] * 6,
    "audiogram_levels_r": [40] * 6,
}


@pytest.mark.parametrize("place", ["metadata", "metadata/musdb18hq"])
@pytest.mark.parametrize(
    "below", ["", "audio", "audio/musdb18hq", "audio/musdb18hq/train", "audio/musdb18hq/test/Test Song"]
)
def test_listener_files_beside_a_tree(below, place, tmp_path, make_tree, settings):
    root = make_tree(tmp_path / "root", place)
    expected = []
    for part in ("train", "valid", "test"):
        expected.append(root / place / f"listeners.{part}.json")
        expected[-1].write_text(json.dumps({f"L-{part}": {"name": f"L-{part}", **LISTENER}}))
    (root / place / "listeners.json").write_text("not one of them")
    files = listener_files(replace(settings, music=(root / below,)))
    assert files == tuple(expected)
    assert {"L-train", "L-valid", "L-test", "N3"} < set(all_listeners(files))


def test_listener_files_of_the_settings_come_first_and_none_twice(tmp_path, make_tree, settings):
    root = make_tree(tmp_path / "root")
    for name in ("listeners.train.json", "listeners.test.json"):
        (root / "metadata" / name).write_text("{}")
    (tmp_path / "link").symlink_to(root)
    own = (tmp_path / "own.json", root / "metadata/../metadata/listeners.test.json", tmp_path / "own.json")
    places = (tmp_path / "gone", root, root / "audio", tmp_path / "link", tmp_path)
    files = listener_files(replace(settings, listeners=own, music=places))
    assert files == (own[0], own[1], root / "metadata/listeners.train.json")


def test_no_listener_files(settings, tmp_path):
    assert listener_files(settings) == ()
    assert listener_files(replace(settings, music=(tmp_path,))) == ()


def test_listener_files_of_a_place_without_permission(unprivileged, settings):
    with unprivileged() as place:
        (place / "closed").mkdir(mode=0)
        assert listener_files(replace(settings, music=(place / "closed" / "musdb18hq",))) == ()
