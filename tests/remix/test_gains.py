"""Gains: what is accepted, what is a sentence, and that they survive the way to another process."""

import copy
import math
import pickle

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.remix import EARS, UNITY, Gains


def test_what_is_not_named_is_unity() -> None:
    gains = Gains({("vocals", "left"): 6.0})
    assert gains.factor("vocals", "left") == pytest.approx(10 ** (6 / 20), rel=1e-15)
    assert gains.factor("vocals", "right") == 1.0
    assert not gains.is_unity
    assert UNITY.is_unity
    assert all(UNITY.factor(stem, ear) == 1.0 for stem in ("vocals", "drums", "bass", "other") for ear in EARS)


def test_parse_both_ears_one_ear_and_mute() -> None:
    gains = Gains.parse(["vocals=3", " drums.left = -6.5 ", "bass=mute", "other=-inf"])
    assert gains.decibels["vocals", "left"] == gains.decibels["vocals", "right"] == 3.0
    assert gains.decibels["drums", "left"] == -6.5
    assert gains.decibels["drums", "right"] == 0.0
    assert gains.factor("bass", "right") == gains.factor("other", "left") == 0.0


def test_the_last_one_wins_ear_by_ear() -> None:
    gains = Gains.parse(["vocals.left=9", "vocals=3", "vocals.right=-3"])
    assert gains.decibels["vocals", "left"] == 3.0
    assert gains.decibels["vocals", "right"] == -3.0


@pytest.mark.parametrize(
    "text",
    ["", "=", "vocals", "vocals=", "vocals=loud", "vocals==3", "vocals=3dB", "vocals=3,5", "vocals.=3", "vocals 3"],
)
def test_what_is_not_of_the_form_is_a_sentence(text: str) -> None:
    with pytest.raises(CadenzaError, match="not of the form STEM=DB"):
        Gains.parse([text])


@pytest.mark.parametrize("text", ["guitar=3", "Vocals=3", "=3", "vocals.middle=3", "vocals.left.right=3", ".left=3"])
def test_unknown_stems_and_ears_are_a_sentence(text: str) -> None:
    with pytest.raises(CadenzaError, match=r"vocals, drums, bass, other; left, right"):
        Gains.parse([text])


@pytest.mark.parametrize("text", ["vocals=24.1", "vocals=-60.1", "vocals=inf", "vocals=nan", "vocals=1e9"])
def test_gains_out_of_range_are_a_sentence(text: str) -> None:
    with pytest.raises(CadenzaError, match=r"-60 to 24 or -inf"):
        Gains.parse([text])


@pytest.mark.parametrize("text", ["vocals=24", "vocals=-60", "vocals=0", "vocals=-0.0"])
def test_the_limits_are_accepted(text: str) -> None:
    assert math.isfinite(Gains.parse([text]).decibels["vocals", "left"])


def test_muting_is_not_unity_and_none_in_json() -> None:
    gains = Gains.parse(["drums.right=mute"])
    assert not gains.is_unity
    assert gains.as_dict()["drums"] == {"left": 0.0, "right": None}


def test_gains_cannot_be_changed_through_what_made_them() -> None:
    source = {("vocals", "left"): 1.0}
    gains = Gains(source)
    source["vocals", "left"] = 9.0
    assert gains.decibels["vocals", "left"] == 1.0
    with pytest.raises(TypeError):
        gains.decibels["vocals", "left"] = 9.0  # type: ignore[index]


def test_gains_are_equal_and_hash_by_value_and_go_to_other_processes() -> None:
    gains = Gains.parse(["vocals=3", "bass=mute"])
    assert gains == Gains.parse(["bass=mute", "vocals.right=3", "vocals.left=3"])
    assert hash(gains) == hash(Gains.parse(["bass=mute", "vocals=3"]))
    assert gains != UNITY
    assert pickle.loads(pickle.dumps(gains)) == gains
    assert copy.deepcopy(gains) == gains
