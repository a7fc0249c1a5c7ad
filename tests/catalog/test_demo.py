import itertools

import numpy as np
import pyloudnorm
import pytest
import soundfile as sf
from scipy import signal

from cadenza_core.audio.signal import RATE, STEMS, Stems
from cadenza_core.catalog import demo, demo_instruments
from cadenza_core.catalog.demo_voice import VOWELS, SungNote, sing


@pytest.fixture(scope="module")
def song() -> Stems:
    return demo.render_demo()


def cut(samples: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Mono sum of `samples` between two beats of the song."""
    return samples[:, round(demo.at(start) * RATE) : round(demo.at(stop) * RATE)].mean(axis=0).astype(float)


def decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-20))


def pitch_contour(tone: np.ndarray, frequency: float) -> np.ndarray:
    """Frequency of the fundamental near `frequency` over time, in cents, its first and last 0.1 s cut off."""
    band = (frequency * 2 ** (-5 / 12), frequency * 2 ** (5 / 12))
    filtered = signal.sosfiltfilt(signal.butter(3, band, "bandpass", fs=RATE, output="sos"), tone)
    phase = np.unwrap(np.angle(signal.hilbert(filtered)))
    contour = signal.decimate(np.diff(phase) * RATE / (2 * np.pi), 10, ftype="fir")
    contour = signal.decimate(contour, 10, ftype="fir")[44:-44]
    return 1200 * np.log2(contour / frequency)


@pytest.mark.slow
def test_two_renders_are_bit_identical(song):
    again = demo.render_demo()
    for name in STEMS:
        assert song[name].tobytes() == again[name].tobytes(), name


def test_it_is_thirty_seconds_of_the_four_stems_at_the_studios_rate(song):
    assert tuple(song) == STEMS
    assert song.rate == RATE
    assert song.length == 30 * RATE
    assert all(stem.shape == (2, song.length) and stem.dtype == np.float32 for stem in song.values())


def test_every_stem_sounds_and_no_two_are_alike(song):
    for name, stem in song.items():
        assert -30 < decibels(stem) < -18, name
    for one, two in itertools.combinations(STEMS, 2):
        assert abs(np.corrcoef(song[one].mean(axis=0), song[two].mean(axis=0))[0, 1]) < 0.15, (one, two)


def test_the_sum_peaks_at_minus_one_decibel_and_never_clips(song):
    peak = 20 * np.log10(np.abs(song.mixture()).max())
    assert -1.1 < peak < -0.99


def test_the_mixture_is_as_loud_as_a_pop_record_and_the_voice_leads(song):
    loudness = {name: pyloudnorm.Meter(RATE).integrated_loudness(stem.T) for name, stem in song.items()}
    assert pyloudnorm.Meter(RATE).integrated_loudness(song.mixture().T) == pytest.approx(-16, abs=2)
    assert loudness["vocals"] > max(loudness.values()) - 1
    assert all(loudness["vocals"] > loudness[name] + 1 for name in ("bass", "other"))


def test_no_octave_of_the_mixture_is_far_from_a_pop_records(song):
    """Octave levels relative to the whole, dB: mean of three real mixtures (pop and rock, CC0 and CC BY), +-5 dB."""
    typical = {63: -6.4, 125: -7.5, 250: -6.9, 500: -7.4, 1000: -12.0, 2000: -16.9, 4000: -20.7, 8000: -20.6}
    f, power = signal.welch(song.mixture().mean(axis=0), RATE, nperseg=16384)
    for centre, expected in typical.items():
        within = (f >= centre / np.sqrt(2)) & (f < centre * np.sqrt(2))
        assert 10 * np.log10(power[within].sum() / power.sum()) == pytest.approx(expected, abs=5), centre


def test_16_bit_files_hold_the_stems_exactly_and_the_mixture_is_their_integer_sum(song, tmp_path):
    total = np.zeros((song.length, 2), dtype=np.int64)
    for name, stem in song.items():
        sf.write(tmp_path / f"{name}.wav", stem.T, RATE, subtype="PCM_16")
        read = sf.read(tmp_path / f"{name}.wav", dtype="float32")[0]
        # Bytes, not values: results are named by the digest of the samples, and -0.0 would give another one than 0.0.
        assert read.T.tobytes() == stem.tobytes(), name
        total += sf.read(tmp_path / f"{name}.wav", dtype="int16")[0]
    assert np.array_equal(total.T / 32768, song.mixture())


def test_the_song_starts_and_ends_without_a_click_and_has_no_dc(song):
    for name, stem in song.items():
        assert np.abs(stem[:, : RATE // 100]).max() < 1e-3, name
        assert np.abs(stem[:, -RATE // 100 :]).max() < 1e-3, name
        assert np.abs(stem.mean(axis=1)).max() < 1e-5, name


def test_nobody_sings_in_the_intro_or_between_phrases(song):
    vocals = song["vocals"]
    assert not vocals[:, : round(demo.at(6) * RATE)].any()
    rests = [
        (beat + beats, after)
        for (beat, beats, _, _), (after, *_) in itertools.pairwise(demo.MELODY)
        if after > beat + beats
    ]
    assert len(rests) >= 5
    for start, stop in rests:
        # From 0.3 s after the last note (release and room) to 0.2 s before the next one (its consonant).
        quiet = cut(vocals, start + 0.3 / demo.BEAT, stop - 0.2 / demo.BEAT)
        assert quiet.size and decibels(quiet) < -45, start
        assert decibels(cut(vocals, stop, stop + 0.5)) > -30, stop


def test_the_singer_has_a_vibrato_of_five_to_six_hertz_that_fades_in(song):
    beat, beats, midi, _ = demo.MELODY[-1]
    cents = pitch_contour(cut(song["vocals"], beat, beat + beats), demo_instruments.hertz(midi))
    rate = RATE / 100
    held = cents[int(0.45 * rate) :]
    held = signal.detrend(held) * np.hanning(held.size)
    f = np.fft.rfftfreq(8192, 1 / rate)
    spectrum = np.abs(np.fft.rfft(held, 8192)) * (f > 2)
    assert 5 < f[spectrum.argmax()] < 6
    assert 15 < np.std(cents[int(0.45 * rate) :]) < 45


def test_the_vibrato_of_a_note_fades_in():
    note = SungNote(0.1, 1.6, 57, "a")
    cents = pitch_contour(sing([note], 2 * RATE, np.random.default_rng(3))[RATE // 10 : int(1.7 * RATE)], 220.0)
    early, late = cents[: RATE // 1000], cents[RATE // 200 :]  # 0.1 to 0.2 s and 0.6 to 1.5 s into the note
    assert np.std(early) < 15 < 20 < np.std(late)


def test_the_singer_is_in_tune(song):
    for beat, beats, midi, syllable in demo.MELODY:
        if beats >= 1:
            cents = pitch_contour(cut(song["vocals"], beat, beat + beats), demo_instruments.hertz(midi))
            assert abs(np.median(cents)) < 15, (beat, syllable)


@pytest.mark.parametrize("vowel", "aeo")
def test_vowels_have_the_formants_of_the_table(vowel):
    """The strongest harmonics of a low note (110 Hz) lie next to F1 and, above the valley between them, to F2."""
    note = SungNote(0.2, 1.0, 45, vowel)
    tone = sing([note], 2 * RATE, np.random.default_rng(1))[RATE // 3 : RATE]
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(tone.size)))
    f = np.fft.rfftfreq(tone.size, 1 / RATE)
    first, second = VOWELS[vowel][0][:2]
    middle = (first + second) / 2
    assert f[np.argmax(spectrum * (f < middle))] == pytest.approx(first, abs=75)
    assert f[np.argmax(spectrum * ((f > middle) & (f < 2200)))] == pytest.approx(second, abs=110)


def test_the_drums_are_on_the_beat(song):
    """Kick or snare: where the energy above 150 Hz (3 ms mean) has risen half way, within 7 ms of its beat."""
    sharp = signal.sosfilt(signal.butter(2, 150, "highpass", fs=RATE, output="sos"), song["drums"].mean(axis=0))
    energy = np.sqrt(np.maximum(signal.lfilter(np.full(132, 1 / 132), [1], np.square(sharp, dtype=float)), 0))
    strokes = [beat for beat in range(8, 48) if beat >= 24 or beat % 4 != 2]
    late = []
    for beat in strokes:
        first = round((demo.at(beat) - 0.04) * RATE)
        around = energy[first : first + round(0.08 * RATE)]
        floor, top = around[: round(0.03 * RATE)].min(), around.max()
        assert top > 4 * floor, beat
        late.append(np.argmax(around > (floor + top) / 2) / RATE - 0.04)
    assert np.abs(late).max() < 0.007
    assert np.std(late) > 0.0005, "nobody plays like this"


def test_strokes_differ_in_strength_and_there_are_ghost_notes():
    snares = [velocity for drum, _, velocity in demo.drum_strokes() if drum == "snare"]
    assert min(snares) < 0.35 < 0.9 < max(snares)


def test_the_bass_is_low_and_in_the_middle(song):
    f, power = signal.welch(song["bass"][0], RATE, nperseg=8192)
    assert power[f < 250].sum() > 0.9 * power.sum()
    assert power[f > 1000].sum() < 0.005 * power.sum()
    assert np.array_equal(song["bass"][0], song["bass"][1])


def test_the_chorus_is_louder_than_the_verse_and_the_accompaniment_is_wide(song):
    mixture = song.mixture()
    assert decibels(cut(mixture, 24, 40)) > decibels(cut(mixture, 8, 24)) + 1
    left, right = song["other"]
    assert -6 < decibels(left - right) - decibels(left + right) < 0


@pytest.mark.parametrize("midi", [50, 59, 66, 76])
def test_the_guitar_is_in_tune(midi):
    frequency = demo_instruments.hertz(midi)
    excitation = demo_instruments.pluck_noise(midi, np.random.default_rng(2))
    cents = pitch_contour(demo_instruments.pluck(midi, 1.5, excitation).astype(float), frequency)
    assert abs(np.median(cents)) < 3


def test_the_second_voice_sings_chord_tones_below_the_melody():
    for beat, beats, midi, _ in demo.MELODY:
        low = demo.harmony(beat, beats, midi)
        assert 3 <= midi - low <= 8
        assert low % 12 in {tone % 12 for tone in demo.chord_at(beat + beats / 2)[1]}


def test_the_limiter_holds_its_ceiling_for_a_lone_peak():
    mixture = np.full((2, 5000), 0.5)
    mixture[1, 2500] = -2.0
    gain = demo_instruments.limiter_gain(mixture, 0.9)
    assert np.abs(mixture * gain).max() <= 0.9 + 1e-12
    assert gain[0] == gain[-1] == 1
    assert np.abs(np.diff(gain)).max() < 2e-3


@pytest.mark.parametrize("start", [-0.001, 0.0, 0.009])
def test_a_sound_that_overlaps_an_edge_of_the_track_is_cut_there(start):
    track = np.zeros((2, RATE // 100), dtype=np.float32)
    demo_instruments.add(track, np.ones(RATE // 500, dtype=np.float32), start)
    first, last = max(round(start * RATE), 0), min(round((start + 0.002) * RATE), track.shape[1])
    assert np.count_nonzero(track) == 2 * (last - first)
    assert np.allclose(track[:, first:last], 1.0)
