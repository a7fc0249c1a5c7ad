"""Tables of answers: what counts, what is told from the rest, and each fault with its line."""

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import answers_of, read_answers
from cadenza_core.store.exporting import write_table

from .simulated import chosen, identified, rated


def test_an_exported_table_is_read_back_as_it_was(tmp_path):
    """Also names that a spreadsheet would run, which get an apostrophe in CSV."""
    frame = rated(people=2, songs=2).replace({"condition": {"alpha": "=1+1"}, "system": {"alpha": "=1+1"}})
    write_table(frame, tmp_path / "answers.csv")
    back, direct = answers_of(read_answers(tmp_path / "answers.csv")), answers_of(frame)
    assert (back.test, back.design, back.notes, back.scales) == ("sim", "panel", (), direct.scales)
    for name in ("participant", "condition", "role", "item", "scale", "value", "listener"):
        assert back.frame[name].tolist() == direct.frame[name].tolist()


def test_training_does_not_count():
    frame = rated(people=2, songs=2)
    frame.loc[frame["song"] == "Song 0", "phase"] = "training"
    answers = answers_of(frame)
    assert set(answers.frame["song"]) == {"Song 1"}
    assert answers.notes == ("48 answers of training trials do not count",)
    with pytest.raises(CadenzaError, match="Nothing was answered in sim yet"):
        answers_of(frame.assign(phase="training"), "sim")


def test_a_table_of_ones_own_needs_little_and_what_is_told_is_said(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "participant;song;condition;value\nann;A;Reference;98,5\nann;A;anchor70;40\nann;A;mine;70\nbob;A;mine;61\n"
    )
    answers = answers_of(read_answers(path))
    assert answers.design == "mushra" and answers.scales == ["quality"] and answers.frame["value"].max() == 98.5
    assert answers.frame["role"].tolist() == ["reference", "anchor", "system", "system"]
    assert answers.frame["system"].tolist() == ["", "", "mine", "mine"]
    assert "Reference, anchor70 taken as reference or anchor by the name" in answers.notes[1]
    assert len(answers.notes) == 3


@pytest.mark.parametrize(
    ("frame", "design"), [(chosen(2, 1), "preference"), (identified(2, 2), "abx"), (rated(), "panel")]
)
def test_the_design_is_told_from_the_scales(frame, design):
    assert answers_of(frame.drop(columns="design")).design == design


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("participant,condition,value\na,x,101\n", "line 2: 101 cannot be an answer on quality; 0 to 100 is wanted"),
        ("participant,condition,value\na,x,ten\n", "line 2, value: 'ten' is not a finite number"),
        ("participant,condition,value\na,x,\n", "line 2: nan is no answer"),
        ("participant,condition,value\na,x,1\na,y,2\na,x,3\n", "line 4: a has answered twice for x on quality. Answers to"),
        ("participant,condition,value\n,x,1\n", "line 2: the participant is empty"),
        ("participant,condition,value,role\na,x,1,judge\n", "line 2: the role 'judge' is none of system, reference"),
        ("participant,condition,value,scale\na,x,0.5,preference\n", "line 2: 0.5 cannot be an answer on preference; 0 or 1"),
        ("participant,condition,value,design\na,x,1,panel\na,y,1,abx\n", "one design, .* these answers have panel, abx"),
        ("participant,condition,value,design\na,x,1,abx\n", "In a test of ABX the only scale is correct"),
        ("participant,condition,value,test\na,x,1,one\na,y,1,two\n", "Say which test: one, two"),
        ("condition,value\nx,1\n", "participant is missing"),
        ("a,b\n1,2\n", "no table of answers: it has the columns a, b"),
        ("participant,condition,value\n", "has no answers, only a header"),
        ("participant,condition,value\na,x\n", "line 2: 2 cells, but the header has 3"),
    ],
)  # fmt: skip
def test_each_fault_is_said_with_its_line(tmp_path, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(CadenzaError, match=said):
        frame = read_answers(path)
        lines = frame["line"].tolist()
        answers_of(frame, "", lambda row: f"{path}, line {lines[row]}")


def test_an_unknown_test_or_scale_and_not_a_number():
    frame = rated(people=2, songs=2)
    with pytest.raises(CadenzaError, match="no answers of the test 'other'; there are sim"):
        answers_of(frame, "other")
    with pytest.raises(CadenzaError, match="scale 'loudness'; there are basic_audio_quality, clarity"):
        answers_of(frame).of("loudness")
    frame.loc[3, "value"] = np.inf
    with pytest.raises(CadenzaError, match="answer 4: inf is no answer"):
        answers_of(frame)


def test_a_scale_of_ones_own_takes_any_number():
    frame = rated(people=2, songs=2, scales=("loudness_jnd",))
    frame["value"] -= 500.0
    assert answers_of(frame).scales == ["loudness_jnd"]
