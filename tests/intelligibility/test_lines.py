"""A line on the Lyrics page: what is rendered, what is heard of it, and the prediction over the vocals' gain."""

import numpy as np
import pytest

from cadenza_core.catalog import Excerpt, find_listener, songs_in
from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.lines import (
    CURVE_GAINS,
    Curve,
    better_ear,
    line_sounds,
    rendering,
    transcribe,
    vocal_curve,
    with_vocals,
)
from cadenza_core.intelligibility.recognisers import Transcript
from cadenza_core.remix import Gains

from .test_recognisers import Fixed

LISTENER = find_listener("N3")


@pytest.fixture
def sounds(make_song_folder, settings, tmp_path):
    song = songs_in(make_song_folder(tmp_path / "song", samples=70000))[0]
    return line_sounds(song, Excerpt(0.1, 1.5), "reference", settings)


def test_the_remix_has_the_gains_and_the_mixture_has_not(sounds):
    gains = with_vocals(Gains.parse(["bass=-6"]), 6.0)
    remix = rendering(sounds, "remix", gains, LISTENER)
    expected = sum(gains.factor(name, "left") * stem for name, stem in sounds.stems.items())
    np.testing.assert_allclose(remix, expected, atol=1e-6)
    np.testing.assert_array_equal(rendering(sounds, "mixture", gains, LISTENER), sounds.mixture)


def test_the_loss_takes_away_and_amplification_gives_back(sounds):
    unaided = rendering(sounds, "mixture_loss", Gains(), LISTENER)
    aided = rendering(sounds, "mixture_loss", Gains(), LISTENER, aided=True)
    assert np.std(unaided) < 0.7 * np.std(sounds.mixture)
    assert np.std(aided) > 1.2 * np.std(unaided)


def test_everything_is_heard_with_both_ears_and_the_sounds_are_kept(sounds):
    kept = {}
    recogniser = Fixed(["hold on", "nothing"])
    heard = transcribe(sounds, recogniser, LISTENER, Gains(), names=("mixture", "remix"), keep=kept.__setitem__)
    assert set(heard) == set(kept) == {"mixture", "remix"}
    assert recogniser.calls == 4
    assert heard["mixture"]["left"].text in {"hold on", "nothing"}


def test_the_better_ear_is_told_for_a_line():
    heard = {"left": Transcript("nothing"), "right": Transcript("hold on")}
    ear, alignment = better_ear(heard, "hold on tight")
    assert (ear, alignment.hits) == ("right", 2)


def test_the_curve_rises_with_the_vocals(sounds):
    shown = []
    curve = vocal_curve(sounds, LISTENER, Gains(), progress=lambda share, text: shown.append(share))
    assert curve.gains == CURVE_GAINS
    assert list(curve.stoi) == sorted(curve.stoi)
    assert curve.percent[-1] > curve.percent[0] + 10
    assert curve.at(0.0) == pytest.approx(curve.percent[2])
    assert curve.percent[2] == pytest.approx(curve.mixture_percent, abs=1.0)  # the true stems sum to the mixture
    assert shown == sorted(shown)


def test_between_the_computed_gains_the_curve_neither_overshoots_nor_goes_on():
    curve = Curve(CURVE_GAINS, (0.2, 0.2, 0.6, 0.9, 0.9), 0.6)
    fine = [curve.at(gain) for gain in np.linspace(-12, 12, 49)]
    assert fine == sorted(fine)
    assert np.isnan(curve.at(13.0))


def test_too_long_an_excerpt_is_refused_before_the_work(make_song_folder, settings, tmp_path):
    song = songs_in(make_song_folder(tmp_path / "song", samples=44100 * 31, parts=("mixture",)))[0]
    with pytest.raises(CadenzaError, match="lasts 31 s; lines of up to 30 s"):
        line_sounds(song, Excerpt(), "preview", settings)


def test_without_true_vocals_the_separated_ones_are_compared_with_and_it_is_said(make_song_folder, settings, tmp_path):
    song = songs_in(make_song_folder(tmp_path / "song", samples=60000, parts=("mixture",)))[0]
    sounds = line_sounds(song, Excerpt(), "preview", settings)
    np.testing.assert_array_equal(sounds.vocals, sounds.stems["vocals"])
    assert any("true vocals are not there" in note for note in sounds.notes)
