"""What a sentence extracts, in a listening test: sounds that the studio's own models make of the excerpt's description."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import read_audio
from cadenza_core.catalog import WHOLE, find_song
from cadenza_core.errors import CadenzaError
from cadenza_core.listening import read_design
from cadenza_core.listening.rendering import MIXTURE, Renderer
from cadenza_core.remix import Lane, MixSettings, Presets
from cadenza_core.separation.lass.models import find_model
from cadenza_core.separation.lass.prompt import Prompt
from cadenza_core.separation.lass.stored import TARGET, stored_extraction
from cadenza_core.settings import Settings
from tests.lass import clips_folder, sound, tiny_checkpoint, with_tiny  # noqa: F401

RATE = 44100
HEAD = "name: described\ndesign: {kind}\nseed: 1\nparticipants: 1\ntraining: 0\nsystems:\n"


def design(folder: Path, *systems: str, kind: str = "relovl", query: str = ", query: high tone") -> str:
    """Write the mixture, and give a test of it."""
    tones = sound(1500, 1.0, 0, RATE) + sound(200, 1.0, 1, RATE)
    soundfile.write(folder / "mix.wav", np.stack([tones, tones], axis=1), RATE)
    lines = "".join(f"  - {{name: Sys{number}, {one}}}\n" for number, one in enumerate(systems))
    return HEAD.format(kind=kind) + lines + f"excerpts:\n  - {{name: one, song: mix.wav{query}}}\n"


def test_a_model_makes_the_sound_that_the_description_asks_for(with_tiny: Settings, tmp_path: Path):  # noqa: F811
    renderer = Renderer(read_design(design(tmp_path, "system: tiny", "system: original"), tmp_path), with_tiny)
    renderer.check()
    _, group, notes = renderer.group("", "one")
    song = find_song(str(tmp_path / "mix.wav"), with_tiny)
    model = find_model("tiny", with_tiny)
    target = stored_extraction(song, model, Prompt("high tone"), with_tiny, WHOLE).sounds()[TARGET]
    heard = read_audio(group.path("Sys0")).samples
    inner = slice(RATE // 4, -RATE // 4)  # between the fades
    assert np.corrcoef(heard[0, inner], target[0, inner])[0, 1] > 0.9999
    mixture, original = (read_audio(group.path(name)).samples for name in (MIXTURE, "Sys1"))
    assert np.corrcoef(heard[0, inner], mixture[0, inner])[0, 1] < 0.999 < np.corrcoef(mixture[0], original[0])[0, 1]
    assert any("hears up to 4 kHz" in note for note in notes)


@pytest.mark.parametrize(
    ("kind", "query", "system", "words"),
    [
        ("relovl", ", query: high tone", "system: nothing", "known are original, .*tiny"),
        ("relovl", ", query: high tone", "system: lass-32k", r"audiosep_base_4M_steps\.ckpt"),
        ("relovl", ", query: high tone", "system: tiny, gains: {vocals: 3}", "takes no gains and no preset"),
        ("relovl", f", query: {'x' * 400}", "system: tiny", "400 characters"),
        ("preference", "", "system: tiny", "there is no system 'tiny'"),
    ],
)
def test_what_cannot_be_extracted_is_said_before_the_work(with_tiny, tmp_path, kind, query, system, words):  # noqa: F811
    text = design(tmp_path, system, "system: original", kind=kind, query=query)
    with pytest.raises(CadenzaError, match=words):
        Renderer(read_design(text, tmp_path), with_tiny).check()


def test_a_preset_with_an_extracted_lane_is_not_heard_without_it(settings: Settings, tmp_path: Path):
    text = design(tmp_path, "system: preview, preset: crowd off", "system: original", kind="preference", query="")
    song = find_song(str(tmp_path / "mix.wav"), settings)
    mix = MixSettings({"vocals": Lane(3.0, 3.0), Prompt("crowd").lane: Lane(-6.0, -6.0)})
    Presets(settings.home / "presets").save(song.id, "", "crowd off", mix)
    with pytest.raises(CadenzaError, match="also sets what was extracted by description"):
        Renderer(read_design(text, tmp_path), settings).group("", "one")
