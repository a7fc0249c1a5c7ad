"""Storing scores: nothing twice, nothing overwritten silently, nothing impossible, nothing lost."""

import numpy as np
import pandas as pd
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.store import Origin, ScoredSystem, pairs_frame
from tests.store.conftest import values

SET = "cad1-validation"


def add(store, frame, name="ours", **options):
    return store.add_scores(frame, evaluation_set=SET, system=name, **options)


def test_what_is_stored_comes_back_to_the_last_bit(store, pair_list):
    frame = pairs_frame(pair_list())
    report = add(store, frame, origin=Origin("evaluation", "files", "cadenza", "1.2", {"compressor": None}))
    assert (report.added, report.unchanged, report.conflicts) == (96, 0, 0)
    back = values(store, "song", "listener", "stem", "ear", "value")
    expected = frame.sort_values(["song", "listener", "stem", "ear"]).reset_index(drop=True)[list(back)]
    pd.testing.assert_frame_equal(back, expected.astype(back.dtypes.to_dict()), check_exact=True)
    (run,) = store.runs().to_dict("records")
    assert (run["kind"], run["engine"], run["engine_version"], run["configuration"]) == (
        "evaluation", "cadenza", "1.2", {"compressor": None},
    )  # fmt: skip


def test_storing_twice_changes_nothing_at_all(store, pair_list):
    frame = pairs_frame(pair_list())
    add(store, frame)
    before = store.state()
    report = add(store, frame.sample(frac=1, random_state=1), origin=Origin("import", "again.csv"))
    assert (report.added, report.unchanged, report.conflicts) == (0, 96, 0)
    assert store.state() == before
    assert len(store.runs()) == 1


def test_another_value_is_a_conflict_that_is_shown_and_the_stored_one_stays(store, pair_list):
    frame = pairs_frame(pair_list())
    add(store, frame)
    before = values(store)
    changed = frame.assign(value=frame["value"].where(frame.index != 5, 0.125))
    report = add(store, pd.concat([changed, pairs_frame(pair_list(songs=4)[-4:])]))
    assert (report.added, report.unchanged, report.conflicts) == (32, 95, 1)
    (row,) = report.conflict_rows.to_dict("records")
    assert (row["song"], row["stem"], row["ear"]) == tuple(frame.loc[5, ["song", "stem", "ear"]])
    assert (row["stored"], row["given"], row["where"]) == (frame.loc[5, "value"], 0.125, "the database")
    after = values(store)
    pd.testing.assert_frame_equal(after[after["song"] != "Song 3"].reset_index(drop=True), before)


def test_replacing_is_done_only_when_asked_for(store, pair_list):
    frame = pairs_frame(pair_list())
    add(store, frame)
    changed = frame.assign(value=frame["value"].where(frame.index != 5, 0.125))
    report = add(store, changed, replace=True)
    assert (report.added, report.unchanged, report.replaced, report.conflicts) == (0, 95, 1, 0)
    assert (values(store)["value"] == 0.125).sum() == 1


def test_an_import_that_contradicts_itself_stores_neither_value(store, pair_list):
    frame = pairs_frame(pair_list(songs=1, listeners=1))
    twice = pd.concat([frame, frame, frame.head(1).assign(value=0.5)])
    report = add(store, twice)
    assert (report.added, report.conflicts, report.repeated) == (7, 1, 7)
    assert set(report.conflict_rows.loc[0, ["stored", "given"]]) == {0.5, frame.loc[0, "value"]}
    assert report.conflict_rows.loc[0, "where"] == "the import itself"
    assert len(store.scores()) == 7


def test_a_silent_stem_has_no_score_and_is_counted(store, pair_list):
    frame = pairs_frame(pair_list(songs=1, listeners=2)).assign(value=lambda f: f["value"].where(f["stem"] != "bass"))
    report = add(store, frame)
    assert (report.added, report.empty) == (12, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": 1.0001}, "1 of 1 values of haaqi: 1.0001 cannot be HAAQI; 0 to 1 is accepted"),
        ({"value": -0.1}, "cannot be HAAQI"),
        ({"value": np.inf}, "inf cannot be HAAQI"),
        ({"value": np.inf, "metric": "sdr"}, "inf cannot be SDR; a finite number"),
        ({"value": "loud"}, "values are no numbers"),
        ({"ear": "middle"}, "There is no ear 'middle'"),
        ({"song": ""}, "cannot be the name of a song"),
        ({"song": None}, "has no song"),
        ({"song": "x" * 501}, "cannot be the name of a song"),
        ({"listener": "L\n1"}, "cannot be the name of a listener"),
        ({"metric": ""}, "needs a metric"),
    ],
)
def test_what_is_impossible_is_refused_in_a_sentence_and_nothing_is_stored(file_store, change, words):
    good = {"song": "S", "listener": "L", "stem": "bass", "ear": "left", "metric": "haaqi", "value": 0.5}
    with pytest.raises(CadenzaError, match=words):
        add(file_store, [pd.DataFrame([good]), pd.DataFrame([{**good, "listener": "L2", **change}])])
    assert len(file_store.scores()) == 0
    assert file_store.evaluation_sets() == []


def test_a_column_that_is_missing_is_named(file_store):
    with pytest.raises(CadenzaError, match="need a column 'listener'; given are song, value"):
        add(file_store, pd.DataFrame({"song": ["S"], "value": [0.5]}))


HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x")',
    "Robert'); DROP TABLE scores;--",
    "Zoë: “No. 1” 🎵",
    "a\\b%c_d",
]


def test_names_are_data_whatever_is_in_them(store):
    frame = pd.DataFrame({"song": HOSTILE, "listener": HOSTILE, "value": 0.5})
    for system in HOSTILE:
        add(store, frame, system)
    found = values(store)
    assert len(found) == 25
    assert set(found["song"]) == set(found["listener"]) == set(found["system"]) == set(HOSTILE)


def test_what_was_not_known_about_a_system_is_filled_in_and_what_was_known_stays(store, pair_list):
    frame = pairs_frame(pair_list(songs=1))
    add(store, frame, ScoredSystem("ours", team="E099"))
    report = add(store, frame, ScoredSystem("ours", team="E100", separation="htdemucs"))
    (row,) = store.systems().to_dict("records")
    assert (row["team"], row["separation"]) == ("E099", "htdemucs")
    assert report.notes == ("ours: team stays 'E099'; 'E100' was given",)


def test_scores_of_the_same_origin_belong_to_one_run(store, pair_list):
    for pair in pair_list():
        add(store, pairs_frame([pair]), origin=Origin("evaluation", "out", "cadenza", "1", {"a": 1}))
    assert len(store.runs()) == 1
    assert len(store.scores()) == 96


def test_a_frame_may_hold_several_systems_and_sets(store, pair_list):
    frame = pairs_frame(pair_list(songs=1))
    parts = [frame.assign(system=s, evaluation_set=e) for s in ("a", "b") for e in ("one", "two")]
    assert store.add_scores(pd.concat(parts)).added == 4 * 32
    assert store.evaluation_sets() == ["one", "two"]
    assert set(store.scores("two", system=["b"], stem="bass")["system"]) == {"b"}
    assert len(store.scores("two", system="b", stem=["bass"], ear="left")) == 4
    with pytest.raises(CadenzaError, match="cannot be chosen by colour"):
        store.scores(colour="red")


def test_the_state_changes_with_each_change_and_only_then(store, pair_list):
    states = [store.state()]
    add(store, pairs_frame(pair_list(songs=1)))
    states.append(store.state())
    store.scores()
    assert store.state() == states[-1]
    add(store, pairs_frame(pair_list(songs=2)))
    states.append(store.state())
    assert len(set(states)) == 3
