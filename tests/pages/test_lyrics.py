"""The pages Lyrics and Compare predictions: what is shown when, and that no fault reaches them as a traceback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadenza_core.intelligibility import lines
from cadenza_core.intelligibility.clips import Clip
from cadenza_core.intelligibility.recognisers import Transcript
from cadenza_core.intelligibility.words import align

from .conftest import ROOT, settle
from .test_studio import button, texts

pytest.importorskip("streamlit")


class Parrot:
    """A recogniser that always hears the same words."""

    id, title = "parrot", "Parrot"

    def identity(self) -> dict[str, Any]:
        return {"recogniser": self.id}

    def unavailable_reason(self) -> None:
        return None

    def transcribe(self, samples: np.ndarray, progress: Any = None) -> Transcript:
        return Transcript("we hold on tight <b>now</b>")


@pytest.fixture
def lyrics(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that opens the page in a new tab, on half a second of the demo song; its curve has three points."""
    from streamlit.testing.v1 import AppTest

    import pages.widgets.lyrics as page
    from pages.widgets.services import services

    real = page.get_recogniser
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(lines, "CURVE_GAINS", (-12.0, 0.0, 12.0))
    monkeypatch.setattr(page, "recognisers", lambda: ["parrot", "whisper-base.en"])
    monkeypatch.setattr(page, "get_recogniser", lambda name, s: Parrot() if name == "parrot" else real(name, s))

    def open_tab(part: str = "3-3.5") -> AppTest:
        tab = AppTest.from_file(str(ROOT / "pages" / "lyrics.py"), default_timeout=120)
        tab.query_params["part"] = part
        return tab.run()

    settle(services().warm_up())
    yield open_tab


def html(tab: Any) -> str:
    return "\n".join(element.proto.body for element in tab.get("html"))


def lyric_line(tab: Any) -> Any:
    return next(box for box in tab.text_input if box.label == "Lyric line")


def ours() -> list[Any]:
    from pages.widgets.services import services

    return [job for job in services().jobs if job.key.startswith("lyrics-")]


def test_it_opens_with_an_explanation_and_does_nothing_unasked(lyrics):
    tab = lyrics()
    assert not tab.exception
    assert "**Listen** lets the recogniser hear this excerpt four times" in texts(tab)
    assert ours() == []


def test_listen_marks_the_words_and_predicts_over_the_gain(lyrics):
    tab = lyrics()
    lyric_line(tab).set_value("You hold on tight!").run()
    button(tab, "Listen").click().run()
    for job in ours():
        assert settle(job).state == "done", job.error
    tab.run()
    assert not tab.exception
    shown = html(tab)
    assert shown.count('<span class="hit"') == 4 * 3 + 1  # and one in the legend
    assert '<span class="wrong" title="wrong"><s>you</s> we</span>' in shown
    assert "<b>" not in shown
    assert shown.count("<audio") == 4
    assert texts(tab).count("3 of 4 words") == 4
    metrics = {one.label: one.value for one in tab.metric}
    assert set(metrics) == {"Remix, vocals +0.0 dB", "Mixture as it is"}
    before = len(ours())
    next(one for one in tab.slider if one.label == "Vocals in the remix").set_value(6.0).run()
    assert any(one.label == "Remix, vocals +6.0 dB" for one in tab.metric)
    assert len(ours()) == before + 1  # the remix is heard anew; mixture and curve are not
    for job in ours():
        settle(job)


def test_a_line_without_words_is_a_sentence(lyrics):
    tab = lyrics()
    lyric_line(tab).set_value("...").run()
    button(tab, "Listen").click().run()
    for job in ours():
        settle(job)
    tab.run()
    assert not tab.exception
    assert "has no words to be recognised" in texts(tab)


def test_missing_weights_are_said_and_fetched_only_when_asked(lyrics):
    tab = lyrics()
    tab.selectbox(key="lyric_recogniser").select("whisper-base.en").run()
    assert not tab.exception
    assert "Whisper base.en is not ready on this machine" in texts(tab)
    assert button(tab, "Get weights (148 MB)")
    assert "cadenza lyrics weights whisper-base.en" in tab.code[0].value


def test_what_was_heard_is_never_markup():
    from pages.widgets.heard import marked

    shown = marked(align("<script>alert(1)</script> now", "<i>now</i> & <u>then</u>"))
    assert "<script" not in shown and "<i>" not in shown and "<u>" not in shown


@pytest.fixture
def truth() -> list[Clip]:
    rng = np.random.default_rng(0)
    names = ("No Loss", "Mild", "Moderate")
    return [Clip(f"s{n}", str(n // 6), "a b", names[n % 3], None, float(rng.integers(0, 9)) / 8) for n in range(60)]


@pytest.fixture
def predictions(home: Path) -> Any:
    from streamlit.testing.v1 import AppTest

    def open_tab(truth: list[Clip] | None, files: dict[str, str]) -> AppTest:
        tab = AppTest.from_file(str(ROOT / "pages" / "predictions.py"), default_timeout=60)
        tab.session_state["prediction_files"] = {"truth": truth, "name": "t", "texts": files, "faults": {}, "number": 0}
        return tab.run()

    return open_tab


def table(truth: list[Clip], value: float | str) -> str:
    return "\n".join(["signal_id,intelligibility_score", *(f"{clip.signal},{value}" for clip in truth)])


def test_without_files_the_page_tells_what_it_wants(predictions):
    tab = predictions(None, {})
    assert not tab.exception
    assert "Upload the **metadata** of a split" in texts(tab)


def test_files_are_ranked_drawn_and_faults_named(predictions, truth):
    files = {
        "middle.csv": table(truth, 50),
        "low.csv": table(truth, 0.05),
        "bad.csv": table(truth, "high"),
        "part.csv": table(truth[:30], 40),
    }
    tab = predictions(truth, files)
    assert not tab.exception
    shown = texts(tab)
    assert "bad.csv, line 2, s0: the score 'high' is not a number" in shown
    assert "low.csv: the scores lie in 0 to 1" in shown
    assert "part.csv: 30 of 60 signals are missing" in shown
    ranked = tab.dataframe[0].value
    assert sorted(ranked["Predictions"]) == ["low.csv", "middle.csv", "part.csv (incomplete)"]
    assert list(ranked["RMSE"]) == sorted(ranked["RMSE"])
    assert len(tab.get("plotly_chart")) == 4
    tab.selectbox(key="prediction_beside").select("eval").run()
    assert not tab.exception
    assert "published: T045 *" in list(tab.dataframe[0].value["Predictions"])
    tab.selectbox(key="prediction_scale").select("fraction").run()
    assert "middle.csv holds scores up to 50" in texts(tab)
