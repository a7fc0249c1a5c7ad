"""Listener files: what is accepted, and that everything else is refused with the file, the listener and what is wanted."""

import copy
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from clarity.utils.audiogram import Listener
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cadenza_core.catalog import (
    all_listeners,
    find_listener,
    make_listener,
    pure_tone_average,
    read_listeners,
    standard_listeners,
)
from cadenza_core.errors import CadenzaError

CFS = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
LEFT, RIGHT = [10, 20, 30, 40, 45, 50, 60, 70], [-20, 0, 5.5, 10, 15, 20, 100, 120]
GOOD = {"name": "L1", "audiogram_cfs": CFS, "audiogram_levels_l": LEFT, "audiogram_levels_r": RIGHT}


@pytest.fixture
def write(tmp_path):
    """Write a listener file with one entry, `GOOD` with some fields changed; a value `...` removes the field."""

    def write(file: str = "listeners.json", /, key: str = "L1", **fields) -> Path:
        entry = {field: value for field, value in {**GOOD, **fields}.items() if value is not ...}
        (tmp_path / file).write_text(json.dumps({key: entry}), encoding="utf-8")
        return tmp_path / file

    return write


def test_a_file_is_read_as_pyclarity_reads_it(write):
    path = write()
    ours, theirs = read_listeners(path)["L1"], Listener.load_listener_dict(path)["L1"]
    assert ours.id == theirs.id == "L1"
    for side in ("audiogram_left", "audiogram_right"):
        one, other = getattr(ours, side), getattr(theirs, side)
        assert np.array_equal(one.levels, other.levels)
        assert np.array_equal(one.frequencies, other.frequencies)
        assert one.levels.dtype == other.levels.dtype


@pytest.mark.parametrize("name", ["clarity_L0001-L0100.json", "cad1_L5042_L5071.json"])
def test_the_real_files(name, shared_data):
    path = shared_data / "listeners" / name
    ours, theirs = read_listeners(path), Listener.load_listener_dict(path)
    assert list(ours) == list(theirs)
    for key, listener in ours.items():
        assert np.array_equal(listener.audiogram_left.levels, theirs[key].audiogram_left.levels)
        assert np.array_equal(listener.audiogram_right.levels, theirs[key].audiogram_right.levels)


def test_the_standard_audiograms_are_the_published_ones(shared_data):
    published = json.loads((shared_data / "listeners/bisgaard.json").read_text())
    standard = standard_listeners()
    for name, listener in standard.items():
        if name != "NH":
            assert listener.audiogram_left.frequencies.tolist() == published["frequencies"]
            assert listener.audiogram_left.levels.tolist() == published[name], name
            assert listener.audiogram_right.levels.tolist() == published[name], name


def test_the_standard_audiograms():
    """A few numbers of the paper's table 2, for where the shared data is not."""
    standard = standard_listeners()
    assert list(standard) == ["NH", "N1", "N2", "N3", "N4", "N5", "N6", "N7", "S1", "S2", "S3"]
    assert all(key == listener.id for key, listener in standard.items())
    assert not standard["NH"].audiogram_left.levels.any()
    assert standard["N3"].audiogram_left.levels.tolist() == [35, 35, 35, 35, 40, 45, 50, 55, 60, 65]
    assert standard["S3"].audiogram_right.levels.tolist() == [30, 30, 35, 47.5, 60, 70, 75, 80, 80, 85]


def with_value(values, position, value):
    changed = list(values)
    changed[position] = value
    return changed


FIELDS = {
    "no name": ({"name": ...}, "'name' is missing"),
    "name null": ({"name": None}, "the name must be a text, not None"),
    "name a number": ({"name": 3}, "the name must be a text, not 3"),
    "name empty": ({"name": ""}, "name '' cannot be used as a file name"),
    "name a path": ({"name": "../L1"}, r"name '\.\./L1' cannot be used as a file name"),
    "name two lines": ({"name": "L\n1"}, "cannot be used as a file name"),
    "name too long": ({"name": "L" * 201}, "cannot be used as a file name"),
    "no frequencies": ({"audiogram_cfs": ...}, "'audiogram_cfs' is missing"),
    "no left levels": ({"audiogram_levels_l": ...}, "'audiogram_levels_l' is missing"),
    "no right levels": ({"audiogram_levels_r": ...}, "'audiogram_levels_r' is missing"),
    "frequencies null": ({"audiogram_cfs": None}, "frequencies: a list of numbers is wanted, not None"),
    "frequencies empty": ({"audiogram_cfs": []}, r"frequencies: a list of numbers is wanted, not \[\]"),
    "frequencies a text": ({"audiogram_cfs": "250"}, "frequencies: a list of numbers is wanted, not '250'"),
    "levels a number": ({"audiogram_levels_l": 30}, "left levels: a list of numbers is wanted, not 30"),
    "levels an object": ({"audiogram_levels_r": {}}, "right levels: a list of numbers is wanted, not {}"),
    "unsorted": ({"audiogram_cfs": [*CFS[1:], 250]}, "must ascend and not repeat; given are 500"),
    "falling": ({"audiogram_cfs": CFS[::-1]}, "must ascend and not repeat"),
    "repeated": ({"audiogram_cfs": with_value(CFS, 4, 2000)}, "must ascend and not repeat"),
    "250 missing": (
        {"audiogram_cfs": with_value(CFS, 0, 125)},
        "lacks 250 Hz; 250, 500, 1000, 2000, 4000, 6000 Hz are",
    ),
    "two missing": ({"audiogram_cfs": with_value(with_value(CFS, 5, 4001), 6, 6001)}, "lacks 4000, 6000 Hz"),
    "frequency below": ({"audiogram_cfs": with_value(CFS, 0, -250)}, "-250 Hz; 20, 20000 Hz are the limits"),
    "frequency zero": ({"audiogram_cfs": with_value(CFS, 0, 0)}, "0 Hz; 20, 20000 Hz are the limits"),
    "frequency above": ({"audiogram_cfs": with_value(CFS, 7, 20001)}, "20001 Hz; 20, 20000 Hz are the limits"),
    "left too short": ({"audiogram_levels_l": LEFT[:-1]}, "8 frequencies, but 7 levels for the left ear"),
    "right too long": ({"audiogram_levels_r": [*RIGHT, 70]}, "8 frequencies, but 9 levels for the right ear"),
    "level too low": (
        {"audiogram_levels_l": with_value(LEFT, 2, -20.5)},
        "-20.5 dB HL at 1000 Hz .left ear.; -20 to 120 is",
    ),
    "level too high": (
        {"audiogram_levels_r": with_value(RIGHT, 0, 121)},
        "121 dB HL at 250 Hz .right ear.; -20 to 120 is",
    ),
}
VALUES = {
    "null": None,
    "text": "30",
    "true": True,
    "false": False,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
    "a list": [30],
    "an object": {},
    "beyond float": 10**400,
}


def refuse(path: Path, words: str) -> None:
    with pytest.raises(CadenzaError, match=f"(?s)^.*{words}") as caught:
        read_listeners(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("what", FIELDS)
def test_a_faulty_entry(what, write):
    fields, words = FIELDS[what]
    refuse(write(**fields), f"listener 'L1'.*{words}")


@pytest.mark.parametrize("what", VALUES)
@pytest.mark.parametrize("field", ["audiogram_cfs", "audiogram_levels_l", "audiogram_levels_r"])
def test_a_value_that_is_no_number(what, field, write):
    where = {"audiogram_cfs": "frequencies", "audiogram_levels_l": "left levels", "audiogram_levels_r": "right levels"}
    path = write(**{field: with_value(GOOD[field], 3, VALUES[what])})
    refuse(path, f"listener 'L1': {where[field]}: .* is not a number. Every value must be given; null is not accepted")


def test_the_limits_are_accepted(write):
    path = write(audiogram_levels_l=[-20, 120, *LEFT[2:]], audiogram_cfs=[*CFS[:7], 20000])
    assert read_listeners(path)["L1"].audiogram_left.levels[:2].tolist() == [-20, 120]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a JSON text file in UTF-8"),
        (b'{"L1": {"name": "L1", "audiogram_cfs": [250, 50', "is not a JSON text file in UTF-8"),
        (b"\xff\xfe\x00", "is not a JSON text file in UTF-8"),
        ('{"caf\u00e9": 1}'.encode("latin-1"), "is not a JSON text file in UTF-8"),
        (b'{"a":' * 100_000, "is not a JSON text file in UTF-8"),
        (b"[" * 100_000, "is not a JSON text file in UTF-8"),
        (b"9" * 5000, "is not a JSON text file in UTF-8"),
        (b"name,level\nL1,30\n", "is not a JSON text file in UTF-8"),
        (b'{"L1": 1, "L1": 2}', "'L1' is in it twice"),
        (b"[]", "holds no listeners"),
        (b"{}", "holds no listeners"),
        (b"null", "holds no listeners"),
        (b'["L1"]', "holds no listeners"),
        (b'{"L1": null}', "listener 'L1': an object is wanted, not None"),
        (b'{"L1": [1, 2]}', "listener 'L1': an object is wanted"),
        (b'{"L1": "' + b"x" * 100_000 + b'"}', "listener 'L1': an object is wanted, not 'xxx"),
        (b'{"": {}}', "listener '': .* cannot be used as a file name"),
        (b'{"../x": {}}', r"listener '\.\./x': .* cannot be used as a file name"),
        (b'{"\\ud800": {}}', "cannot be used as a file name"),
    ],
)
def test_what_is_no_listener_file(content, words, tmp_path):
    (tmp_path / "listeners.json").write_bytes(content)
    refuse(tmp_path / "listeners.json", words)
    if "file name" not in words:
        refuse(
            tmp_path / "listeners.json", r'A Cadenza listener file holds {"L0001": {"name": "L0001", "audiogram_cfs"'
        )


def test_one_listener_twice(tmp_path):
    """JSON readers keep the last one of two, without a word."""
    entry = json.dumps(GOOD)
    (tmp_path / "a.json").write_text(f'{{"L1": {entry}, "L2": {entry}, "L1": {entry}}}')
    refuse(tmp_path / "a.json", "'L1' is in it twice")
    (tmp_path / "a.json").write_text(f'{{"L1": {entry}, "L2": {entry}}}')
    refuse(tmp_path / "a.json", "'L1' and 'L2' both have the name 'L1', and their results would overwrite each other")


def test_a_byte_order_mark(write):
    path = write()
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert list(read_listeners(path)) == ["L1"]


def test_a_file_that_cannot_be_read(tmp_path, unprivileged):
    refuse(tmp_path / "gone.json", "There is no listener file")
    refuse(tmp_path, "cannot be read: Is a directory. A listener file is wanted")
    (tmp_path / "link.json").symlink_to("gone.json")
    refuse(tmp_path / "link.json", "There is no listener file")
    (tmp_path / "file").touch()
    refuse(tmp_path / "file" / "a.json", "cannot be read: Not a directory")
    with unprivileged() as place:
        (place / "a.json").touch(mode=0)
        refuse(place / "a.json", "cannot be read: Permission denied")


@pytest.mark.parametrize("name", ["with space.json", "it's.json", "caf\u00e9.json", "cafe\u0301.json", "a\nb.json"])
def test_any_name(name, write):
    assert list(read_listeners(write(name))) == ["L1"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([GOOD, CFS, LEFT]),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from(["L1", "", *GOOD]), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from([None, *GOOD]), position=st.integers(-1, 7), value=JSON)
@example(field="audiogram_cfs", position=0, value=-(10**400))
def test_any_json(field, position, value, tmp_path):
    """A good file with one field, one number or the whole entry replaced by anything."""
    entry = copy.deepcopy(GOOD)
    if field is None:
        entry = value
    elif position >= 0 and isinstance(entry[field], list):
        entry[field][position] = value
    else:
        entry[field] = value
    path = tmp_path / "listeners.json"
    path.write_text(json.dumps({"L1": entry}))
    try:
        listeners = read_listeners(path)
    except CadenzaError as error:
        assert str(path) in str(error)
        return
    for ear in (listeners["L1"].audiogram_left, listeners["L1"].audiogram_right):
        assert np.isfinite(ear.levels).all()
        assert -20 <= ear.levels.min() <= ear.levels.max() <= 120
        assert {250, 500, 1000, 2000, 4000, 6000} <= set(ear.frequencies.tolist())
        assert np.isfinite(ear.resample(np.array([100.0, 777.0, 9000.0])).levels).all()


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_any_bytes(content, tmp_path):
    (tmp_path / "listeners.json").write_bytes(content)
    with pytest.raises(CadenzaError) as caught:
        read_listeners(tmp_path / "listeners.json")
    assert str(tmp_path / "listeners.json") in str(caught.value)


def test_make_listener():
    listener = make_listener("me", CFS, LEFT, tuple(RIGHT))
    assert listener.id == "me"
    assert listener.audiogram_right.levels.tolist() == RIGHT
    arrays = make_listener("me", np.array(CFS), np.array(LEFT), np.array(RIGHT))
    assert arrays.audiogram_left.levels.tolist() == LEFT
    assert make_listener("me", CFS, [np.int64(3)] * 8, [np.float32(2.5)] * 8).audiogram_left.levels.tolist() == [3] * 8
    with pytest.raises(CadenzaError, match=r"^Listener 'me': 8 frequencies, but 1 levels for the left ear"):
        make_listener("me", CFS, [1], RIGHT)
    with pytest.raises(CadenzaError, match=r"^Listener 'a/b': The listener name 'a/b' cannot be used"):
        make_listener("a/b", CFS, LEFT, RIGHT)
    with pytest.raises(CadenzaError, match="True is not a number"):
        make_listener("me", CFS, np.array([True] * 8), RIGHT)


def test_pure_tone_average():
    """WHO's four frequencies: 500, 1000, 2000 and 4000 Hz."""
    listener = make_listener("me", CFS, LEFT, RIGHT)
    assert pure_tone_average(listener.audiogram_left) == pytest.approx((20 + 30 + 40 + 50) / 4)
    assert pure_tone_average(listener.audiogram_right) == pytest.approx((0 + 5.5 + 10 + 20) / 4)


def test_find_a_standard_audiogram(tmp_path):
    assert find_listener("N3").id == "N3"
    pair = find_listener("N2-S1")
    assert pair.id == "N2-S1"
    assert pair.audiogram_left.levels.tolist() == standard_listeners()["N2"].audiogram_left.levels.tolist()
    assert pair.audiogram_right.levels.tolist() == standard_listeners()["S1"].audiogram_right.levels.tolist()
    # A faulty file of the settings is reported when it is needed, not before.
    assert find_listener("N3", (tmp_path / "gone.json",)).id == "N3"
    with pytest.raises(CadenzaError, match=r"There is no listener file .*gone\.json"):
        find_listener("L1", (tmp_path / "gone.json",))


def test_find_a_listener_of_a_file(write, monkeypatch, tmp_path):
    path = write()
    assert find_listener("L1", (path,)).audiogram_left.levels.tolist() == LEFT
    assert find_listener(f"{path}:L1").id == "L1"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_listener("~/listeners.json:L1").id == "L1"
    with pytest.raises(CadenzaError, match=r"listeners\.json has no listener 'L2'; it has L1"):
        find_listener(f"{path}:L2")
    with pytest.raises(CadenzaError, match=r"There is no listener file .*gone\.json"):
        find_listener(f"{tmp_path}/gone.json:L1")
    with pytest.raises(CadenzaError, match="there is no home folder of that name"):
        find_listener("~nobody-of-this-name/a.json:L1")


@pytest.mark.parametrize("name", ["", "L2", "N8", "N2-", "-N2", "N2-N8", "n3", "N2-S1-N3", ":", ".json:L1", "a" * 300])
def test_a_listener_that_is_not_there(name, write):
    with pytest.raises(
        CadenzaError, match=r"There is no listener .*(FILE\.json:ID|There is no listener file \.json)|\.json"
    ):
        find_listener(name, (write(),))


def test_one_id_in_two_files(write):
    same, other = write("a.json"), write("b.json", audiogram_levels_l=RIGHT)
    copy_of_same = write("c.json")
    assert list(all_listeners((same, copy_of_same)))[-1] == "L1"
    both = all_listeners((same, other, copy_of_same))
    assert "L1" not in both
    assert list(both)[-2:] == [f"{same}:L1", f"{other}:L1"]
    with pytest.raises(CadenzaError) as caught:
        find_listener("L1", (same, other))
    assert str(caught.value) == f"Several files have different listeners 'L1'. Ask for one of: {same}:L1, {other}:L1."
    for key in (f"{same}:L1", f"{other}:L1"):
        assert find_listener(key).audiogram_left.levels.tolist() == both[key].audiogram_left.levels.tolist()


def test_a_file_cannot_replace_a_standard_audiogram(write):
    path = write(key="N3", name="N3")
    assert find_listener("N3", (path,)).audiogram_left.levels.tolist()[:2] == [35, 35]
    assert find_listener(f"{path}:N3").audiogram_left.levels.tolist() == LEFT
    assert {"N3", f"{path}:N3"} < set(all_listeners((path,)))


def test_all_listeners_names_a_faulty_file(write, tmp_path):
    good, bad = write("good.json"), tmp_path / "bad.json"
    bad.write_text("[")
    with pytest.raises(CadenzaError, match=r"bad\.json is not a JSON text file"):
        all_listeners((good, bad))


def test_the_environment_is_not_needed(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    assert len(standard_listeners()) == 11
