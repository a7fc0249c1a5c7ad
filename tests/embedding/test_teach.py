"""Teach by example: what is learned from a few regions, how it is corrected, and what is exported."""

import csv
import io
import json

import numpy as np
import pytest

from cadenza_core.audio import RATE, write_audio
from cadenza_core.catalog import songs_in
from cadenza_core.embedding import find_model
from cadenza_core.embedding.events import Postprocessing
from cadenza_core.embedding.store import Embeddings
from cadenza_core.embedding.teach import (
    NONE,
    Lesson,
    Region,
    Tag,
    corrected,
    events_csv,
    events_json,
    lesson_names,
    read_lesson,
    save_lesson,
    tag,
    teach,
    track_key,
)
from cadenza_core.embedding.tracks import Track
from cadenza_core.errors import CadenzaError
from cadenza_core.progress import silent

#: Start and stop (s) of the notes in each song, by kind.
SCORE = {
    "one": [("flute", 1.0, 2.5), ("drum", 3.0, 4.0), ("flute", 5.0, 6.0), ("drum", 7.0, 8.0), ("flute", 9.0, 10.0)],
    "two": [("drum", 0.5, 1.5), ("flute", 3.0, 4.5), ("drum", 6.0, 7.0), ("flute", 8.0, 9.5)],
}


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    place = tmp_path_factory.mktemp("teach")
    for number, (name, notes) in enumerate(SCORE.items()):
        random = np.random.default_rng(number)
        song = 0.002 * random.standard_normal(11 * RATE)
        for kind, start, stop in notes:
            time = np.arange(int((stop - start) * RATE)) / RATE
            tone = 0.3 * np.sin(2 * np.pi * 880 * time) if kind == "flute" else 0.2 * random.standard_normal(len(time))
            song[int(start * RATE) :][: len(time)] += tone
        write_audio(place / f"{name}.wav", np.stack([song, song]).astype(np.float32), RATE)
    songs = {song.name: Track(song) for song in songs_in(place)}
    return {track_key(name, "mixture", ""): track for name, track in songs.items()}


@pytest.fixture(scope="module")
def embeddings(warm_home):
    return Embeddings(find_model("logmel", warm_home))


REGIONS = (
    Region("one", 1.1, 2.4, "flute"),
    Region("one", 3.1, 3.9, "drum"),
    Region("one", 5.1, 5.9, "flute"),
    Region("one", 7.1, 7.9, "drum"),
    Region("one", 0.0, 0.8, NONE),
    Region("one", 8.2, 8.9, NONE),
)


@pytest.fixture(scope="module")
def taught(tracks, embeddings, warm_home):
    return teach(REGIONS, tracks, embeddings, warm_home, silent)


def test_a_few_regions_tag_another_song(taught, tracks, embeddings, warm_home):
    assert taught.labels == ("drum", "flute") and taught.right > 0.9 and not taught.notes
    assert taught.frames["flute"] > taught.frames["drum"] > 20
    found = tag(tracks[track_key("two", "mixture", "")], taught, embeddings, warm_home, Postprocessing(), silent)
    assert [one.label for one in found] == [label for label, _, _ in SCORE["two"]]
    for one, (_, start, stop) in zip(found, SCORE["two"], strict=True):
        assert abs(one.start - start) < 0.2 and abs(one.stop - stop) < 0.2
        assert 0.5 < one.confidence <= 1.0 and one.song == "two"


def test_a_correction_is_learned(tracks, embeddings, warm_home):
    wrong = [Region(r.song, r.start, r.stop, "drum" if r.label == "flute" else r.label) for r in REGIONS]
    right = [*wrong, Region("two", 3.1, 4.4, "whistle"), Region("two", 8.1, 9.4, "whistle")]
    right = [region for region in right if not (region.song == "one" and region.start in (1.1, 5.1))]
    found = tag(
        tracks[track_key("two", "mixture", "")],
        teach(right, tracks, embeddings, warm_home, silent),
        embeddings,
        warm_home,
        Postprocessing(),
        silent,
    )
    assert [one.label for one in found] == ["drum", "whistle", "drum", "whistle"]


def test_too_little_to_learn_and_regions_that_are_none_are_sentences(tracks, embeddings, warm_home):
    with pytest.raises(CadenzaError, match="nothing to tell apart: 1 label"):
        teach(REGIONS[:1], tracks, embeddings, warm_home, silent)
    with pytest.raises(CadenzaError, match="not in the library any more: 'gone'"):
        teach([*REGIONS, Region("gone", 0, 1, "x")], tracks, embeddings, warm_home, silent)
    with pytest.raises(CadenzaError, match="holds no frame"):
        teach([*REGIONS, Region("one", 60, 61, "x")], tracks, embeddings, warm_home, silent)
    for bad in ((2, 1, "x"), (-1, 1, "x"), (0, 1, " "), (0, 1, "x" * 41), (0, 1, "a\nb"), (0, float("inf"), "x")):
        with pytest.raises(CadenzaError):
            Region("one", *bad)


def test_with_one_region_each_nothing_is_kept_out_and_that_is_said(tracks, embeddings, warm_home):
    found = teach(REGIONS[:2], tracks, embeddings, warm_home, silent)
    assert np.isnan(found.right) and "nothing was kept out" in found.notes[0]


def test_another_models_space_is_refused(taught, tracks, warm_home):
    other = Embeddings(find_model("naive", warm_home))
    with pytest.raises(CadenzaError, match="teach it again"):
        tag(tracks[track_key("two", "mixture", "")], taught, other, warm_home, Postprocessing(), silent)


def test_events_are_exported_as_csv_and_as_hears_json(taught, tracks, embeddings, warm_home):
    found = tag(tracks[track_key("two", "mixture", "")], taught, embeddings, warm_home, Postprocessing(), silent)
    rows = list(csv.DictReader(io.StringIO(events_csv(found))))
    assert [(row["filename"], row["event_label"], float(row["onset"])) for row in rows] == [
        ("two", one.label, one.start) for one in found
    ]
    entries = json.loads(events_json(found))
    assert [entry["start"] for entry in entries["two"]] == pytest.approx([1000 * one.start for one in found])
    mended = corrected(found, ["whistle", NONE, *(one.label for one in found[2:])])
    rows = list(csv.DictReader(io.StringIO(events_csv(mended))))
    assert [row["event_label"] for row in rows] == ["whistle", *(one.label for one in found[2:])]
    assert [bool(row["confidence"]) for row in rows] == [False] + [True] * (len(found) - 2)


def test_a_lesson_is_kept_under_its_name(settings):
    assert lesson_names(settings) == [] and read_lesson("new", settings).regions == ()
    save_lesson(Lesson("Zoë's *lesson*", REGIONS), settings)
    assert lesson_names(settings) == ["Zoë's *lesson*"]
    assert read_lesson("Zoë's *lesson*", settings) == Lesson("Zoë's *lesson*", REGIONS)
    save_lesson(Lesson("Zoë's *lesson*", REGIONS[:1]), settings)
    assert len(read_lesson("Zoë's *lesson*", settings).regions) == 1
    with pytest.raises(CadenzaError, match="file name"):
        save_lesson(Lesson("../x", ()), settings)
    next((settings.home / "hear" / "lessons").iterdir()).write_text('{"name": "x"}')
    with pytest.raises(CadenzaError, match="cannot be read as a lesson"):
        read_lesson("Zoë's *lesson*", settings)


def test_names_in_the_table_of_events_are_no_formulas():
    text = events_csv(
        [Tag("=HYPERLINK(1)", "mixture", 0.0, 1.0, "+1", 0.5), Tag("plain", "mixture", 0.0, 1.0, "x", 0.5)]
    )
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [(row[0], row[4]) for row in rows] == [("'=HYPERLINK(1)", "'+1"), ("plain", "x")]
