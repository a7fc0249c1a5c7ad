"""Means, intervals and comparisons: the same as by pandas and SciPy on the raw answers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Choice, answers_of, view_named
from cadenza_core.listening.analysis.listeners import agreement, with_the_others
from cadenza_core.listening.analysis.ratings import comparisons, condition_means, cube, excerpt_means, spread

from .simulated import SYSTEMS, rated

BAQ = Choice(scale="basic_audio_quality")


@pytest.fixture(scope="module")
def panel():
    return rated()


def by_person(frame, scale="basic_audio_quality"):
    """Each participant's mean for each condition, by pandas."""
    rows = frame[frame["scale"] == scale]
    return rows.pivot_table(index="participant", columns="condition", values="value")


def test_means_and_intervals_are_scipys(panel):
    """The paired percentile bootstrap over participants equals scipy.stats.bootstrap, to 1e-12."""
    found = condition_means(answers_of(panel), BAQ).set_index("condition")
    means = by_person(panel)
    assert found.index.tolist() == means.mean().sort_values(ascending=False).index.tolist()
    for condition in SYSTEMS:
        drawn = stats.bootstrap(
            (means[condition].to_numpy(),), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(0)
        )
        row = found.loc[condition]
        assert row["mean"] == pytest.approx(means[condition].mean(), abs=1e-12)
        np.testing.assert_allclose([row["low"], row["high"]], drawn.confidence_interval, rtol=1e-12)
        assert row["sd"] == pytest.approx(means[condition].std(), abs=1e-12)
        own = panel.query("scale == 'basic_audio_quality' and condition == @condition")["value"]
        assert (row["answers"], row["median"], row["q1"]) == (50, own.median(), own.quantile(0.25))


def test_over_excerpts_too_is_wider_but_of_the_same_mean(panel):
    alone = condition_means(answers_of(panel), BAQ)
    both = condition_means(answers_of(panel), Choice(scale="basic_audio_quality", over="both"))
    assert both["mean"].tolist() == pytest.approx(alone["mean"].tolist(), abs=1e-12)
    assert ((both["high"] - both["low"]) > (alone["high"] - alone["low"])).all()


@pytest.mark.parametrize(("test", "scipys"), [("wilcoxon", stats.wilcoxon), ("t", stats.ttest_rel)])
def test_comparisons_are_scipys_with_holm_by_hand(panel, test, scipys):
    found = comparisons(answers_of(panel), Choice(scale="clarity", test=test))
    means = by_person(panel, "clarity")
    assert len(found) == 6
    ordered = []
    for row in found.itertuples():
        theirs = scipys(means[row.system], means[row.other])
        assert (row.statistic, row.p) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
        assert row.difference == pytest.approx((means[row.system] - means[row.other]).mean(), abs=1e-12)
        ordered.append(theirs.pvalue)
    by_hand = np.maximum.accumulate([(6 - n) * p for n, p in enumerate(ordered)])
    np.testing.assert_allclose(found["p_holm"], np.minimum(by_hand, 1.0), rtol=1e-9)


def test_two_are_compared_on_what_was_rated_of_both(panel):
    """Without alpha's ratings of a song, that song does not count for beta either."""
    gap = panel[~((panel["condition"] == "alpha") & (panel["song"] == "Song 0"))]
    found = comparisons(answers_of(gap), Choice(scale="liking", test="t", against="alpha")).set_index("system")
    means = by_person(panel[panel["song"] != "Song 0"], "liking")
    assert found.loc["beta", "difference"] == pytest.approx((means["beta"] - means["alpha"]).mean(), abs=1e-12)
    assert set(found["other"]) == {"alpha"} and len(found) == 3
    shown = view_named("systems").of(answers_of(gap), Choice(scale="liking"))
    assert any("10 of 200 are missing" in note for note in shown.notes)


def test_reference_and_anchors_are_compared_only_if_asked():
    answers = answers_of(rated("mushra", people=6, songs=3, scales=("quality",)))
    assert len(comparisons(answers, Choice(scale="quality"))) == 6
    assert len(comparisons(answers, Choice(scale="quality", anchors=True))) == 21
    against = comparisons(answers, Choice(scale="quality", against="reference"))
    assert set(against["other"]) == {"reference"} and len(against) == 4
    with pytest.raises(CadenzaError, match="no condition 'omega' among alpha, beta"):
        comparisons(answers, Choice(scale="quality", against="omega"))


def test_one_system_cannot_be_compared():
    answers = answers_of(rated(systems={"alpha": 50.0}))
    with pytest.raises(CadenzaError, match="Two systems at least"):
        comparisons(answers, BAQ)


def test_with_few_participants_it_is_said_what_cannot_be_found():
    answers = answers_of(rated(people=5, songs=2))
    assert "smallest p that Wilcoxon's test can give is 0.0625" in view_named("comparisons").of(answers, BAQ).notes[0]
    assert "with 5 participants" in view_named("systems").of(answers, BAQ).notes[0]
    assert view_named("comparisons").of(answers, Choice(scale="clarity", test="t")).notes == ()
    assert view_named("spread").of(answers, Choice(scale="harshness")).notes == ("harshness: less is better",)


def test_excerpts_and_answers(panel):
    answers = answers_of(panel)
    found = excerpt_means(answers, BAQ)
    rows = panel[panel["scale"] == "basic_audio_quality"]
    assert list(dict.fromkeys(found["item"])) == rows.groupby("song")["value"].mean().sort_values().index.tolist()
    one = found.query("item == 'Song 2' and condition == 'beta'")["mean"].item()
    assert one == pytest.approx(rows.query("song == 'Song 2' and condition == 'beta'")["value"].mean(), abs=1e-12)
    assert len(spread(answers, BAQ)) == 200 and spread(answers, BAQ)["condition"].iloc[0] == "alpha"


def test_repeated_ratings_of_a_participant_are_averaged():
    frame = rated(people=2, songs=1, scales=("quality",))
    again = frame.assign(trial=frame["trial"] + "-again", value=frame["value"].clip(upper=90) + 10)
    values, conditions, people, items = cube(answers_of(pd.concat([frame, again])).of("quality"))
    assert values.shape == (4, 2, 1) and (len(conditions), len(people), len(items)) == (4, 2, 1)
    first = frame.query("condition == 'beta' and participant == 'p00'")["value"].item()
    assert values[conditions.index("beta"), 0, 0] == pytest.approx(first + 5.0)


def test_agreement_is_that_of_the_table_by_hand(panel):
    from cadenza_core.statistics import intraclass_correlations, krippendorff_alpha

    rows = panel[panel["scale"] == "basic_audio_quality"]
    table = rows.pivot_table(index=["condition", "song"], columns="participant", values="value").to_numpy()
    found = agreement(answers_of(panel), BAQ).set_index("coefficient")["value"]
    assert found["Krippendorff's alpha (interval)"] == pytest.approx(krippendorff_alpha(table).value, abs=1e-12)
    assert found["ICC(2,1)"] == pytest.approx(intraclass_correlations(table)[0].value, abs=1e-12)
    others = with_the_others(answers_of(panel), BAQ).set_index("participant")
    rest = np.delete(table, 3, axis=1).mean(axis=1)
    assert others.loc["p03", "correlation"] == pytest.approx(stats.pearsonr(table[:, 3], rest).statistic, abs=1e-12)


def test_an_unknown_option_is_refused():
    with pytest.raises(CadenzaError, match="no over 'songs': participants, both"):
        Choice(over="songs")
