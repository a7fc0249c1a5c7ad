"""The studio page: what is shown when, and that no fault reaches it as a traceback."""

import shutil
from typing import Any

import pytest

from .conftest import settle

pytest.importorskip("streamlit")


def texts(tab: Any) -> str:
    """All that a page says, markup characters and all."""
    kinds = ("markdown", "caption", "error", "warning", "info", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind)).replace("\\", "")


def jobs_of(text: str) -> list[Any]:
    from pages.widgets.services import services

    return [job for job in services().jobs if text in job.title]


def has_desk(tab: Any) -> bool:
    return any(group.key == "desk_panel" for group in tab.button_group)


def button(tab: Any, label: str) -> Any:
    return next(one for one in tab.button if one.label.replace("\\", "") == label)


def test_opens_on_the_demo_a_standard_listener_and_a_system_that_works(app):
    tab = app()
    assert not tab.exception
    chosen = {box.label: box.value for box in tab.selectbox}
    assert chosen == {"Song": "demo", "Listener": "N3", "Separation": "preview", "Amplification": "nalr"}
    assert tab.query_params["song"] == "demo"
    assert "Both ears: 46 dB HL on average (moderate)" in texts(tab)


def test_a_link_restores_song_excerpt_listener_system_and_gains(app):
    tab = app(song="demo", part="3-8", listener="N2-S1", system="reference", vocals="3,-2m", hear="aided")
    chosen = {box.label: box.value for box in tab.selectbox}
    assert {key: chosen[key] for key in ("Song", "Listener", "Separation")} == {
        "Song": "demo",
        "Listener": "N2-S1",
        "Separation": "reference",
    }
    assert tab.session_state["mix"]["demo"]["gains"]["vocals"] == {
        "left": 3.0,
        "right": -2.0,
        "linked": False,
        "mute": True,
        "solo": False,
    }
    assert dict(tab.query_params) == {
        "song": "demo",
        "part": "3-8",
        "listener": "N2-S1",
        "system": "reference",
        "vocals": "3,-2m",
        "hear": "aided",
    }


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"song": "<b>x</b>"}, "The song '<b>x</b>' is not here"),
        ({"part": "9-3"}, "the start before the stop"),
        ({"part": "900-901"}, "is not inside the song"),
        ({"listener": "../../etc/passwd.json:x"}, "is not here. Import"),
        ({"listener": "Nobody"}, "There is no listener 'Nobody'"),
        ({"system": "magic"}, "no separation system 'magic'"),
        ({"bass": "loud"}, "gain of bass"),
    ],
)
def test_nonsense_in_a_link_is_a_sentence_and_the_page_goes_on(app, query, words):
    tab = app(**query)
    assert not tab.exception
    assert words in texts(tab)
    assert {box.label: box.value for box in tab.selectbox}["Song"] == "demo"


def test_two_tabs_that_want_the_same_share_one_job(app, slow):
    one, two = app(system="slow", part="1-3"), app(system="slow", part="1-3")
    assert slow.started.wait(60)
    (job,) = jobs_of("0:01 to 0:03")
    assert len(job.owners) == 2
    assert "halfway" in str(one.main) or one.get("progress")
    slow.go.set()
    settle(job)
    assert slow.runs == 1
    for tab in (one, two):
        assert not tab.run().exception
        assert has_desk(tab)


def test_what_one_tab_sets_no_other_tab_has(app):
    one = app(song="demo", part="3-8", vocals="3", listener="N2")
    other = app(song="demo", part="4-9", drums="-6")
    one.run()
    gains = [tab.session_state["mix"]["demo"]["gains"] for tab in (one, other)]
    assert [(each["vocals"]["left"], each["drums"]["left"]) for each in gains] == [(3.0, 0.0), (0.0, -6.0)]
    listeners = [next(box.value for box in tab.selectbox if box.label == "Listener") for tab in (one, other)]
    assert listeners == ["N2", "N3"]
    assert one.query_params["part"] == "3-8" and other.query_params["part"] == "4-9"
    assert one.session_state["owner"] != other.session_state["owner"]


def test_a_job_survives_reruns_and_is_cancelled_by_its_tab(app, slow):
    tab = app(system="slow", part="2-4")
    assert slow.started.wait(60)
    (job,) = jobs_of("0:02 to 0:04")
    for _ in range(3):
        tab.run()
    assert jobs_of("0:02 to 0:04") == [job] and job.is_active
    button(tab, "Cancel").click().run()
    assert settle(job).state == "cancelled"
    assert "Cancelled" in texts(tab.run())
    slow.go.set()
    button(tab, "Separate").click().run()
    settle(jobs_of("0:02 to 0:04")[-1])
    assert "Cancelled" not in texts(tab.run())


def test_cancel_in_one_tab_does_not_take_the_job_from_another(app, slow):
    one, two = app(system="slow", part="5-7"), app(system="slow", part="5-7")
    assert slow.started.wait(60)
    button(one, "Cancel").click().run()
    (job,) = jobs_of("0:05 to 0:07")
    assert job.is_active and not job.stop.is_set()
    button(two, "Cancel").click().run()
    assert settle(job).state == "cancelled"


def test_the_excerpt_comes_first_and_the_rest_of_the_song_goes_on(app, slow):
    before = jobs_of("The rest")
    tab = app(system="slow", part="7-9")
    assert slow.started.wait(60)
    assert jobs_of("The rest") == before
    slow.go.set()
    settle(jobs_of("0:07 to 0:09")[0])
    slow.started.clear()
    slow.go.clear()
    tab.run()
    assert has_desk(tab)
    assert slow.started.wait(60)
    (rest,) = [job for job in jobs_of("The rest") if job not in before]
    assert rest.is_active
    slow.go.set()
    settle(rest)
    assert "The whole song (0:30) is ready too" in texts(tab.run())


def test_sounds_that_were_deleted_while_the_server_runs_are_made_anew(app, home):
    tab = app(part="16-18")
    (before,) = jobs_of("0:16 to 0:18")
    settle(before)
    assert has_desk(tab.run())
    sounds = home / "cache" / "playback"
    for sound_set in before.result.sound_sets:
        shutil.rmtree(sounds / sound_set.id)
    tab.run()
    (after,) = jobs_of("0:16 to 0:18")
    assert after is not before
    assert settle(after).state == "done"
    assert has_desk(tab.run())
    assert all((sounds / sound_set.id).is_dir() for sound_set in after.result.sound_sets)


def test_an_export_that_was_deleted_can_be_made_again(app, home):
    tab = app(part="14-15")
    settle(jobs_of("0:14 to 0:15")[-1])
    tab.session_state["desk_panel"] = "Export"
    for turn in range(2):
        tab.run()
        button(tab, "Write the mix as WAV").click().run()
        job = settle(jobs_of("Writing the mix")[-1])
        assert job.state == "done", (turn, job.error)
        tab.run()
        assert "Write the mix as WAV" not in [one.label for one in tab.button]
        shutil.rmtree(job.result.sound.parent)


def test_picking_another_system_lets_go_of_the_work(app, slow):
    tab = app(system="slow", part="8-10")
    assert slow.started.wait(60)
    next(box for box in tab.selectbox if box.label == "Separation").select("reference").run()
    assert settle(jobs_of("0:08 to 0:10")[0]).state == "cancelled"


def test_missing_weights_are_said_with_what_works_and_never_swapped(app):
    tab = app(system="htdemucs")
    words = texts(tab)
    assert "is not ready on this machine" in words
    assert any("cadenza models get htdemucs" in block.value for block in tab.code)
    assert {box.label: box.value for box in tab.selectbox}["Separation"] == "htdemucs"
    assert any(one.label.startswith("Get weights") for one in tab.button)
    next(one for one in tab.button if one.label.startswith("Preview")).click().run()
    assert {box.label: box.value for box in tab.selectbox}["Separation"] == "preview"


def test_an_error_in_a_separation_is_a_sentence(app, slow, monkeypatch):
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(slow, "separate", broken)
    tab = app(system="slow", part="11-13")
    settle(jobs_of("0:11 to 0:13")[0])
    words = texts(tab.run())
    assert "failed unexpectedly (ZeroDivisionError)" in words
    assert "Traceback" not in words and not tab.exception


def test_scores_are_of_these_gains_and_turn_stale(app):
    tab = app(part="1-3")
    settle(jobs_of("0:01 to 0:03")[-1])
    tab.run()
    button(tab, "Score this mix").click().run()
    for job in jobs_of("HAAQI") + jobs_of("Scoring"):
        settle(job)
    tab.run()
    values = {metric.label: float(metric.value) for metric in tab.metric}
    assert 0 < values["HAAQI, stems"] < values["HAAQI, remix"] <= 1
    tab.session_state["mix"]["demo"]["gains"]["vocals"]["left"] = 6.0
    tab.run()
    assert "HAAQI, remix (stale)" in [metric.label for metric in tab.metric]
    assert "Stale: a gain has moved" in texts(tab)


def test_a_new_listener_is_kept_under_a_free_name_only(app):
    from pages.widgets.services import services

    tab = app()
    tab.session_state["door_find"] = True
    tab.run()
    next(field for field in tab.text_input if field.label == "Name" and "Ana" in field.placeholder).set_value("N3")
    tab.button(key="save_listener").click().run()
    assert "is a standard audiogram" in texts(tab)
    next(field for field in tab.text_input if field.label == "Name" and "Ana" in field.placeholder).set_value(
        "Ana *2026*"
    )
    tab.button(key="save_listener").click().run()
    assert "Ana *2026*" in services().catalog(fresh=True).listeners
    assert {box.label: box.value for box in tab.selectbox}["Listener"] == "Ana *2026*"


def test_names_are_never_markup():
    from pages.widgets.messages import plain

    assert plain("<b>*x*</b> [a](http://b) `c` :red[d] $e$\n# f") == (
        r"\<b\>\*x\*\<\/b\> \[a\]\(http\:\/\/b\) \`c\` \:red\[d\] \$e\$ \# f"
    )


def test_unexpected_errors_are_told_in_a_sentence(app, monkeypatch):
    monkeypatch.setattr("cadenza_core.catalog.own.with_own", lambda settings: 1 / 0)
    from pages.widgets.messages import script_error

    said: list[str] = []
    monkeypatch.setattr("pages.widgets.messages.st.error", lambda text, **options: said.append(text))
    assert script_error(ZeroDivisionError("secret")) is True
    assert "secret" not in said[0]
