"""Each view against pandas by hand, and its figure: names are shown as they are, never as markup."""

import json

import numpy as np
import pandas as pd
import pytest

from cadenza_core.analysis import (
    Filter,
    ScoreSource,
    against_sdr,
    by_listener,
    by_pure_tone_average,
    by_severity,
    by_song,
    by_stem,
    difference,
    heat_map,
    outliers,
    what_would_help,
)
from cadenza_core.analysis.catalogue import VIEWS, view_named
from cadenza_core.analysis.figures import heat_map_figure, leaderboard_figure
from cadenza_core.analysis.leaderboard import leaderboard
from cadenza_core.errors import CadenzaError
from cadenza_core.store import Store
from tests.analysis.conftest import by_hand

TIGHT = {"abs": 1e-12}


def test_by_stem(scored):
    found = by_stem(scored.table).set_index(["system", "stem", "ear"])["haaqi"]
    expected = scored.frame.groupby(["system", "stem", "ear"])["value"].mean()
    assert len(found) == 24
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, **TIGHT)


def test_by_severity(scored):
    """L0 to L7 have 0, 10, ... 60 dB HL in the better ear; of the last nothing is known."""
    found = by_severity(scored.table, Filter(system=("alpha",)))
    assert found["severity"].tolist() == ["none", "mild", "moderate", "unknown"]
    grades = {"none": ["L0", "L1", "L2"], "mild": ["L3", "L4"], "moderate": ["L5", "L6"], "unknown": ["L7"]}
    pairs = by_hand(scored.frame)["alpha"]
    for grade, listeners in grades.items():
        row = found.set_index("severity").loc[grade]
        assert row["haaqi"] == pytest.approx(pairs[pairs.index.get_level_values(1).isin(listeners)].mean(), **TIGHT)
        assert row["pairs"] == 6 * len(listeners)


def test_by_pure_tone_average(scored):
    found = by_pure_tone_average(scored.table, Filter(system=("beta",))).set_index(["listener", "ear"])
    assert len(found) == 14  # seven listeners with audiograms
    assert found.loc[("L3", "left"), "average"] == 30.0 and found.loc[("L3", "right"), "average"] == 40.0
    rows = scored.frame.query("system == 'beta' and listener == 'L3' and ear == 'left'")
    assert found.loc[("L3", "left"), "haaqi"] == pytest.approx(rows["value"].mean(), **TIGHT)


def test_by_song_the_hardest_first(scored):
    found = by_song(scored.table)
    assert found["song"].iloc[0] == "Song 0" and found["genre"].iloc[0] == "Rock"
    pairs = by_hand(scored.frame)
    for row in found.itertuples():
        assert row.haaqi == pytest.approx(pairs.loc[row.song, row.system].mean(), **TIGHT)
    assert len(found) == 17  # gamma has no Song 5


def test_by_listener(scored):
    found = by_listener(scored.table).set_index(["system", "listener"])
    values = by_hand(scored.frame)["alpha"].xs("L2", level="listener")
    row = found.loc[("alpha", "L2")]
    expected = [values.mean(), values.min(), *values.quantile([0.25, 0.5, 0.75]), values.max()]
    assert row[["mean", "low", "q1", "median", "q3", "high"]].tolist() == pytest.approx(expected, **TIGHT)
    assert row["severity"] == "none" and row["average"] == 20.0


def test_heat_map(scored):
    grid = heat_map(scored.table, "gamma")
    expected = by_hand(scored.frame)["gamma"].unstack("listener")
    assert grid.columns.tolist() == [f"L{n}" for n in range(8)]  # the mildest loss first, the unknown last
    for song in grid.index:
        assert grid.loc[song].tolist() == pytest.approx(expected.loc[song].tolist(), **TIGHT)
    assert "Song 5" not in grid.index
    with pytest.raises(CadenzaError, match="'delta' has no scores here"):
        heat_map(scored.table, "delta")


def test_against_sdr(scored):
    found = against_sdr(scored.table, Filter(ear=("left",))).set_index(["system", "song", "stem"])
    row = found.loc[("alpha", "Song 2", "bass")]
    mine = scored.frame.query("system == 'alpha' and song == 'Song 2' and stem == 'bass' and ear == 'left'")
    ratios = scored.sdr.query("system == 'alpha' and song == 'Song 2' and stem == 'bass'")
    assert row["haaqi"] == pytest.approx(mine["value"].mean(), **TIGHT)
    assert row["sdr"] == pytest.approx(ratios["value"].mean(), **TIGHT)


def test_difference(scored):
    found = difference(scored.table, "beta", "gamma")
    pairs = by_hand(scored.frame)
    expected = (pairs["beta"] - pairs["gamma"]).dropna().groupby(level="song").mean()
    assert found["difference"].is_monotonic_decreasing and len(found) == 5
    for row in found.itertuples():
        assert row.difference == pytest.approx(expected[row.song], **TIGHT)
        assert row.low <= row.difference <= row.high


def test_systems_without_a_pair_in_common_cannot_be_compared(tmp_path):
    frame = pd.DataFrame({"song": ["A", "B"], "listener": "L", "value": 0.5, "system": ["x", "y"], "stem": "bass"})
    with Store(f"sqlite:///{tmp_path}/s.sqlite") as store:
        store.add_scores(frame, evaluation_set="mine")
        table = ScoreSource(store).table("mine")
    with pytest.raises(CadenzaError, match="have no song-listener pair in common"):
        difference(table, "x", "y")


def test_outliers_are_what_song_and_listener_do_not_explain(tmp_path):
    rng = np.random.default_rng(3)
    rows = [(f"S{s}", f"L{n}", 0.5 + 0.03 * s - 0.02 * n + rng.normal(0, 0.005)) for s in range(10) for n in range(10)]
    frame = pd.DataFrame(rows, columns=["song", "listener", "value"]).assign(stem="bass", ear="left")
    frame.loc[37, "value"] -= 0.3
    with Store(f"sqlite:///{tmp_path}/s.sqlite") as store:
        store.add_scores(frame, evaluation_set="mine", system="x")
        found = outliers(ScoreSource(store).table("mine"))
    assert found.loc[0, ["song", "listener"]].tolist() == ["S3", "L7"]
    # expected: mean of the song, plus that of the listener, less that of all
    by = frame.groupby("song")["value"].mean()["S3"] + frame.groupby("listener")["value"].mean()["L7"]
    assert found.loc[0, "expected"] == pytest.approx(by - frame["value"].mean(), **TIGHT)
    assert found.loc[0, "deviation"] == pytest.approx(found.loc[0, "haaqi"] - found.loc[0, "expected"], **TIGHT)


def test_what_would_help(scored):
    found = what_would_help(scored.table).set_index(["system", "stem"])
    means = scored.frame.groupby(["system", "stem"])["value"].mean().unstack()
    for (system, stem), row in found.iterrows():
        own = means.loc[system]
        assert row["gain_own"] == pytest.approx((own.max() - own[stem]) / 4, **TIGHT)
        assert row["gain_best"] == pytest.approx((means[stem].max() - own[stem]) / 4, **TIGHT)
        assert row["best_system"] == means[stem].idxmax()
    pairs = scored.frame.query("system == 'alpha'").groupby(["song", "listener", "stem"])["value"].mean().unstack()
    shares = pairs.idxmin(axis=1).value_counts(normalize=True)
    assert found.loc[("alpha", "bass"), "share_worst"] == pytest.approx(shares.get("bass", 0.0), **TIGHT)


def systems_for(view, names=("alpha", "beta")):
    return tuple(names[: view.systems])


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_by_its_name_gives_a_frame_and_a_figure(scored, name):
    view = view_named(name)
    frame = view.of(scored.table, systems=systems_for(view))
    figure = view.figure(frame, systems_for(view))
    assert len(figure.data) > 0 or name == "outliers"
    if view.systems:
        with pytest.raises(CadenzaError, match=f"The view {name!r} needs"):
            view.of(scored.table)


HOSTILE = ["<b>bold</b>", "<a href='http://evil'>x</a>", "<br>" * 3, "=1+1", "&amp;", "x" * 60, "x" * 61]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A table whose every name is markup or a formula; two are alike in their first sixty characters."""
    rows = [
        (system, song, listener, stem, ear)
        for system in HOSTILE[:3]
        for song in HOSTILE
        for listener in HOSTILE[:4]
        for stem in ("bass", "vocals")
        for ear in ("left", "right")
    ]
    frame = pd.DataFrame(rows, columns=["system", "song", "listener", "stem", "ear"])
    frame["value"] = np.random.default_rng(0).uniform(0, 1, len(frame))
    with Store(f"sqlite:///{tmp_path_factory.mktemp('hostile')}/s.sqlite") as store:
        store.add_scores(frame, evaluation_set="mine")
        yield ScoreSource(store).table("mine")


@pytest.mark.parametrize("name", VIEWS)
def test_no_name_is_markup_in_a_figure_and_no_two_fall_together(hostile, name):
    view = VIEWS[name]
    systems = systems_for(view, HOSTILE)
    frame = view.of(hostile, systems=systems)
    figure = view.figure(frame, systems)
    said = json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
    for markup in ("<b>", "<a href", "<br><br>"):
        assert markup not in said
    if name == "song":
        assert len(set(figure.layout.yaxis.categoryarray)) == len(HOSTILE)


def test_a_page_gets_names_as_they_are_from_a_click(hostile):
    grid = heat_map(hostile, HOSTILE[0])
    marks = heat_map_figure(grid, selectable=True).data[1]
    assert {tuple(point) for point in marks.customdata} == {(song, one) for song in HOSTILE for one in HOSTILE[:4]}


def test_the_leaderboards_figure_marks_what_is_published(scored):
    figure = leaderboard_figure(leaderboard(scored.table))
    own, published = figure.data
    assert (own.name, published.name) == ("here", "published")
    assert all(label.endswith("(published)") for label in published.y) and published.marker.symbol == "diamond-open"
