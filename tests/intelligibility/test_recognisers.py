"""Recognisers: PocketSphinx with its own model, Whisper from files in the real format, the better ear."""

import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import Audio, read_audio
from cadenza_core.errors import CadenzaError, Cancelled, WeightsMissing
from cadenza_core.intelligibility import whisper
from cadenza_core.intelligibility.recognisers import Transcript, get_recogniser, listen, recognisers, to_speech
from cadenza_core.intelligibility.words import align
from cadenza_core.separation.download import DownloadFailed

from .tiny_whisper import write_whisper

SENTENCE = "hold on to 21 things"


def noise(seconds=1.0, channels=2, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, int(16000 * seconds)))).astype(np.float32)


@pytest.fixture(autouse=True)
def no_other_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    whisper._LOADED.clear()


class Fixed:
    """A recogniser that tells how loud a channel is."""

    id = title = "fixed"

    def __init__(self, texts):
        self.texts, self.calls = texts, 0

    def identity(self):
        return {"texts": self.texts}

    def unavailable_reason(self):
        return None

    def transcribe(self, samples, progress=None):
        self.calls += 1
        return Transcript(self.texts[0 if np.std(samples) > 0.05 else 1])


def test_pocketsphinx_gets_65_percent_of_the_words_of_read_speech(shared_data, settings):
    recogniser = get_recogniser("pocketsphinx", settings)
    hits = words = 0
    for path in sorted((shared_data / "speech" / "librivox").glob("*.wav")):
        sound = read_audio(path)
        heard = recogniser.transcribe(to_speech(sound.samples[0], sound.rate))
        found = align(path.with_suffix(".txt").read_text(encoding="utf-8"), heard.text)
        hits, words = hits + found.hits, words + found.words
    assert words == 63
    assert hits / words >= 0.65


def test_pocketsphinx_hears_the_same_in_the_same_sound_whatever_came_before(settings):
    recogniser = get_recogniser("pocketsphinx", settings)
    hum = (0.3 * np.sin(2 * np.pi * 150 * np.arange(8000) / 16000) * np.sin(np.arange(8000) / 900)).astype(np.float32)
    first = recogniser.transcribe(hum)
    recogniser.transcribe(noise(0.5)[0])
    assert recogniser.transcribe(hum) == first


@pytest.mark.parametrize(
    "samples", [np.zeros(16000, np.float32), np.zeros(0, np.float32), 0.1 * np.ones(20, np.float32)]
)
def test_pocketsphinx_hears_nothing_where_nothing_is(settings, samples):
    assert get_recogniser("pocketsphinx", settings).transcribe(samples).text == ""


def test_whisper_runs_from_the_models_folder(settings):
    """The model is made for the test, in CTranslate2's own format; it says one sentence."""
    write_whisper(settings.models / "whisper-base.en", SENTENCE)
    recogniser = get_recogniser("whisper-base.en", settings)
    assert recogniser.unavailable_reason() is None
    shown = []
    heard = recogniser.transcribe(noise(2.0)[0], lambda share, text: shown.append(share))
    assert heard.text == SENTENCE
    assert heard.confidence is not None and 0.9 < heard.confidence <= 1.0
    assert shown and shown[-1] == 1.0
    assert recogniser.identity()["recogniser"] == "whisper-base.en"
    both = listen(recogniser, Audio(noise(2.0), 16000), "you hold on to twenty-one things")
    assert (both.alignments["left"].hits, both.alignments["left"].words) == (6, 8)


def test_whisper_of_the_user_s_own_and_from_the_hub_s_cache(settings, tmp_path):
    write_whisper(settings.models / "whisper-mine", "my own words")
    assert get_recogniser("whisper-mine", settings).transcribe(noise()[0]).text == "my own words"
    snapshot = tmp_path / "hub" / "models--Systran--faster-whisper-tiny.en" / "snapshots" / "abc"
    write_whisper(snapshot, "from the cache")
    assert get_recogniser("whisper-tiny.en", settings).transcribe(noise()[0]).text == "from the cache"


def test_whisper_can_be_cancelled(settings):
    write_whisper(settings.models / "whisper-base.en", SENTENCE)

    def stop(share, text):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        get_recogniser("whisper-base.en", settings).transcribe(noise()[0], stop)


def test_missing_weights_are_said_with_the_command(settings):
    recogniser = get_recogniser("whisper-small.en", settings)
    assert "cadenza lyrics weights whisper-small.en" in (recogniser.unavailable_reason() or "")
    for ask in (recogniser.identity, lambda: recogniser.transcribe(noise()[0])):
        with pytest.raises(WeightsMissing, match=r"not on this machine \(486 MB\)"):
            ask()


def test_damaged_weights_are_said(settings):
    folder = write_whisper(settings.models / "whisper-base.en", SENTENCE)
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:5000])
    with pytest.raises(CadenzaError, match="cannot be loaded as a Whisper model"):
        get_recogniser("whisper-base.en", settings).transcribe(noise()[0])


def test_an_unknown_recogniser_is_refused(settings):
    for name in ("siri", "whisper-", "whisper-../x", "whisper-huge"):
        with pytest.raises(CadenzaError, match="There is no recogniser"):
            get_recogniser(name, settings)
    assert recognisers()[0] == "pocketsphinx"
    assert "whisper-base.en" in recognisers()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A server that has the tiny model where the hub would have base.en."""
    place = tmp_path / "server" / "Systran" / "faster-whisper-base.en" / "resolve" / "main"
    write_whisper(place, SENTENCE)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "server"))

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(whisper, "_HUB", f"http://127.0.0.1:{server.server_port}")
    yield place
    server.shutdown()
    server.server_close()


def test_weights_are_downloaded_and_watched_from_then_on(settings, hub):
    folder = whisper.fetch_whisper("base.en", settings)
    assert folder == settings.models / "whisper-base.en"
    assert get_recogniser("whisper-base.en", settings).transcribe(noise()[0]).text == SENTENCE
    noted = json.loads((folder / "sha256.json").read_text())
    assert set(noted) == {"config.json", "tokenizer.json", "vocabulary.json", "model.bin"}
    whisper._LOADED.clear()
    data = bytearray((folder / "model.bin").read_bytes())
    data[-1] ^= 1
    (folder / "model.bin").write_bytes(data)
    with pytest.raises(CadenzaError, match="is not the file that was downloaded"):
        get_recogniser("whisper-base.en", settings).transcribe(noise()[0])


def test_a_download_that_fails_leaves_nothing_half(settings, hub):
    (hub / "model.bin").unlink()
    with pytest.raises(DownloadFailed):
        whisper.fetch_whisper("base.en", settings)
    assert not list(settings.models.rglob(".partial-*"))
    assert get_recogniser("whisper-base.en", settings).unavailable_reason()
    with pytest.raises(CadenzaError, match="no Whisper 'giant'"):
        whisper.fetch_whisper("giant", settings)


def test_the_better_ear_counts():
    loud_left = Audio(noise() * np.array([[1.0], [0.1]], np.float32), 16000)
    heard = listen(Fixed(["hold on", "nothing"]), loud_left, "hold on tight")
    assert (heard.better, heard.correctness) == ("left", 2 / 3)
    heard = listen(Fixed(["nothing", "hold on tight"]), loud_left, "hold on tight")
    assert (heard.better, heard.correctness) == ("right", 1.0)


def test_equal_channels_are_heard_once():
    recogniser = Fixed(["hold on", "nothing"])
    heard = listen(recogniser, Audio(np.repeat(noise(channels=1), 2, axis=0), 16000), "hold on tight")
    assert recogniser.calls == 1
    assert heard.transcripts["left"] == heard.transcripts["right"]


def test_a_lyric_without_words_is_said_before_the_work():
    recogniser = Fixed(["a", "b"])
    with pytest.raises(CadenzaError, match="has no words"):
        listen(recogniser, Audio(noise(), 16000), "#")
    assert recogniser.calls == 0


def test_speech_rate_and_level_are_kept(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(tmp_path / "tone.wav", tone, 44100, subtype="FLOAT")
    sound = read_audio(tmp_path / "tone.wav")
    speech = to_speech(sound.samples[0], sound.rate)
    assert speech.dtype == np.float32
    assert len(speech) == 16000
    assert abs(np.std(speech[2000:-2000]) - np.sqrt(0.5)) < 1e-3
