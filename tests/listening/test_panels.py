"""Making tests: what is missing is named before anything is made, what was made is found again, and removed for good."""

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import read_audio
from cadenza_core.audio.levels import measure
from cadenza_core.catalog import find_listener
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.hearing import compensate_delay, ear_of, get_prescription
from cadenza_core.listening import read_design
from cadenza_core.listening.panels import (
    add_participants,
    find_panel,
    make_panel,
    panels_frame,
    participants_frame,
    remove_panel,
    remove_participant,
)
from cadenza_core.listening.rendering import Renderer, stimuli_folder
from cadenza_core.listening.running import Running
from cadenza_core.listening.stimuli import read_group
from cadenza_core.remix import MixSettings, Presets

from .made import answer_to, design_text, make_test, write_sounds

RATE = 44100


@pytest.fixture
def song(tmp_path, make_song_folder):
    return make_song_folder(tmp_path / "music" / "Song One", samples=2 * RATE)


def rendered(song, *systems, participants="1", at="0-1.5", **more):
    lines = "".join(f"  - {one}\n" for one in systems)
    extra = "".join(f"{key}: {value}\n" for key, value in more.items())
    text = f"name: made\ndesign: panel\nsystems:\n{lines}participants: {participants}\n{extra}excerpts:\n"
    return read_design(f"{text}  - {{name: verse, song: '{song}', at: {at}}}\n", song.parent)


def test_systems_presets_and_listeners_of_the_studio_are_heard_as_in_the_studio(settings, song, tmp_path):
    mix = MixSettings.from_mixer({"gains": {"vocals": {"left": -6.0, "right": -6.0}}})
    Presets(settings.home / "presets").save("Song One", "N4", "soft voices", mix)
    write = read_audio(song / "mixture.wav", 0, 1.5).samples
    soundfile.write(tmp_path / "music" / "N4.wav", write.T, RATE, subtype="FLOAT")
    design = rendered(
        song,
        "{name: True, system: reference, gains: {drums: -3}}",
        "{name: Preset, system: reference, preset: soft voices}",
        "{name: Mixture, system: original}",
        "{name: File, file: '{listener}.wav'}",
        participants="[N4]",
        fade=0,
    )
    renderer = Renderer(design, settings)
    renderer.check()
    sounds, _ = renderer._sounds("N4", design.excerpts[0], lambda *_: None)
    stems = {name: read_audio(song / f"{name}.wav", 0, 1.5).samples for name in ("vocals", "drums", "bass", "other")}
    listener = find_listener("N4")

    def aided(samples):
        ears = [
            compensate_delay(get_prescription("nalr").amplify(samples[row].astype(float), ear_of(listener, ear), RATE))
            for row, ear in enumerate(("left", "right"))
        ]
        return np.stack(ears)

    quieter = sum(stems.values()) + (10 ** (-3 / 20) - 1) * stems["drums"]
    np.testing.assert_allclose(sounds["True"], aided(quieter), atol=1e-5)
    softer = sum(stems.values()) + (10 ** (-6 / 20) - 1) * stems["vocals"]
    np.testing.assert_allclose(sounds["Preset"], aided(softer), atol=1e-5)
    np.testing.assert_allclose(sounds["Mixture"], aided(write), atol=1e-5)
    np.testing.assert_allclose(sounds["File"], write, atol=1e-6)  # a file is heard as it is
    key, group, _ = renderer.group("N4", "verse")
    loudness = [measure(read_audio(group.path(name)).samples, RATE).loudness for name in sounds]
    assert max(loudness) - min(loudness) < 0.1
    assert renderer.group("N4", "verse")[0] == key  # found again
    (song / "drums.wav").touch()
    assert Renderer(design, settings).group("N4", "verse")[0] != key  # a source has changed


def test_every_thing_that_is_missing_is_named_with_its_line(store, settings, song):
    design = rendered(
        song,
        "{name: A, system: demucz}",
        "{name: B, system: htdemucs}",
        "{name: C, file: 'nowhere_{excerpt}.wav'}",
        participants="[N4, N99]",
        at="1-2.5",
    )
    with pytest.raises(CadenzaError) as error:
        make_panel(store, settings, design)
    said = str(error.value)
    for part in (
        "There is no listener 'N99'",
        "line 4: there is no system 'demucz'; known are original, ",
        "line 5: ",
        "nowhere_verse.wav",
        "goes beyond the end of Song One, 2.0 s",
    ):
        assert part in said
    assert len(panels_frame(store)) == 0 and not stimuli_folder(settings).exists()


def test_a_preset_that_is_not_clear_is_refused(settings, song):
    presets = Presets(settings.home / "presets")
    design = rendered(song, "{name: A, system: reference, preset: mine}", "{name: B, system: original}")
    with pytest.raises(CadenzaError, match="no preset is named 'mine'"):
        Renderer(design, settings).group("", "verse")
    for number in (1.0, 2.0):
        mix = MixSettings.from_mixer({"gains": {"vocals": {"left": number, "right": number}}})
        presets.save("Other", f"N{number:.0f}", "mine", mix)
    with pytest.raises(CadenzaError, match="line 4, A: 2 presets named 'mine' differ"):
        Renderer(design, settings).group("", "verse")


def test_sounds_of_other_lengths_are_refused(store, settings, tmp_path):
    write_sounds(tmp_path, 2, 1)
    samples, _ = soundfile.read(tmp_path / "s1_e0.wav")
    soundfile.write(tmp_path / "s1_e0.wav", samples[:-100], RATE)
    design = read_design(design_text("preference", 2, 1), tmp_path)
    assert make_panel(store, settings, design) == ("e0: cut by up to 100 samples, to the shortest sound",)
    soundfile.write(tmp_path / "s1_e0.wav", samples[:-2000], RATE)
    other = read_design(design_text("preference", 2, 1, name="other"), tmp_path)
    with pytest.raises(CadenzaError, match=r"differ in length: Sys0 1\.00 s, Sys1 0\.95 s"):
        make_panel(store, settings, other)


def test_a_stopped_making_leaves_no_test_and_goes_on_where_it_was(store, settings, tmp_path):
    write_sounds(tmp_path, 2, 3)
    design = read_design(design_text("panel", 2, 3), tmp_path)

    def stop(done, text):
        if done > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        make_panel(store, settings, design, progress=stop)
    assert len(panels_frame(store)) == 0
    made = {path: path.stat().st_mtime_ns for path in stimuli_folder(settings).glob("test1/*/*.flac")}
    assert len(made) == 2
    make_panel(store, settings, design)
    after = {path: path.stat().st_mtime_ns for path in stimuli_folder(settings).glob("test1/*/*.flac")}
    assert len(after) == 6 and made.items() <= after.items()
    with pytest.raises(CadenzaError, match="'test1' already"):
        make_panel(store, settings, design)


def test_participants_are_random_codes_at_free_places(store, settings, tmp_path):
    make_test(store, settings, tmp_path, "panel", 2, 2, participants=3)
    people = participants_frame(store, "test1")
    assert people["participant"].str.fullmatch("[a-z2-9]{12}").all() and people["participant"].is_unique
    assert set(people["state"]) == {"not started"} and set(people["trials"]) == {4}
    running = Running(store, settings)
    code = people["participant"][1]
    state = running.open(code)
    running.answer(code, state["tab"], answer_to(state))
    assert list(participants_frame(store, "test1")["done"]) == [0, 1, 0]
    assert panels_frame(store).loc[0, ["participants", "finished", "answers"]].tolist() == [3, 0, 1]
    assert remove_participant(store, "test1", code) == 1
    with pytest.raises(CadenzaError, match="no participant"):
        remove_participant(store, "test1", code)
    (new,) = add_participants(store, settings, "test1", [""])
    assert participants_frame(store, "test1")["participant"].tolist()[1] == new  # the free place in the orders
    with pytest.raises(CadenzaError, match="There is no listening test 'nothing'; there are: test1"):
        add_participants(store, settings, "nothing", [""])
    with pytest.raises(CadenzaError, match="no listener 'N99'"):
        add_participants(store, settings, "test1", ["N99"])


def test_a_new_listener_gets_sounds_of_their_own(store, settings, song):
    design = rendered(song, "{name: A, system: reference}", "{name: B, system: original}", participants="[N2]")
    make_panel(store, settings, design)
    add_participants(store, settings, "made", ["N5"])
    groups = find_panel(store, "made").groups
    assert set(groups) == {("N2", "verse"), ("N5", "verse")} and len(set(groups.values())) == 2
    assert all(read_group(stimuli_folder(settings) / "made" / key) for key in groups.values())


def test_a_removed_test_is_gone_with_its_sounds_and_answers(store, settings, tmp_path):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    running = Running(store, settings)
    code = participants_frame(store, "test1")["participant"][0]
    state = running.open(code)
    running.answer(code, state["tab"], answer_to(state))
    remove_panel(store, settings, "test1")
    assert len(panels_frame(store)) == 0 and not list(stimuli_folder(settings).glob("test1/*"))
    with pytest.raises(CadenzaError, match="not known"):
        running.open(code)
    make_test(store, settings, tmp_path, "panel", 2, 2)  # the name is free again
