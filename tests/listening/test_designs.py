"""Designs: every key is read, and every fault is said with its line."""

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening import read_design
from cadenza_core.listening.designs import MOST_TRIALS

from .made import design_text

GOOD = """\
name: panel-2026
title: "Which remix: better?"
design: mushra
seed: 7
systems:
  - {name: Demucs, system: htdemucs, gains: {vocals: 3, drums: null}}
  - {name: Louder, system: preview, preset: louder vocals}
  - name: Team A
    file: "a/{listener}_{excerpt}.flac"
    cut: true
reference: {system: reference}
excerpts:
  - {name: verse, song: demo, at: 0:02-0:17}
  - {name: chorus, song: demo, at: 20-35}
  - {name: intro, song: demo, at: 0-5, training: true}
participants: {N2: 2, N3: 1}
training: 2
loudness: -26
hear: 3.5
calibration_db_spl: 99
ceiling_db_spl: 90
comments: false
consent: |
  One.

  Two.
"""


def test_a_design_is_read_as_it_is_written():
    design = read_design(GOOD, "/somewhere")
    assert (design.name, design.title, design.kind.name, design.seed) == (
        "panel-2026",
        "Which remix: better?",
        "mushra",
        7,
    )
    demucs, louder, team = design.systems
    assert demucs.gains is not None and demucs.gains.factor("drums", "left") == 0.0
    assert demucs.gains.factor("vocals", "right") == pytest.approx(10 ** (3 / 20))
    assert (louder.preset, team.file, team.cut, team.line) == ("louder vocals", "a/{listener}_{excerpt}.flac", True, 8)
    assert design.reference is not None and design.reference.system == "reference"
    assert design.anchors == ("anchor35", "anchor70")
    assert [str(one.at) for one in design.excerpts] == ["2-17", "20-35", "0-5"]
    assert design.participants == ("N2", "N3", "N2")  # one of each in turn
    assert (design.training, design.loudness, design.hear_s, design.ceiling, design.comments) == (
        2,
        -26,
        3.5,
        90,
        False,
    )
    assert design.consent == "One.\n\nTwo."
    assert design.all_trials == 2 and design.stimuli == 3 * 6


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("design: mushra", "design: mushroom", 3, "'mushroom' is not known; panel, preference"),
        ("seed: 7", "seed: seven", 4, "a whole number from 0"),
        ("seed: 7", "seed: 7\nseed: 8", 5, "there twice"),
        ("seed: 7", "sead: 7", 4, "no such key; known are name, title"),
        ("seed: 7", "seed: [7", 5, "expected"),
        ("seed: 7", "\tseed: 7", 4, "cannot start any token"),
        ("name: panel-2026", "name: ../../etc", 1, "cannot be a test's name"),
        ("name: Demucs, ", "name: reference, ", 6, "stands for something else"),
        ("name: Louder, ", "name: Demucs, ", 6, "'Demucs' is there twice"),
        ("system: htdemucs, ", "", 6, "either 'system'"),
        ("drums: null", "drums: loud", 6, "not of the form STEM=DB"),
        ("preset: louder vocals", "gains: {vocals: 1}, preset: x", 7, "either gains or a preset"),
        ("{listener}_{excerpt}", "{listener}_{user}", 9, "only {excerpt}, {song} and {listener}"),
        ("{listener}_{excerpt}", "{excerpt.__class__}", 9, "only {excerpt}, {song} and {listener}"),
        ("0:02-0:17", "17-2", 13, "the start before the stop"),
        ("0:02-0:17", "0-90", 13, "60 s at most"),
        ("reference: {system: reference}\n", "", 1, "MUSHRA needs a 'reference'"),
        ("song: demo, at: 20-35", "song: demo, at: 20-35, query: dog", 14, "'query' belongs to the design relovl"),
        ("{N2: 2, N3: 1}", "{N2: 2, N3: -1}", 16, "from 0 to 500"),
        ("{N2: 2, N3: 1}", "{N2: 400, N3: 101}", 16, "501 participants; 500 are the most"),
        ("training: 2", "trials: 3", 17, "only 2 different trials"),
        ("hear: 3.5", "hear: 0", 19, "from 0.1 to 60"),
        ("comments: false", "comments: 3", 22, "true or false"),
        ("training: 2", "repeats: 2", 17, "only ABX"),
    ],
)
def test_a_fault_is_said_with_its_line(old, new, line, said):
    assert GOOD.count(old) == 1
    with pytest.raises(CadenzaError) as error:
        read_design(GOOD.replace(old, new), source="panel.yaml")
    assert str(error.value).startswith(f"panel.yaml, line {line}")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- 1\n- 2\n", "keys and values are wanted"),
        ("name: x\n", "'design' is missing"),
        ("a: &x 1\nb: *x\n", "refers to itself"),
        (design_text("panel", 2, 2, title="!!python/object/apply:os.system id"), "line 8, title: it cannot be read"),
        ("name: \0", "not YAML|special characters"),
        ("a: " + "[" * 5000, "line 1: lists and mappings are nested more than 20 deep"),
    ],
)
def test_what_is_no_design_is_a_sentence(text, said):
    with pytest.raises(CadenzaError, match=said):
        read_design(text)


def test_a_name_is_what_is_written():
    text = design_text("panel", 2, 2).replace("name: Sys0", "name: No").replace("name: Sys1", "name: 010")
    assert [one.name for one in read_design(text).systems] == ["No", "010"]
    with pytest.raises(CadenzaError, match="a text is wanted"):
        read_design(text.replace("name: No", "name: null"))


def test_one_stimulus_is_no_test():
    with pytest.raises(CadenzaError, match="one stimulus is no test"):
        read_design(design_text("panel", 1, 1))
    with pytest.raises(CadenzaError, match="two systems or more"):
        read_design(design_text("preference", 1, 4))
    assert read_design(design_text("mushra", 1, 1)).all_trials == 1  # with reference and anchors


def test_a_thousand_stimuli_are_shared_out_or_refused():
    with pytest.raises(CadenzaError, match=r"1,000 sounds make 1,000 trials.*'trials: 200'"):
        read_design(design_text("panel", 5, 200))
    assert read_design(design_text("panel", 5, 200, trials=20)).trials == 20
    with pytest.raises(CadenzaError, match="a multiple of 5, such as 20"):
        read_design(design_text("panel", 5, 200, trials=21))
    with pytest.raises(CadenzaError, match="15 are the most"):
        read_design(design_text("mushra", 13, 2))
    with pytest.raises(CadenzaError, match=f"to {MOST_TRIALS}"):
        read_design(design_text("panel", 5, 200, trials=1000))


def test_a_query_and_its_mixture_belong_to_what_is_extracted():
    text = design_text("relovl", 2, 2)
    assert read_design(text).excerpts[1].query == "a sound 1"
    with pytest.raises(CadenzaError, match="line 12, excerpts: each excerpt needs a 'query'"):
        read_design(text.replace(", query: a sound 0", ""))
    with pytest.raises(CadenzaError, match="'song' is wanted"):
        read_design(text.replace(", song: mixture_e0.wav", ""))
