"""A/B and ABX: counts by hand, SciPy's tests, strengths from all pairs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Choice, answers_of, view_named, views_for
from cadenza_core.listening.analysis.choices import abx, preferences, strengths

from .simulated import SYSTEMS, chosen, complete, identified


def ab(*answers):
    """A/B answers from (participant, winner, loser)."""
    rows = []
    for number, (person, winner, loser) in enumerate(answers):
        rows += [(person, f"t{number}", winner, 1.0), (person, f"t{number}", loser, 0.0)]
    frame = pd.DataFrame(rows, columns=["participant", "trial", "condition", "value"])
    return complete(frame.assign(scale="preference"), "preference")


def test_counts_intervals_and_p_of_answers():
    frame = ab(*[("ann", "x", "y")] * 6, *[("bob", "x", "y")] * 3, *[("bob", "y", "x")] * 3)
    (row,) = preferences(answers_of(frame), Choice(scale="preference")).to_dict("records")
    theirs = stats.binomtest(9, 12)
    assert (row["system"], row["other"], row["chosen"], row["count"], row["share"]) == ("x", "y", 9, 12, 0.75)
    assert row["p"] == row["p_holm"] == theirs.pvalue
    assert (row["low"], row["high"]) == tuple(theirs.proportion_ci(method="wilson"))
    exact = preferences(answers_of(frame), Choice(scale="preference", interval="clopper-pearson"))
    assert exact["low"].item() == theirs.proportion_ci(method="exact").low


def test_each_participant_counts_once_and_ties_are_left_out():
    """Ann prefers x, Bob is undecided, Cy and Di prefer y."""
    frame = ab(
        *[("ann", "x", "y")] * 6, ("bob", "x", "y"), ("bob", "y", "x"), ("cy", "y", "x"), ("di", "y", "x"), ("di", "y", "x")
    )  # fmt: skip
    (row,) = preferences(answers_of(frame), Choice(scale="preference", unit="participants")).to_dict("records")
    assert (row["system"], row["chosen"], row["count"], row["tied"]) == ("y", 2, 3, 1)
    assert row["p"] == 1.0


def test_all_pairs_are_corrected_together():
    frame = chosen()
    found = preferences(answers_of(frame), Choice(scale="preference"))
    assert len(found) == 6 and (found["count"] == 48).all()
    wide = frame.pivot_table(index=["participant", "trial"], columns="condition", values="value")
    for row in found.itertuples():
        both = wide[[row.system, row.other]].dropna()
        assert row.chosen == both[row.system].sum()
    steps = np.maximum.accumulate([(6 - n) * p for n, p in enumerate(found["p"])])
    np.testing.assert_allclose(found["p_holm"], np.minimum(1.0, steps), rtol=1e-12)


def test_strengths_fulfil_their_equations():
    """At the greatest likelihood each one's wins are those expected of its strength (Bradley & Terry 1952), to 1e-8."""
    frame, missing = strengths(answers_of(chosen()))
    assert missing == "" and frame["condition"].tolist() == list(SYSTEMS)
    wins = preferences(answers_of(chosen()), Choice(scale="preference"))
    by_name = frame.set_index("condition")
    for name in SYSTEMS:
        expected = sum(
            48 / (1 + np.exp(by_name.loc[o, "strength"] - by_name.loc[name, "strength"])) for o in SYSTEMS if o != name
        )
        assert by_name.loc[name, "chosen"] == pytest.approx(expected, abs=1e-6)
    own = (
        wins.loc[wins["system"] == "alpha", "chosen"].sum() + (48 - wins.loc[wins["other"] == "alpha", "chosen"]).sum()
    )
    assert by_name.loc["alpha", "chosen"] == own
    assert (frame["low"] < frame["strength"]).all() and (frame["strength"] < frame["high"]).all()


def test_no_finite_strength_is_said_and_the_shares_remain():
    frame = ab(("a", "x", "y"), ("a", "x", "z"), ("b", "x", "y"), ("b", "y", "z"), ("b", "z", "y"))
    shown = view_named("strengths").of(answers_of(frame))
    assert "no answer was ever given against x" in shown.notes[0]
    assert shown.frame["condition"].iloc[0] == "x" and shown.frame["strength"].isna().all()


def test_two_systems_have_no_view_of_strengths():
    assert [view.name for view in views_for(answers_of(ab(("a", "x", "y"))))] == ["preferences"]


@pytest.mark.parametrize("fault", [lambda f: f.iloc[:-1], lambda f: f.assign(value=1.0), lambda f: f.assign(value=0.0)])
def test_half_an_answer_is_refused(fault):
    with pytest.raises(CadenzaError, match=r"b, trial t1: an A/B answer is two|a, trial t0: an A/B answer is two"):
        preferences(answers_of(fault(ab(("a", "x", "y"), ("b", "x", "y")))), Choice(scale="preference"))


def test_abx_is_the_binomial_test():
    frame = identified()
    found = abx(answers_of(frame), Choice(scale="correct"))
    whole = found[found["group"] == "all"].iloc[0]
    right = int(frame["value"].sum())
    assert (whole["correct"], whole["count"]) == (right, 96)
    assert whole["p"] == stats.binomtest(right, 96, alternative="greater").pvalue
    people = found[found["group"] == "participant"].set_index("name")
    assert people.loc["p02", "correct"] == frame.loc[frame["participant"] == "p02", "value"].sum()
    least = people["p"].min()
    assert people["p_holm"].min() == pytest.approx(min(1.0, 6 * least), rel=1e-12)
    assert found[found["group"] == "X was"]["name"].tolist() == ["alpha", "beta"]
    assert "pair" not in set(found["group"])


def test_abx_of_several_systems_tells_the_pairs_from_what_x_was():
    rows = [("a", "t1", "x"), ("b", "t1", "y"), ("a", "t2", "y"), ("b", "t2", "z"), ("a", "t3", "z")]
    frame = pd.DataFrame(rows, columns=["participant", "trial", "condition"]).assign(scale="correct", value=1.0)
    found = abx(answers_of(complete(frame, "abx")), Choice(scale="correct"))
    assert found.loc[found["group"] == "pair", "name"].tolist() == ["x / y", "y / z", "z / ?"]
