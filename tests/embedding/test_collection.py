"""Points of a space: songs, excerpts and stems; neighbours, percentiles, maps; spaces that are never mixed."""

import numpy as np
import pytest

from cadenza_core.audio import RATE, write_audio
from cadenza_core.catalog import songs_in
from cadenza_core.embedding import find_model
from cadenza_core.embedding.clips import clip_sound
from cadenza_core.embedding.collection import Collection, Cut, Item, collect
from cadenza_core.embedding.compare import compare, compare_remix
from cadenza_core.embedding.maps import draw_map, methods
from cadenza_core.embedding.sections import find_timeline
from cadenza_core.embedding.store import Embeddings, given
from cadenza_core.embedding.tracks import Track, prepared, tracks_of
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.playback import playback_sounds
from cadenza_core.progress import silent
from cadenza_core.remix import Gains


def voice(kind: str, seconds: float, seed: int = 0) -> np.ndarray:
    """A recognisable sound, (2, n): what tells kinds apart is their spectrum."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    if kind == "noise":
        mono = random.standard_normal(len(time)) * 0.1
    else:
        pitch = {"low": 110.0, "mid": 523.0, "high": 2093.0}[kind] * (1 + 0.01 * random.standard_normal())
        mono = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 5)) * 0.1
        mono += 0.003 * random.standard_normal(len(time))
    return np.stack([mono, 0.8 * mono]).astype(np.float32)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Three low songs, three high ones, one with stems, one that is silent in its second half."""
    place = tmp_path_factory.mktemp("songs")
    for number in range(3):
        for kind in ("low", "high"):
            write_audio(place / f"{kind} {number}.wav", voice(kind, 6.0, number), RATE)
    stems = {"vocals": "high", "drums": "noise", "bass": "low", "other": "mid"}
    parts = {name: voice(kind, 6.0, 9) for name, kind in stems.items()}
    for name, samples in {**parts, "mixture": np.sum(list(parts.values()), axis=0)}.items():
        write_audio(place / "band" / f"{name}.wav", samples, RATE)
    half = voice("mid", 6.0, 4)
    half[:, 3 * RATE :] = 0.0
    write_audio(place / "half.wav", half, RATE)
    return {song.name: song for song in songs_in(place)}


@pytest.fixture(scope="module")
def embeddings(warm_home):
    return Embeddings(find_model("logmel", warm_home))


@pytest.fixture(scope="module")
def whole(songs, embeddings, warm_home):
    tracks, _ = tracks_of(list(songs.values()), ["mixture"])
    return collect(tracks, embeddings, Cut(None), warm_home, silent)


def name_of(collection, number):
    return collection.items[number].track.song.name


def test_what_sounds_alike_is_near(whole):
    for number, item in enumerate(whole.items):
        kind = item.track.song.name.split()[0]
        if kind in ("low", "high"):
            nearest = whole.neighbours(number, 2)
            assert {name_of(whole, one.number).split()[0] for one in nearest} == {kind}
            assert all(one.percentile > 70 for one in nearest)
            assert nearest[0].distance <= nearest[1].distance


def test_a_percentile_is_the_share_of_pairs_that_are_farther_apart(whole):
    vectors = whole.vectors.astype(np.float64)
    pairs = [np.abs(vectors[a] - vectors[b]).sum() for a in range(len(whole)) for b in range(a)]
    assert np.allclose(whole.pair_distances, np.sort(pairs), rtol=1e-6)
    for one in whole.neighbours(0, 5):
        assert one.percentile == pytest.approx(
            100 * np.mean(np.array(pairs) > one.distance + 1e-4), abs=100 / len(pairs) + 1e-9
        )
    assert whole.percentile(0.0) == 100.0 and whole.percentile(1e9) == 0.0


def test_of_many_points_pairs_are_drawn_and_the_same_ones_each_time():
    random = np.random.default_rng(0)
    items = tuple(Item(None, k, k + 1.0) for k in range(600))
    made = [Collection("s", items, random.standard_normal((600, 5)).astype(np.float32)) for _ in range(1)]
    again = Collection("s", items, made[0].vectors)
    assert np.array_equal(made[0].pair_distances, again.pair_distances)
    assert 15000 < len(again.pair_distances) <= 20000
    full = [np.abs(again.vectors[a + 1 :] - again.vectors[a]).sum(1) for a in range(599)]
    exact = 100 * np.mean(np.concatenate(full) > 4.0)
    assert again.percentile(4.0) == pytest.approx(exact, abs=1.5)


def test_pieces_of_a_song_know_their_times_and_silence_is_left_out(songs, embeddings, warm_home):
    tracks, _ = tracks_of([songs["half"], songs["low 0"]], ["mixture"])
    found = collect(tracks, embeddings, Cut(1.0), warm_home, silent)
    assert [(item.start, item.stop) for item in found.items[:3]] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert len(found) == 3 + 6 and found.silent == 3
    one = found.neighbours(0, 9, other_songs=True)
    assert {name_of(found, each.number) for each in one} == {"low 0"}
    assert {name_of(found, each.number) for each in found.neighbours(0, 2)} == {"half"}


def test_cutting_keeps_a_rest_of_half_a_piece():
    assert Cut(10.0).pieces(26.0) == [(0.0, 10.0), (10.0, 20.0), (20.0, 26.0)]
    assert Cut(10.0).pieces(24.0) == [(0.0, 10.0), (10.0, 20.0)]
    assert Cut(10.0).pieces(3.0) == Cut(None).pieces(3.0) == [(0.0, 3.0)]
    with pytest.raises(CadenzaError, match="1 to 600 s"):
        Cut(0.1)


def test_stems_are_true_ones_or_a_systems_and_missing_ones_are_said(songs, embeddings, warm_home):
    tracks, faults = tracks_of([songs["band"], songs["low 0"]], ["vocals", "drums"])
    assert [(track.song.name, track.part, track.system) for track in tracks] == [
        ("band", "vocals", ""),
        ("band", "drums", ""),
    ]
    assert faults == ["low 0 has no vocals, drums: pick a separation system to have them"]
    tracks, faults = tracks_of([songs["band"], songs["low 0"]], ["bass"], "preview")
    assert [track.system for track in tracks] == ["", "preview"] and not faults
    found = collect(tracks, embeddings, Cut(None), warm_home, silent)
    assert [item.track.part for item in found.items] == ["bass", "bass"]


def test_level_makes_no_difference_and_full_scale_is_not_exceeded():
    loud, level = prepared(voice("mid", 1.0), RATE, RATE)
    quiet, quieter = prepared(voice("mid", 1.0) * 0.01, RATE, RATE)
    assert np.allclose(loud, quiet, atol=1e-6) and level - quieter == pytest.approx(40.0, abs=1e-3)
    assert 20 * np.log10(np.sqrt(np.mean(loud**2))) == pytest.approx(-20.0, abs=0.01)
    click = np.zeros((2, RATE), np.float32)
    click[:, 5] = 0.1
    assert np.abs(prepared(click, RATE, RATE)[0]).max() == pytest.approx(1.0)
    assert not prepared(np.zeros((2, 100), np.float32), RATE, 16000)[0].any()


def test_tracks_are_embedded_once_and_anew_when_a_file_changes(songs, settings, make_module, tmp_path):
    import importlib

    counting = (
        "def get_scene_embeddings(audio, model):\n    load_model.count = getattr(load_model, 'count', 0) + len(audio)"
    )
    name = make_module("def get_scene_embeddings(audio, model):", counting)
    embeddings = Embeddings(find_model(name, settings))
    path = tmp_path / "music" / "one.wav"
    write_audio(path, voice("low", 3.0), RATE)

    def build():
        tracks, _ = tracks_of(songs_in(path), ["mixture"])
        made = collect(tracks, embeddings, Cut(1.0), settings, silent)
        return made, importlib.import_module(name).load_model.count

    first, count = build()
    assert count == 3
    again, count = build()
    assert count == 3 and np.array_equal(first.vectors, again.vectors) and first.key == again.key
    write_audio(path, voice("high", 3.0), RATE)
    changed, count = build()
    assert count == 6 and changed.key != first.key


def test_a_song_that_cannot_be_read_is_left_out_with_a_note(songs, embeddings, warm_home, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF" + b"\0" * 40)
    tracks, _ = tracks_of([*songs_in(broken), songs["low 0"]], ["mixture"])
    found = collect(tracks, embeddings, Cut(None), warm_home, silent)
    assert len(found) == 1 and "broken, mixture is left out" in found.notes[0]
    with pytest.raises(CadenzaError, match="broken"):
        collect(tracks[:1], embeddings, Cut(None), warm_home, silent)
    with pytest.raises(CadenzaError, match="nothing to embed"):
        collect([], embeddings, Cut(None), warm_home, silent)

    def stop(done, text):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        collect(tracks_of([songs["high 1"]], ["mixture"])[0], embeddings, Cut(2.0), warm_home, stop)


def test_spaces_are_never_mixed(whole, warm_home):
    other = Embeddings(find_model("naive", warm_home))
    assert other.space != whole.space
    with pytest.raises(CadenzaError, match="cannot be compared"):
        whole.check_space(other.space)
    whole.check_space(whole.space)


def test_a_map_keeps_groups_apart_and_is_kept(whole, warm_home):
    found = draw_map(whole, warm_home)
    assert found.points.shape == (len(whole), 2) and 0.5 < found.shown <= 1.0
    kinds = [item.track.song.name.split()[0] for item in whole.items]
    centres = {kind: found.points[[k == kind for k in kinds]].mean(0) for kind in ("low", "high")}
    spread = max(found.points[[k == kind for k in kinds]].std() for kind in ("low", "high"))
    assert np.linalg.norm(centres["low"] - centres["high"]) > 3 * spread
    again = draw_map(whole, warm_home)
    assert np.array_equal(found.points, again.points) and again.shown == found.shown
    with pytest.raises(CadenzaError, match="There is no map 'tsne'"):
        draw_map(whole, warm_home, "tsne")


def test_a_map_of_one_or_two_points_is_one(whole, warm_home):
    for count in (1, 2):
        part = Collection(whole.space, whole.items[:count], whole.vectors[:count])
        assert np.isfinite(draw_map(part, warm_home).points).all()
    same = Collection(whole.space, whole.items[:3], np.repeat(whole.vectors[:1], 3, axis=0))
    assert np.allclose(draw_map(same, warm_home).points, 0, atol=1e-3)


def test_umap_where_it_is_installed(whole, warm_home):
    if "umap" not in methods():
        with pytest.raises(CadenzaError, match="umap-learn"):
            draw_map(whole, warm_home, "umap")
        pytest.skip("umap-learn is not installed")
    assert np.isfinite(draw_map(whole, warm_home, "umap").points).all()


def test_a_clip_is_that_piece_of_the_song_as_it_is(songs, warm_home):
    import soundfile

    item = Item(Track(songs["band"], "vocals"), 1.0, 2.5)
    sound = clip_sound(item, warm_home)
    path = playback_sounds(warm_home).path(sound.id, "clip.flac")
    samples, rate = soundfile.read(path, dtype="float32")
    expected = songs["band"].stem("vocals")[:, RATE : int(2.5 * RATE)]
    assert rate == RATE and np.abs(samples.T - expected).max() < 1e-5
    assert clip_sound(item, warm_home).id == sound.id
    assert clip_sound(Item(Track(songs["band"]), 1.0, 2.5), warm_home).id != sound.id


def test_sections_are_found_to_a_second_and_alike_ones_share_a_letter(embeddings):
    parts = ["low", "high", "low", "noise"]
    song = np.concatenate([voice(kind, 15.0, k) for k, kind in enumerate(parts)], axis=1)
    samples, _ = prepared(song, RATE, embeddings.sample_rate)
    over_time = next(iter(embeddings.timestamps([given(samples)])))
    line = find_timeline(over_time, 60.0)
    sections = line.sections()
    assert len(sections) == 4 and all(abs(s.start - 15 * k) <= 1.0 for k, s in enumerate(sections))
    assert [section.letter for section in sections] == ["A", "B", "A", "C"]
    assert sections[-1].stop == 60.0 and 0 <= line.novelty.min() <= line.novelty.max() <= 1
    assert line.novelty[[30, 60, 90]].min() > 0.9  # nearly all of the variance there is the change


def test_one_sound_is_one_section_and_short_ones_do_not_fail(embeddings):
    for seconds in (0.3, 2.0, 20.0):
        samples, _ = prepared(voice("noise", seconds), RATE, embeddings.sample_rate)
        line = find_timeline(next(iter(embeddings.timestamps([given(samples)]))), seconds)
        assert [(s.start, s.stop, s.letter) for s in line.sections()] == [(0.0, seconds, "A")]
    with pytest.raises(CadenzaError, match="sensitivity"):
        line.sections(2.0)


def test_a_remix_is_nearer_to_its_reference_the_more_it_is_like_it(songs, embeddings, warm_home):
    song = songs["band"]
    gains = Gains({("vocals", ear): 12.0 for ear in ("left", "right")})
    from cadenza_core.catalog import WHOLE

    perfect = compare_remix(song, "reference", gains, WHOLE, embeddings, warm_home, silent)
    masked = compare_remix(song, "ideal-mask", gains, WHOLE, embeddings, warm_home, silent)
    assert perfect["remix"].distance < 1e-2 < masked["remix"].distance < masked["original"].distance
    assert len(masked["remix"].curve) == 7 and masked["remix"].times[0] == 0.5
    assert masked["remix"].space == embeddings.space
    with pytest.raises(CadenzaError, match="no true stems"):
        compare_remix(songs["low 0"], "preview", gains, WHOLE, embeddings, warm_home, silent)


def test_what_differs_at_one_time_differs_there(embeddings):
    one = voice("mid", 6.0)
    other = one.copy()
    other[:, 4 * RATE : 5 * RATE] = voice("noise", 1.0)
    found = compare(one, other, RATE, embeddings, silent)
    assert found.times[found.curve.argmax()] == 4.5
    assert found.curve[1] < 0.2 * found.curve[4]
    with pytest.raises(CadenzaError, match="one length"):
        compare(one, one[:, : 3 * RATE], RATE, embeddings, silent)
