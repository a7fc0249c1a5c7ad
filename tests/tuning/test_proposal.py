"""Proposals: better than equal gains or said not to be, within their constraints, reproducible, with true reasons."""

import json
import math

import numpy as np
import pytest

from cadenza_core.audio import RATE
from cadenza_core.audio.levels import measure
from cadenza_core.catalog import standard_listeners
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality import score_remix
from cadenza_core.remix import EARS, Gains, Lane, MixSettings, mix, render
from cadenza_core.tuning import Audible, Constraints, Material, Preference, Quality, preferred_raise, propose


def shares(material: Material, gains: Gains) -> dict[str, float]:
    report = material.audibility.report(gains.decibels)
    return dict(zip(report.names, report.total.tolist(), strict=True))


def kept(material: Material, proposal, constraints: Constraints) -> bool:
    """Measured on the rendered mix, not by the search's own means."""
    listener = material.listener
    before, after = (
        measure(render(material.stems, RATE, g, listener=listener), RATE) for g in (Gains(), proposal.gains)
    )
    gains = np.array(list(proposal.gains.decibels.values()))
    steps = gains / constraints.step
    peak = constraints.true_peak
    if before.true_peak > peak:
        peak = before.true_peak + constraints.loudness_change
    return bool(
        (gains >= constraints.lowest).all()
        and (gains <= constraints.highest).all()
        and np.allclose(steps, np.round(steps))
        and abs(after.loudness - before.loudness) <= constraints.loudness_change + 0.01
        and after.true_peak <= peak + 0.01
    )


def test_a_hidden_stem_is_brought_out_within_the_constraints(material):
    constraints = Constraints()
    proposal = propose(Audible(("vocals",), 0.3), material, constraints)
    assert proposal.improved and proposal.after > proposal.before + 0.05
    assert kept(material, proposal, constraints)
    before, after = shares(material, Gains()), shares(material, proposal.gains)
    assert after["vocals"] > before["vocals"] + 0.05
    assert proposal.audible_before == pytest.approx(before) and proposal.audible_after == pytest.approx(after)
    lost = np.mean([max(0.0, before[name] - after[name]) for name in ("drums", "bass", "other")])
    assert proposal.after == pytest.approx(after["vocals"] - 0.3 * lost)
    assert proposal.gains.decibels["vocals", "left"] > proposal.gains.decibels["other", "left"]


def test_a_higher_trade_off_costs_the_others_less(material):
    free, careful = (propose(Audible(("vocals",), weight), material) for weight in (0.0, 3.0))

    def lost(proposal) -> float:
        pairs = [(proposal.audible_before[name], proposal.audible_after[name]) for name in ("drums", "bass", "other")]
        return float(np.mean([max(0.0, before - after) for before, after in pairs]))

    assert lost(free) > lost(careful) + 0.02
    assert free.audible_after["vocals"] >= careful.audible_after["vocals"]


def test_the_same_seed_gives_the_same_proposal(material):
    constraints = Constraints(linked=False, step=1.0)
    one, two = (propose(Audible(), material, constraints, seed=7) for _ in range(2))
    assert one.gains == two.gains and one.after == two.after and one.evaluations == two.evaluations
    assert [r.words for r in one.reasons] == [r.words for r in two.reasons]


def test_each_ear_may_have_its_own_gains(stems):
    listener = standard_listeners()
    ears = Material(
        "A song", type(listener["N1"])(listener["N1"].audiogram_left, listener["N6"].audiogram_right, "N1-N6"), stems
    )
    both, each = (propose(Audible(), ears, Constraints(linked=linked)) for linked in (True, False))
    assert all(both.gains.decibels[s, "left"] == both.gains.decibels[s, "right"] for s in stems)
    assert each.after >= both.after - 0.005
    assert any(each.gains.decibels[s, "left"] != each.gains.decibels[s, "right"] for s in stems)
    assert "left, " in " ".join(reason.words for reason in each.reasons)


def test_what_cannot_be_improved_is_said_and_equal_gains_are_proposed(material):
    # the true stems against the true mixture: nothing is nearer to it than itself
    proposal = propose(Quality(), material, Constraints(step=2.0, loudness_change=2.0))
    assert not proposal.improved
    assert proposal.gains.is_unity and proposal.reasons == () and proposal.before == proposal.after > 0.98
    assert "Nothing better than equal gains was found" in proposal.summary
    # raising is not allowed, and whatever else is lowered, the loudness must stay
    constraints = Constraints(highest=0.0, loudness_change=0.5)
    assert not propose(Audible(("other",)), material, constraints).improved


def test_haaqi_finds_gains_that_mend_a_poor_separation(stems, leaky, listener):
    material = Material("A song", listener, leaky, stems)
    constraints = Constraints(step=2.0, loudness_change=2.0)
    proposal = propose(Quality(), material, constraints)
    assert proposal.improved and kept(material, proposal, constraints)
    assert proposal.gains.decibels["vocals", "left"] > 0
    assert "HAAQI's terms bring" in proposal.summary
    # the value is what `score_remix` gives
    for gains, value in ((Gains(), proposal.before), (proposal.gains, proposal.after)):
        heard = render(leaky, RATE, gains, listener=listener)
        assert score_remix("A song", listener, heard, mix(stems), RATE).score == pytest.approx(value, abs=1e-4)


def test_the_lead_is_raised_by_what_was_asked_for_and_the_accompaniments_balance_is_kept(material):
    proposal = propose(Preference(("vocals",), 6.0), material)
    assert proposal.improved
    gains = {stem: proposal.gains.decibels[stem, "left"] for stem in material.names}
    assert len({gains[stem] for stem in ("drums", "bass", "other")}) == 1
    assert gains["vocals"] - gains["other"] == pytest.approx(6.0, abs=0.5)
    assert proposal.before == pytest.approx(-6.0, abs=0.01)


def test_how_much_the_lead_is_raised_follows_the_better_ear():
    listeners = standard_listeners()
    raises = [preferred_raise(listeners[name]) for name in ("N1", "N2", "N3", "N4", "N5", "N6", "N7")]
    assert raises == sorted(raises) and raises[0] < 3.0 and raises[-1] == 8.0
    uneven = type(listeners["N1"])(listeners["N7"].audiogram_left, listeners["N2"].audiogram_right, "x")
    assert preferred_raise(uneven) == preferred_raise(listeners["N2"])


def test_every_reason_says_what_is_heard_and_what_would_be_lost_without_it(material):
    proposal = propose(Audible(("vocals",), 0.3), material)
    assert [reason.stem for reason in proposal.reasons] == list(material.names)
    value = Audible(("vocals",), 0.3).prepare(material)
    now = np.array([[proposal.gains.decibels[stem, ear] for ear in EARS] for stem in material.names])
    for row, reason in enumerate(proposal.reasons):
        assert reason.gain == now[row].mean()
        shown = [f"{100 * each[reason.stem]:.0f} %" for each in (proposal.audible_before, proposal.audible_after)]
        assert " → ".join(shown) in reason.words
        without = now.copy()
        without[row] = 0.0
        if "the objective would be" in reason.words:
            assert f"would be {100 * value(without):.1f} % instead of {100 * proposal.after:.1f} %" in reason.words
            assert value(without) < proposal.after
        elif not reason.gain:
            assert "It stays as it is." in reason.words
    masked = next(reason for reason in proposal.reasons if reason.stem == "other").words
    assert "masked mostly by" in masked


def test_no_gain_is_larger_than_it_needs_to_be(material):
    proposal = propose(Preference(("vocals",), 0.5), material)
    assert max(abs(gain) for gain in proposal.gains.decibels.values()) <= 1.0


def test_the_search_is_cancelled_by_its_progress_and_shows_how_far_it_is(material, cancel_after):
    with pytest.raises(Cancelled):
        propose(Audible(), material, progress=cancel_after(10))
    shown: list[float] = []
    propose(Preference(), material, progress=lambda done, text: shown.append(done))
    assert shown[-1] > 0.9


def test_a_proposal_is_a_preset_like_any_other(material, tmp_path):
    from cadenza_core.remix import Presets

    proposal = propose(Preference(("vocals",), 4.0), material)
    now = MixSettings({"vocals": Lane(-3, -3, mute=True)}, master_db=-2.0, hear="aided")
    settings = proposal.settings(now)
    assert settings.gains == proposal.gains
    assert (settings.master_db, settings.hear) == (-2.0, "aided")
    presets = Presets(tmp_path)
    presets.save("song", "N4", "Proposed", settings, proposal.description)
    (saved,) = presets.all("song", "N4")
    assert saved.settings.gains == proposal.gains
    assert "lead-to-accompaniment ratio" in saved.description and "loudness within 1 LU" in saved.description


def test_a_proposal_is_plain_json(material):
    text = json.dumps(
        propose(Audible(), material, Constraints(step=2.0, loudness_change=2.0)).as_dict(), allow_nan=False
    )
    assert set(json.loads(text)["gains_db"]) == {"vocals", "drums", "bass", "other"}


def test_a_silent_stem_has_no_gain_and_a_silent_excerpt_no_proposal(stems, listener):
    quiet = Material("A song", listener, {**stems, "drums": 0 * stems["drums"]})
    assert quiet.names == ("vocals", "bass", "other")
    proposal = propose(Audible(), quiet)
    assert proposal.gains.decibels["drums", "left"] == 0.0
    with pytest.raises(CadenzaError, match="no sound of drums"):
        propose(Audible(("drums",)), quiet)
    with pytest.raises(CadenzaError, match="must be heard in the excerpt"):
        propose(Preference(("drums",)), quiet)
    with pytest.raises(CadenzaError, match="is silent; there is nothing to remix"):
        Material("A song", listener, {name: 0 * samples for name, samples in stems.items()})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Audible(()), "heard are none"),
        (lambda: Audible(("vocals", "flute")), "heard are vocals, flute; one or more of vocals"),
        (lambda: Audible(("vocals", "vocals")), "once each"),
        (lambda: Audible(trade_off=-1.0), "trade-off is -1"),
        (lambda: Audible(trade_off=math.nan), "trade-off is nan"),
        (lambda: Preference(raise_db=0.0), "0.5 to 20 dB is accepted"),
        (lambda: Preference(("kazoo",)), "lead's stems are kazoo"),
    ],
)
def test_objectives_that_make_no_sense_are_refused_in_words(make, words):
    with pytest.raises(CadenzaError, match=words):
        make()


def test_haaqi_needs_true_stems_amplification_and_a_reference_that_sounds(stems, listener):
    with pytest.raises(CadenzaError, match="this song has none"):
        propose(Quality(), Material("A song", listener, stems))
    with pytest.raises(CadenzaError, match="scores an amplified remix"):
        propose(Quality(), Material("A song", listener, stems, stems, prescription=None))
    muted = Gains({(stem, ear): -math.inf for stem in stems for ear in EARS})
    with pytest.raises(CadenzaError, match="silent in one ear"):
        propose(Quality(muted), Material("A song", listener, stems, stems))


def test_a_compressor_and_a_long_excerpt_are_refused_in_words(stems, listener):
    with pytest.raises(CadenzaError, match="follows the level"):
        Material("A song", listener, stems, prescription="camfit-compressor")
    long = {"vocals": np.ones((2, 121 * RATE), np.float32)}
    with pytest.raises(CadenzaError, match="up to 120 s"):
        Material("A song", listener, long)
