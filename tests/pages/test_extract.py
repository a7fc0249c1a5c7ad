"""The panel "Extract by description": without a model, with one, in links, cancelled, failed."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from cadenza_core.separation.lass.prompt import Prompt
from tests.lass import clips_folder, tiny_checkpoint  # noqa: F401

from .conftest import settle
from .test_studio import button, jobs_of, texts


def lanes_of(tab: Any) -> list[str]:
    return list(tab.session_state["mix"]["demo"]["gains"])


@pytest.fixture
def with_model(home: Path, tiny_checkpoint: Path):  # noqa: F811
    """The tiny model in the studio's models folder, for one test."""
    folder = home / "models" / "lass"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (tiny_checkpoint, tiny_checkpoint.with_suffix(".json")):
        (folder / path.name).write_bytes(path.read_bytes())
    yield
    for path in folder.iterdir():
        path.unlink()


def open_panel(tab: Any) -> Any:
    tab.session_state["extract_panel"] = True
    return tab.run()


def test_without_a_model_the_panel_names_the_files_and_how_to_get_them(app):
    tab = open_panel(app(part="1-2"))
    assert not tab.exception
    words = texts(tab)
    for name in ("audiosep_base_4M_steps.ckpt", "vocab.json", "cadenza models get lass-32k", "cadenza lass train"):
        assert name in words
    assert [one.label for one in tab.button if "Get weights" in one.label] == ["Get weights (1261 MB)"] * 2


def test_a_link_brings_lanes_with_their_gains_and_the_link_holds_them(app, with_model):
    prompt = Prompt("high tone")
    tab = app(part="2-3", extract="high tone", follow="tiny", **{prompt.lane: "3", "vocals": "-2"})
    assert not tab.exception
    settle(jobs_of("Extracting")[-1])
    tab.run()
    assert not tab.exception
    assert tab.session_state["prompts"]["demo"] == [prompt]
    assert tab.session_state["mix"]["demo"]["gains"][prompt.lane]["left"] == 3.0
    query = dict(tab.query_params)
    assert query["extract"] == "high tone" and query["follow"] == "tiny"
    assert query[prompt.lane] == "3" and query["vocals"] == "-2"
    assert "high tone" in texts(open_panel(tab))


def test_a_typed_request_becomes_a_lane_and_is_removed_again(app, with_model):
    tab = open_panel(app(part="4-5"))
    next(box for box in tab.text_input if box.label == "What do you hear?").input("low tone")
    next(box for box in tab.text_input if box.label == "But not").input("hiss, high tone")
    button(tab, "Extract").click().run()
    (prompt,) = tab.session_state["prompts"]["demo"]
    assert prompt == Prompt("low tone", ("hiss", "high tone"))
    settle(jobs_of("Extracting")[-1])
    tab.run()
    assert not tab.exception
    assert tab.session_state["lanes_shown"] == ["vocals", "drums", "bass", "other", prompt.lane]
    assert "low tone, not hiss, not high tone" in texts(tab)
    next(one for one in tab.segmented_control if one.label == "The rest is").set_value(True).run()
    settle(jobs_of("Extracting")[-1])
    assert not tab.run().exception
    assert tab.session_state["lanes_shown"] == [prompt.lane, "x_rest"]
    assert tab.query_params["rest"] == "one"
    next(one for one in tab.button if one.key == "drop_prompt_0").click().run()
    assert not tab.exception
    assert "extract" not in tab.query_params


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "The description is empty"), ("x" * 10_000, "10,000 characters"), ("🎉", "knows none of the words")],
)
def test_bad_requests_are_sentences(app, with_model, text, words):
    tab = open_panel(app(part="6-7"))
    next(box for box in tab.text_input if box.label == "What do you hear?").input(text)
    button(tab, "Extract").click().run()
    if jobs := jobs_of("Extracting"):
        settle(jobs[-1])
        tab.run()
    assert not tab.exception
    assert words in texts(tab)


def test_nonsense_in_a_link_is_named_and_the_page_goes_on(app, with_model):
    tab = app(part="1-2", extract="x@9-3;" + "y" * 400, follow="no such model", rest="maybe")
    assert not tab.exception
    words = texts(tab)
    assert "The link asks to extract 'x@9-3'" in words and "400 characters" in words
