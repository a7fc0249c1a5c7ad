"""A test that runs: ten people and twenty trials are all stored; nothing forged, repeated or out of order is."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.answers import COLUMNS, answers_frame, export_answers
from cadenza_core.listening.checking import trial_id
from cadenza_core.listening.panels import find_panel, participants_frame, plan, remove_participant
from cadenza_core.listening.refusal import Refused
from cadenza_core.listening.running import Running
from cadenza_core.store import schema

from .made import answer_to, make_test


@pytest.fixture
def running(store, settings):
    return Running(store, settings)


def codes(store):
    return participants_frame(store, "test1")["participant"].tolist()


def whole(running, code, *, taste=lambda *_: 50.0):
    """Answer all trials of a participant, blind: what is answered hangs on the sound's address only."""
    state = running.open(code)
    tab = state["tab"]
    while state["trial"]:
        state = running.answer(code, tab, answer_to(state, taste(code, state)), "Browser/1.0")
    return state


def test_ten_people_with_twenty_trials_are_all_stored_at_once(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 5, 4, participants=10, seconds=0.6)
    everyone = codes(store)
    people = [
        threading.Thread(target=whole, args=(running, code), kwargs={"taste": lambda c, s: float(s["trial"]["number"])})
        for code in everyone
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    frame = answers_frame(store, "test1")
    assert tuple(frame) == COLUMNS
    assert len(frame) == 10 * 20 * 6 and not frame.duplicated(["participant", "trial", "condition", "scale"]).any()
    assert set(participants_frame(store, "test1")["state"]) == {"finished"}
    assert (frame["value"] == frame["number"]).all()
    assert (frame.groupby("participant")["number"].nunique() == 20).all()
    assert frame.groupby("trial")["participant"].nunique().eq(10).all()  # the same trials for everybody
    # by hand: the mean of a system is the mean of the numbers at which it came
    panel = find_panel(store, "test1")
    places = {name: [] for name in ("Sys0", "Sys1", "Sys2", "Sys3", "Sys4")}
    for place in range(10):
        for trial in plan(panel, place):
            places[trial.conditions[0]].append(trial.number)
    clarity = frame[frame["scale"] == "clarity"].groupby("condition")["value"].mean()
    assert clarity.to_dict() == {name: np.mean(numbers) for name, numbers in places.items()}
    assert np.abs(clarity - 10.5).max() <= 0.05 * 20
    row = frame.iloc[0]
    assert (row["design"], row["role"], row["system"], row["phase"]) == ("panel", "system", row["condition"], "main")
    assert (row["plays"], row["switches"], row["seconds"], row["output_rate"]) == (1, 1, 4.5, 48000)
    assert (row["browser"], row["seed"], row["listener"], row["query"]) == ("Browser/1.0", 11, "", "")
    assert pd.Timestamp(row["answered"]).tz is not None


@pytest.mark.parametrize("kind", ["preference", "abx", "mushra", "relovl"])
def test_every_kind_gives_its_rows(store, settings, tmp_path, running, kind):
    make_test(store, settings, tmp_path, kind, 2, 2, training=1)
    for code in codes(store):
        whole(running, code)
    frame = answers_frame(store, "test1")
    assert frame[frame["phase"] == "training"]["number"].eq(1).all() and (frame["phase"] == "training").any()
    main = frame[frame["phase"] == "main"]
    panel = find_panel(store, "test1")
    if kind == "preference":
        assert (
            main["scale"].eq("preference").all() and main.groupby(["participant", "trial"])["value"].sum().eq(1).all()
        )
        shown = {trial.excerpt: trial.conditions[0] for trial in plan(panel, 0) if trial.phase == "main"}
        chosen = main[(main["participant"] == codes(store)[0]) & (main["value"] == 1)]
        assert dict(zip(chosen["excerpt"], chosen["condition"], strict=True)) == shown  # A was preferred each time
    elif kind == "abx":
        assert len(main) == 2 * 2 and set(main["scale"]) == {"correct"}
        for trial in (one for one in plan(panel, 0) if one.phase == "main"):
            row = main[(main["participant"] == codes(store)[0]) & (main["excerpt"] == trial.excerpt)].iloc[0]
            assert row["condition"] == trial.conditions[trial.x] and row["value"] == float(trial.x == 0)
    elif kind == "mushra":
        assert set(main["condition"]) == {"Sys0", "Sys1", "reference", "anchor35", "anchor70"}
        assert set(zip(main["role"], main["system"], strict=True)) == {
            ("system", "Sys0"),
            ("system", "Sys1"),
            ("reference", ""),
            ("anchor", ""),
        }
    else:
        assert set(main["scale"]) == {"relevance", "overall"} and main["query"].str.startswith("a sound").all()
        assert len(main) == 2 * 4 * 2 and set(main["song"]) == {"mixture_e0", "mixture_e1"}


def changed(answer, **more):
    return {**answer, **more}


def test_what_cannot_be_an_answer_is_refused_and_stores_nothing(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    code = codes(store)[0]
    state = running.open(code)
    good = answer_to(state)
    scales = good["ratings"]["1"]
    log = good["log"]
    bad = {
        "forged trial": (404, changed(good, trial="0" * 12)),
        "another trial's number": (404, changed(good, number=2)),
        "no number": (404, changed(good, number=True)),
        "far trial": (404, changed(good, number=10**9)),
        "too high": (422, changed(good, ratings={"1": {**scales, "clarity": 100.5}})),
        "too low": (422, changed(good, ratings={"1": {**scales, "clarity": -1}})),
        "not a number": (422, changed(good, ratings={"1": {**scales, "clarity": float("nan")}})),
        "a word": (422, changed(good, ratings={"1": {**scales, "clarity": "50"}})),
        "true": (422, changed(good, ratings={"1": {**scales, "clarity": True}})),
        "a scale missing": (422, changed(good, ratings={"1": {"clarity": 3}})),
        "a scale too many": (422, changed(good, ratings={"1": {**scales, "sweetness": 3}})),
        "a sound too many": (422, changed(good, ratings={"1": scales, "2": scales})),
        "none": (422, changed(good, ratings=None)),
        "not heard": (422, changed(good, log={**log, "heard_s": {}})),
        "heard half": (422, changed(good, log={**log, "heard_s": {"1": 0.5}})),
        "heard others": (422, changed(good, log={**log, "heard_s": {"1": 9, "7": 9}})),
        "no log": (422, changed(good, log=None)),
        "odd switches": (422, changed(good, log={**log, "switches": [{"from": "1", "to": "Sys0"}]})),
        "many switches": (422, changed(good, log={**log, "switches": [{}] * 30_000})),
        "long comment": (422, changed(good, comment="x" * 2001)),
        "no time": (422, changed(good, seconds=None)),
        "no rate": (422, changed(good, output_rate=-1)),
    }
    for what, (status, answer) in bad.items():
        with pytest.raises(Refused) as error:
            running.answer(code, state["tab"], answer)
        assert error.value.status == status, what
        assert "Sys" not in str(error.value).replace("'Sys0'", "")
    with pytest.raises(Refused, match="not known") as error:
        running.answer("forgedforged", state["tab"], good)
    assert error.value.status == 404
    assert len(answers_frame(store, "test1")) == 0 and len(store.table(schema.TrialAnswer)) == 0


def test_an_answer_counts_once_and_in_order(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    code = codes(store)[0]
    first = running.open(code)
    answer = answer_to(first)
    second = running.answer(code, first["tab"], answer)
    assert second["done"] == 1 and second["trial"]["number"] == 2
    assert running.answer(code, first["tab"], answer)["done"] == 1  # sent again: acknowledged again
    with pytest.raises(Refused, match="first answer stays") as error:
        running.answer(code, first["tab"], answer_to(first, 60.0))
    assert error.value.reason == "answered"
    third = plan(find_panel(store, "test1"), 0)[2]
    ahead = changed(answer_to(second), number=3, trial=trial_id(find_panel(store, "test1"), third))
    with pytest.raises(Refused) as error:
        running.answer(code, first["tab"], ahead)
    assert (error.value.status, error.value.reason) == (409, "order")
    assert len(answers_frame(store, "test1")) == 6


def test_only_the_last_opened_tab_may_answer(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    code, other = codes(store)
    old = running.open(code)
    new = running.open(code)
    for tab in (old["tab"], "", "forged", running.open(other)["tab"]):
        with pytest.raises(Refused) as error:
            running.answer(code, tab, answer_to(old))
        assert error.value.reason == "tab"
        with pytest.raises(Refused):
            running.step(code, tab, "consent", {})
    assert running.answer(code, new["tab"], answer_to(new))["done"] == 1


def test_steps_are_kept_and_checked(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 2, 2, ceiling_db_spl=85, calibration_db_spl=95)
    code = codes(store)[0]
    state = running.open(code)
    tab = state["tab"]
    assert state["steps"] == {} and state["highest_db"] == -10.0
    running.step(code, tab, "consent", {})
    running.step(code, tab, "level", {"db": -14})
    state = running.step(code, tab, "headphones", {"sides": True, "right": 5})
    assert set(state["steps"]) == {"consent", "level", "headphones"} and state["steps"]["level"]["db"] == -14
    row = participants_frame(store, "test1").iloc[0]
    assert (row["level_db"], row["headphones"], row["state"]) == (-14, 5, "under way")
    for name, content in {
        "level": {"db": 1},
        "headphones": {"sides": "yes", "right": 5},
        "dance": {},
    }.items():
        with pytest.raises(Refused):
            running.step(code, tab, name, content)


def test_what_the_browser_is_told_names_no_system(store, settings, tmp_path, running):
    for kind in ("mushra", "relovl"):
        folder = tmp_path / kind
        make_test(store, settings, folder, kind, 2, 2, name=f"of-{kind}")
        code, other = participants_frame(store, f"of-{kind}")["participant"]
        state = running.open(code)
        said = json.dumps(state)
        assert not any(word in said for word in ("Sys0", "Sys1", "anchor", str(settings.home), '"role"', "seed"))
        sounds = state["trial"]["sounds"]
        assert len({sound["url"] for sound in sounds}) == len(sounds)
        sizes = set()
        for sound in sounds:
            _, _, person, number, place, mac = sound["url"].split("/")
            path = running.sound(person, int(number), place, mac)
            sizes.add(path.stat().st_size)
            assert running.sound(other, int(number), place, mac) is None  # another participant's address
            assert running.sound(person, int(number) + 1, place, mac) is None
            assert running.sound(person, int(number), place, mac[::-1]) is None
            assert running.sound("nobody", int(number), place, mac) is None
        assert len(sizes) == 1


def test_a_lost_sound_is_said_and_nothing_is_stored(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    code = codes(store)[0]
    state = running.open(code)
    for path in (settings.home / "listening").rglob("*.flac"):
        path.unlink()
    with pytest.raises(Refused) as error:
        running.answer(code, state["tab"], answer_to(state))
    assert error.value.reason == "gone" and len(store.table(schema.TrialAnswer)) == 0


def test_the_export_is_whole_and_tidy_and_forgets_who_was_removed(store, settings, tmp_path, running):
    make_test(store, settings, tmp_path, "mushra", 2, 2)
    everyone = codes(store)
    for code in everyone:
        state = running.open(code)
        answer = changed(answer_to(state, 33.5), comment='=SUM(A1) "quoted", and\nmore \x1b[2J')
        running.answer(code, state["tab"], answer)
    remove_participant(store, "test1", everyone[0])
    frame = answers_frame(store, "test1")
    assert set(frame["participant"]) == {everyone[1]} and len(frame) == 5
    assert frame["comment"].eq('=SUM(A1) "quoted", and\nmore [2J').all()
    export_answers(store, "test1", tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_bytes().decode()
    assert "'=SUM(A1)" in text and everyone[0] not in text  # a spreadsheet must not run it
    back = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert list(back) == list(COLUMNS) and back["value"].eq(33.5).all()
    with pytest.raises(CadenzaError, match="no listening test 'none'"):
        export_answers(store, "none", tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
