"""The segments file: read as it is, refused with the song and the fault named."""

import json

import pytest

from cadenza_core.catalog.segments import Segments, read_segments
from cadenza_core.errors import CadenzaError

GOOD = {"start": 10, "end": 40.0, "duration": 30.0}
SUBJECTIVE = {"start": 12.5, "end": 27.5, "duration": 15.0}


def write(tmp_path, content):
    path = tmp_path / "musdb18.segments.test.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_segments_are_read(tmp_path):
    entry = {"objective_evaluation": GOOD, "subjective_evaluation": SUBJECTIVE}
    segments = read_segments(write(tmp_path, {"Zeno - Signs": entry, "A": entry}))
    assert list(segments) == ["Zeno - Signs", "A"]
    assert segments["A"] == Segments((10.0, 40.0), (12.5, 27.5))
    assert segments["A"].durations == (30.0, 15.0)


def test_a_duration_need_not_be_there(tmp_path):
    entry = {"objective_evaluation": {"start": 0, "end": 30}, "subjective_evaluation": SUBJECTIVE}
    assert read_segments(write(tmp_path, {"A": entry}))["A"].objective == (0.0, 30.0)


@pytest.mark.parametrize(
    ("objective", "fault"),
    [
        (None, "'objective_evaluation' is None"),
        ([10, 40], "'objective_evaluation' is .10, 40."),
        ({"end": 40}, "'start' is missing"),
        ({"start": 10}, "'end' is missing"),
        ({"start": "10", "end": 40}, "'start' is '10'"),
        ({"start": True, "end": 40}, "'start' is True"),
        ({"start": float("nan"), "end": 40}, "'start' is nan"),
        ({"start": 0, "end": float("inf")}, "'end' is inf"),
        ({"start": 0, "end": 10**400}, "finite"),
        ({"start": -1, "end": 40}, "cannot start before"),
        ({"start": 40, "end": 10}, "must end later"),
        ({"start": 10, "end": 10}, "must end later"),
        ({"start": 10, "end": 40, "duration": 15}, "'duration' is 15"),
        ({"start": 10, "end": 40, "duration": None}, "'duration' is None"),
    ],
)
def test_each_fault_names_the_song(tmp_path, objective, fault):
    good = {"objective_evaluation": GOOD, "subjective_evaluation": SUBJECTIVE}
    bad = {"objective_evaluation": objective, "subjective_evaluation": SUBJECTIVE}
    with pytest.raises(CadenzaError, match=fault) as error:
        read_segments(write(tmp_path, {"fine": good, "Zeno - Signs": bad}))
    assert "'Zeno - Signs'" in str(error.value)


def test_a_missing_segment_or_entry_is_named(tmp_path):
    with pytest.raises(CadenzaError, match="song 'A': 'subjective_evaluation' is missing"):
        read_segments(write(tmp_path, {"A": {"objective_evaluation": GOOD}}))
    with pytest.raises(CadenzaError, match="song 'A': 3 stands"):
        read_segments(write(tmp_path, {"A": 3}))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "3", '{"a": }', "[" * 100000])
def test_what_is_no_segments_file_is_refused(tmp_path, content):
    with pytest.raises(CadenzaError, match=r"musdb18\.segments\.test\.json"):
        read_segments(write(tmp_path, content))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(CadenzaError, match="There is no segments file"):
        read_segments(tmp_path / "none.json")
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CadenzaError, match="cannot be read"):
        read_segments(path)


@pytest.mark.parametrize("span", [(float("nan"), 1.0), (-1.0, 1.0), (1.0, 1.0), (0.0, float("inf"))])
def test_segments_check_themselves(span):
    with pytest.raises(CadenzaError, match="subjective"):
        Segments((0.0, 1.0), span)
