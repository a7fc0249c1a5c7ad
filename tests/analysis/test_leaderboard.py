"""The leaderboard's numbers are those that pandas and SciPy give on the same scores, to 1e-12."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cadenza_core.analysis import Filter, ScoreSource, common_pairs, leaderboard, pair_scores, significance
from cadenza_core.errors import CadenzaError
from cadenza_core.statistics.intervals import RESAMPLES
from cadenza_core.store import Store
from tests.analysis.conftest import EARS, SET, STEMS, by_hand


def own(board):
    return board[~board["published"].astype(bool)].set_index("system")


def chosen(scored, **only):
    frame = scored.frame
    for name, values in only.items():
        frame = frame[frame[name].isin(values)]
    return frame


def test_means_intervals_and_parts_equal_pandas_and_scipy_to_1e_12(scored):
    board, pairs = own(leaderboard(scored.table)), by_hand(scored.frame)
    assert list(board.index) == ["beta", "alpha", "gamma"]
    for system in board.index:
        values = pairs[system].dropna()
        ours = board.loc[system]
        assert ours["haaqi"] == pytest.approx(values.mean(), abs=1e-12)
        assert (ours["pairs"], ours["songs"], ours["listeners"]) == (
            len(values), values.index.get_level_values(0).nunique(), 8,
        )  # fmt: skip
        draws = {"n_resamples": RESAMPLES, "method": "percentile", "rng": np.random.default_rng(0)}
        theirs = stats.bootstrap((values.to_numpy(),), np.mean, **draws).confidence_interval
        assert (ours["low"], ours["high"]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
        rows = scored.frame[scored.frame["system"] == system]
        for column, names in (("stem", STEMS), ("ear", EARS)):
            for name in names:
                assert ours[name] == pytest.approx(rows.loc[rows[column] == name, "value"].mean(), abs=1e-12)
        mine = scored.sdr[scored.sdr["system"] == system]["value"].mean()
        assert ours["sdr"] == pytest.approx(mine, abs=1e-12)


FILTERS = [
    ({"song": ("Song 1", "Song 4")}, {"song": ["Song 1", "Song 4"]}),
    ({"genre": ("Rock",)}, {"song": ["Song 0", "Song 2", "Song 4"]}),
    ({"stem": ("vocals", "bass"), "ear": ("left",)}, {"stem": ["vocals", "bass"], "ear": ["left"]}),
    ({"severity": ("moderate",)}, {"listener": ["L5", "L6"]}),
    ({"severity": ("unknown",)}, {"listener": ["L7"]}),
    ({"listener": ("L3",), "system": ("alpha", "beta")}, {"listener": ["L3"], "system": ["alpha", "beta"]}),
]


@pytest.mark.parametrize(("given", "meant"), FILTERS)
def test_a_filter_counts_what_it_names_and_nothing_else(scored, given, meant):
    board = own(leaderboard(scored.table, Filter(**given)))
    pairs = by_hand(chosen(scored, **meant))
    assert set(board.index) == set(pairs.columns)
    for system in pairs:
        assert board.loc[system, "haaqi"] == pytest.approx(pairs[system].mean(), abs=1e-12)


def test_published_rows_are_marked_belong_to_the_set_and_have_no_rank_beside_a_part_of_it(scored):
    board = leaderboard(scored.table)
    published = board[board["published"].astype(bool)]
    assert len(published) == 10 and set(published["date"]) == {"2023"}
    assert board.loc[board["system"] == "Demucs", "rank"].item() == 1
    assert board["rank"].is_monotonic_increasing and board["haaqi"].is_monotonic_decreasing
    narrowed = leaderboard(scored.table, Filter(genre=("Pop",)))
    assert narrowed.loc[narrowed["published"].astype(bool), "rank"].isna().all()
    assert narrowed["published"].tolist() == [False] * 3 + [True] * 10
    assert not leaderboard(scored.table, published=False)["published"].any()


def test_only_common_pairs_can_be_compared(scored):
    board, pairs = own(leaderboard(scored.table, common=True)), by_hand(scored.frame).dropna()
    assert common_pairs(scored.table, Filter()) == (40, 48)
    for system in pairs:
        assert board.loc[system, "haaqi"] == pytest.approx(pairs[system].mean(), abs=1e-12)
        rows = scored.frame[(scored.frame["system"] == system) & (scored.frame["song"] != "Song 5")]
        assert board.loc[system, "bass"] == pytest.approx(rows[rows["stem"] == "bass"]["value"].mean(), abs=1e-12)
    assert set(board["pairs"]) == {40}


@pytest.mark.parametrize("unit", ["song", "listener"])
def test_intervals_over_songs_or_listeners_draw_their_means(scored, unit):
    board = own(leaderboard(scored.table, unit=unit))
    means = by_hand(scored.frame)["alpha"].groupby(level=unit).mean().to_numpy()
    draws = {"n_resamples": RESAMPLES, "method": "percentile", "rng": np.random.default_rng(0)}
    theirs = stats.bootstrap((means,), np.mean, **draws).confidence_interval
    assert (board.loc["alpha", "low"], board.loc["alpha", "high"]) == pytest.approx(
        (theirs.low, theirs.high), abs=1e-12
    )


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_significance_is_scipys_on_the_common_pairs_with_holm(scored, test):
    found = significance(scored.table, test=test)
    pairs = by_hand(scored.frame)
    reference = stats.wilcoxon if test == "wilcoxon" else stats.ttest_rel
    couples = {("alpha", "beta"), ("alpha", "gamma"), ("beta", "gamma")}
    assert {(row.system, row.other) for row in found.itertuples()} == couples
    for row in found.itertuples():
        both = pairs[[row.system, row.other]].dropna()
        theirs = reference(both[row.system], both[row.other])
        assert (row.p, row.statistic) == pytest.approx((theirs.pvalue, theirs.statistic), rel=1e-9)
        assert row.count == len(both)
    p = np.sort(found["p"].to_numpy())
    expected = np.maximum.accumulate(np.minimum(1, p * [3, 2, 1]))
    np.testing.assert_allclose(np.sort(found["p_holm"].to_numpy()), expected, rtol=1e-12)


def test_against_one_reference(scored):
    found = significance(scored.table, reference="alpha")
    assert set(found["system"]) == {"beta", "gamma"} and set(found["other"]) == {"alpha"}
    assert (
        found.set_index("system").loc["beta", "difference"] > 0 > found.set_index("system").loc["gamma", "difference"]
    )
    with pytest.raises(CadenzaError, match="no system 'delta' among alpha, beta, gamma"):
        significance(scored.table, reference="delta")


def test_stems_and_remixes_are_never_averaged_together(tmp_path):
    rows = [("S", "L", stem, ear, 0.2) for stem in STEMS for ear in EARS] + [
        ("S", "L", "remix", ear, 0.9) for ear in EARS
    ]
    frame = pd.DataFrame(rows, columns=["song", "listener", "stem", "ear", "value"])
    with Store(f"sqlite:///{tmp_path}/s.sqlite") as store:
        store.add_scores(frame, evaluation_set="mine", system="x")
        table = ScoreSource(store).table("mine")
    assert leaderboard(table).loc[0, "haaqi"] == pytest.approx(0.2)
    assert leaderboard(table, target="remix").loc[0, "haaqi"] == pytest.approx(0.9)


def test_nothing_is_stale_and_nothing_is_read_twice(tmp_path, monkeypatch):
    frame = pd.DataFrame({"song": ["A", "B"], "listener": "L", "stem": "bass", "ear": "left", "value": [0.25, 0.75]})
    url = f"sqlite:///{tmp_path}/s.sqlite"
    with Store(url) as store, Store(url) as elsewhere:
        store.add_scores(frame, evaluation_set="mine", system="x")
        source = ScoreSource(store)
        table = source.table("mine")
        assert source.table("mine") is table
        calls = []
        for _ in range(2):
            source.once(source.table("mine"), "mean", lambda: calls.append(1))
        assert len(calls) == 1
        elsewhere.add_scores(frame.assign(song=["C", "D"]), evaluation_set="mine", system="x")
        fresh = source.table("mine")
        assert len(fresh.frame) == 4
        source.once(fresh, "mean", lambda: calls.append(1))
        assert len(calls) == 2


def test_an_unknown_name_is_a_sentence(scored):
    with pytest.raises(CadenzaError, match="No score has the song 'Nobody'; there are Song 0, Song 1"):
        leaderboard(scored.table, Filter(song=("Nobody",)))
    with pytest.raises(CadenzaError, match="over pair, song, listener, not over 'ear'"):
        leaderboard(scored.table, unit="ear")
    with pytest.raises(CadenzaError, match="Scores are of stems or remix"):
        leaderboard(scored.table, target="mixture")


def test_a_set_without_own_scores_has_the_published_ones(scored):
    board = leaderboard(scored.source.table("clip1-evaluation"))
    assert len(board) == 29 and board.loc[0, "system"] == "T045 *" and board.loc[0, "rank"] == 1
    assert board["rmse"].is_monotonic_increasing
    assert len(leaderboard(scored.source.table("nothing"))) == 0
    assert pair_scores(scored.source.table("nothing").rows()).empty


def test_the_set_leads_the_key(scored):
    assert scored.source.store.evaluation_sets() == [SET]
