"""The built-in demo song: 30 s of pop with four true stems, played by the studio's own synthesiser.

It lets the whole studio be tried without a data set, and its stems are known exactly. Thirteen bars in D major at 104
beats a minute: two of intro (plucked guitar and pad), four of verse, four of chorus, two of tag, one last chord. This
module holds the score and the mix; the instruments are in :mod:`.demo_instruments`, the singer in :mod:`.demo_voice`.

The same samples come out of every run on one machine: every player has a random generator with a fixed seed.
"""

import bisect
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..audio.signal import RATE, Stems
from . import demo_instruments as play
from .demo_voice import SungNote, sing

__all__ = ["BEAT", "DURATION", "LEAD_IN", "render_demo"]

#: Length of a beat, s: 104 beats a minute, so that thirteen bars last 30.0 s.
BEAT = 60.0 / 104.0
BARS = 13
DURATION = BARS * 4 * BEAT
#: Silence before the first beat, s: the first attack is heard whole although the song fades in.
LEAD_IN = 0.06
#: Where in the beat a sixteenth off the eighths falls: 0.25 would be straight.
SWING = 0.27
#: Bars of each part; before them two bars of intro, after them the last chord, on the beat `LAST`.
VERSE, CHORUS, TAG = range(2, 6), range(6, 10), range(10, 12)
LAST = 48

#: Chords: first beat, bass note, four-note voicing (MIDI). Each voice moves by as little as it can.
CHORDS = (
    (0, 35, (59, 62, 66, 69)),  # Bm7
    (4, 31, (55, 59, 66, 69)),  # Gmaj9
    (8, 38, (57, 62, 66, 69)),  # D
    (12, 37, (57, 61, 64, 69)),  # A/C#
    (16, 35, (59, 62, 66, 69)),  # Bm7
    (20, 31, (55, 59, 62, 69)),  # Gadd9
    (24, 31, (59, 62, 67, 71)),  # G
    (28, 33, (61, 64, 69, 73)),  # A
    (32, 35, (59, 66, 69, 74)),  # Bm7
    (36, 42, (57, 66, 69, 74)),  # D/F#
    (40, 31, (59, 62, 67, 71)),  # G
    (44, 33, (57, 62, 64, 69)),  # Asus4
    (46, 33, (57, 61, 64, 69)),  # A
    (48, 38, (62, 66, 69, 76)),  # Dadd9
)
SCALE = (0, 2, 4, 5, 7, 9, 11)
TONIC = 62

#: The melody: first beat, beats, MIDI pitch, syllable. Rests lie between the phrases.
MELODY = (
    # Verse: two phrases that climb to F#4 and fall back.
    (7.5, 0.5, 57, "so"), (8.0, 1.0, 62, "lai"), (9.0, 0.5, 64, "na"), (9.5, 1.5, 66, "nei"), (11.0, 0.5, 64, "la"),
    (11.5, 0.5, 62, "mi"), (12.0, 1.0, 64, "se"), (13.0, 0.5, 61, "lo"), (13.5, 1.0, 57, "na"),
    (16.5, 0.5, 59, "ti"), (17.0, 0.5, 62, "la"), (17.5, 1.0, 66, "hea"), (18.5, 0.5, 64, "li"), (19.0, 0.5, 62, "no"),
    (19.5, 0.5, 64, "ma"), (20.0, 0.5, 62, "ti"), (20.5, 1.25, 59, "lou"),
    (23.0, 0.5, 62, "so"), (23.5, 0.5, 66, "na"),
    # Chorus: the hook, higher and longer; it reaches A4 half a beat ahead of the chord.
    (24.0, 1.5, 67, "lai"), (25.5, 0.5, 66, "la"), (26.0, 0.5, 67, "no"), (26.5, 2.0, 69, "ha"), (28.5, 0.5, 66, "li"),
    (29.0, 0.5, 64, "ma"), (29.5, 0.9, 64, "no"),
    (31.5, 0.5, 61, "so"), (32.0, 1.5, 62, "lai"), (33.5, 0.5, 64, "la"), (34.0, 0.5, 62, "no"), (34.5, 2.0, 66, "de"),
    (36.5, 0.5, 64, "li"), (37.0, 1.0, 62, "na"),
    # Tag: the hook once more, and home to the tonic.
    (39.5, 0.5, 66, "so"), (40.0, 1.5, 67, "lai"), (41.5, 0.5, 66, "la"), (42.0, 0.5, 67, "no"), (42.5, 1.5, 69, "ha"),
    (44.0, 0.5, 67, "li"), (44.5, 0.5, 66, "ma"), (45.0, 1.0, 64, "no"),
    (47.0, 0.5, 61, "so"), (47.5, 0.5, 64, "na"), (48.0, 2.5, 62, "lei"),
)  # fmt: skip

#: Drum patterns: per drum a bar of 16 sixteenths ("fill" leaves room); "x" is a stroke, "X" an accent, "." a ghost.
GROOVES = {
    "verse": {"kick": "X     .x  x     ", "snare": "    X  . .  X  .", "closed": "X.x.X.x.X.x.X.x "},
    "fill": {"kick": "X     .x  x   x ", "snare": "    X  .        ", "closed": "X.x.X.x.        "},
    "chorus": {"kick": "X  x  x X x   x ", "snare": "    X  .    X  .", "closed": "X   X   X   X   ",
               "open": "  X   X   X   X "},
}  # fmt: skip
#: Strokes of the fill, in sixteenths from the third beat of its bar: snare, then three toms down (Hz; 0 is the snare).
FILL = ((0, 0), (1, 0), (2, 0), (3, 185), (4, 185), (5, 140), (6, 140), (7, 98))
ACCENTS = {"X": 1.0, "x": 0.75, ".": 0.28}

#: Stem levels in the mix, linear: found by measuring loudness and peak, which the tests hold.
LEVELS = {"vocals": 0.216, "drums": 0.307, "bass": 0.187, "other": 0.485}
CEILING = 10.0 ** (-1.0 / 20.0)
FULL_SCALE = 32768.0


def at(beat: float) -> float:
    """Time of a beat of the song, s; the sixteenths between the eighths come a little late (`SWING`)."""
    half, within = divmod(beat, 0.5)
    return LEAD_IN + BEAT * (half * 0.5 + (SWING if within == 0.25 else within))


def chord_at(beat: float) -> tuple[int, tuple[int, ...]]:
    """Bass note and voicing of the chord that sounds at `beat`."""
    _, bass, voicing = CHORDS[bisect.bisect_right(CHORDS, beat, key=lambda chord: chord[0]) - 1]
    return bass, voicing


def degrees_away(midi: int, steps: int) -> int:
    """Give the note of the song's major scale `steps` scale degrees from `midi`, which is in the scale."""
    octave, tone = divmod(midi - TONIC, 12)
    octaves, degree = divmod(SCALE.index(tone) + steps, 7)
    return TONIC + 12 * (octave + octaves) + SCALE[degree]


def silence() -> np.ndarray:
    """Give an empty track of the song's length, shape (2, n)."""
    return np.zeros((2, play.samples(DURATION)), dtype=np.float32)


def drum_strokes() -> Iterator[tuple[str, float, float]]:
    """Give each stroke of the grooves: drum, beat, velocity (0 to 1)."""
    for sixteenth in range(4, 32, 2):
        yield "closed", sixteenth / 4, 0.35 + 0.25 * (sixteenth % 4 == 0) + sixteenth / 160
    for bar in (*VERSE, *CHORUS, *TAG):
        groove = GROOVES["fill" if bar in (VERSE[-1], TAG[-1]) else "verse" if bar in VERSE else "chorus"]
        for drum, strokes in groove.items():
            for sixteenth, stroke in enumerate(strokes):
                if stroke != " ":
                    yield drum, bar * 4 + sixteenth / 4, ACCENTS[stroke]
    for beat in (4.0, 6.5, LAST):
        yield "kick", beat, 1.0


def drums(rng: np.random.Generator) -> np.ndarray:
    """Play the drums, shape (2, n): strokes vary in strength and by a few milliseconds in time, in a small room."""
    close, cymbals = silence(), silence()
    for drum, beat, accent in drum_strokes():
        velocity = accent * rng.uniform(0.88, 1.0)
        late = at(beat) + rng.normal(0.0, 0.0015 if drum in ("kick", "snare") else 0.003)
        if drum == "kick":
            play.add(close, play.kick(velocity, rng), late, 1.0)
        elif drum == "snare":
            play.add(close, play.snare(velocity, rng), late, 0.85, 0.08)
        else:
            play.add(cymbals, play.hi_hat(velocity, 0.13 if drum == "open" else 0.022, rng), late, 0.42, -0.35)
    for start in (6.0, VERSE[-1] * 4 + 2.0, TAG[-1] * 4 + 2.0):
        # The first fill is only a pick-up into the verse: its last four strokes.
        for sixteenth, frequency in FILL[4 if start == 6.0 else 0 :]:
            velocity = (0.6 + 0.05 * sixteenth) * rng.uniform(0.9, 1.0)
            sound = play.tom(frequency, velocity, rng) if frequency else play.snare(velocity, rng)
            pan = {0: 0.08, 185: -0.4, 140: 0.1, 98: 0.5}[frequency]
            play.add(close, sound, at(start + sixteenth / 4) + rng.normal(0.0, 0.002), 0.6, pan)
    for beat, velocity, pan in ((8, 0.6, 0.45), (24, 1.0, -0.45), (40, 0.85, 0.45), (LAST, 1.0, -0.45)):
        play.add(cymbals, play.crash(velocity, rng), at(beat), 0.5, pan)
    return play.room(close + 0.5 * cymbals, 0.3, 0.45, 250.0, 9000.0, rng) + 0.5 * cymbals


def bass_line() -> Iterator[tuple[float, float, int, float]]:
    """Give each bass note: beat, beats, MIDI note, velocity. Roots; the last eighth of a bar leads to the next root."""
    yield 4.0, 2.5, 31, 0.7
    yield 6.5, 1.5, 33, 0.75
    for bar in (*VERSE, *CHORUS, *TAG):
        beat = 4.0 * bar
        root, ahead = chord_at(beat)[0], chord_at(beat + 4.0)[0]
        leading = degrees_away(ahead, -1 if ahead > root else 1)
        if bar in VERSE:
            yield beat, 1.5, root, 0.9
            yield beat + 1.75, 0.25, root, 0.55
            tones = {tone % 12 for tone in chord_at(beat)[1]}
            yield beat + 2.5, 1.0, root + (7 if (root + 7) % 12 in tones else 8), 0.75
        else:
            for eighth in range(7):
                octave = 12 if eighth in (3, 6) and root < 40 else 0
                yield beat + eighth / 2, 0.45, root + octave, 0.95 if eighth % 4 == 0 else 0.75
        yield beat + 3.5, 0.5, leading, 0.8
    yield LAST, 3.4, 38, 1.0


def bass(rng: np.random.Generator) -> np.ndarray:
    """Play the bass, shape (2, n): the same on both sides."""
    track = silence()
    for beat, beats, midi, velocity in bass_line():
        velocity *= rng.uniform(0.92, 1.0)
        note = play.bass_note(midi, 0.94 * beats * BEAT, velocity)
        play.add(track, note, at(beat) + rng.normal(0.002, 0.0015))
    return track


def guitar_strings() -> Iterator[tuple[float, int, float, bool]]:
    """Give each plucked string: time in s, MIDI note, velocity, whether it rings on.

    Intro and verse are picked in eighths, chorus and tag strummed, down on the beat and up between.
    """
    for eighth in range(8 * VERSE.stop):
        string = (0, 2, 1, 3, 2, 1, 3, 2)[eighth % 8]
        yield at(eighth / 2), chord_at(eighth / 2)[1][string], 0.75 if eighth % 8 == 0 else 0.55, True
    for bar in (*CHORUS, *TAG):
        for eighth, velocity in ((0, 0.8), (2, 0.5), (3, 0.6), (5, 0.6), (6, 0.5), (7, 0.45)):
            beat = 4 * bar + eighth / 2
            voicing = chord_at(beat)[1]
            for order, midi in enumerate(voicing if eighth % 2 == 0 else voicing[::-1]):
                yield at(beat) + 0.011 * order, midi, velocity * (1.0 - 0.08 * order), False
    for order, midi in enumerate((50, 57, *chord_at(LAST)[1])):
        yield at(LAST) + 0.03 * order, midi, 0.6, True


def guitars(rng: np.random.Generator) -> np.ndarray:
    """Play the guitar twice, shape (2, n), one take on each side, as records do."""
    track = silence()
    for pan in (-0.9, 0.9):
        strings: dict[tuple[int, bool], np.ndarray] = {}
        for start, midi, velocity, rings in guitar_strings():
            if (midi, rings) not in strings:
                length, decay = (1.9, 2.2) if rings else (0.5, 1.2)
                strings[midi, rings] = play.pluck(midi, length, play.pluck_noise(midi, rng), decay)
            play.add(track, strings[midi, rings], start + rng.normal(0.0, 0.004), velocity * rng.uniform(0.8, 1.0), pan)
    return track


def keys(rng: np.random.Generator) -> np.ndarray:
    """Play electric piano, shape (2, n): syncopated chords from the verse on, one held chord at the end."""
    track = silence()
    hits = [(4 * bar + beat, beats) for bar in (*VERSE, *CHORUS, *TAG) for beat, beats in ((0.0, 1.4), (2.5, 1.4))]
    for beat, beats in (*hits, (LAST, 3.5)):
        for order, midi in enumerate(chord_at(beat)[1]):
            velocity = rng.uniform(0.5, 0.75)
            note = play.electric_piano(midi, beats * BEAT, velocity)
            play.add(track, note, at(beat) + rng.uniform(0.0, 0.006), 1.0, 0.3 * (order - 1.5) / 1.5)
    return play.chorus(track)


def pad(rng: np.random.Generator) -> np.ndarray:
    """Play the string pad, shape (2, n): dark at first, an octave wider and brighter in the chorus."""
    track = silence()
    for (start, _, voicing), stop in zip(CHORDS, [*(chord[0] for chord in CHORDS[1:]), 52], strict=True):
        lifted = CHORUS.start * 4 <= start
        notes = (*voicing, voicing[0] + 12) if lifted else voicing
        chord = play.pad_chord(notes, (stop - start) * BEAT, 1800.0 if lifted else 900.0, rng)
        first = play.samples(max(at(start) - 0.08, 0.0))
        part = track[:, first : first + chord.shape[1]]
        part += (0.8 if lifted else 0.6) * chord[:, : part.shape[1]]
    return play.chorus(track, 0.004, 0.3)


def other(rng: np.random.Generator) -> np.ndarray:
    """Play guitars, electric piano and pad, shape (2, n), in one larger room."""
    track = 0.85 * guitars(rng) + 0.26 * keys(rng) + 0.32 * pad(rng)
    return play.room(track, 0.22, 1.2, 200.0, 7000.0, rng)


def sung(melody: Sequence[tuple[float, float, int, str]]) -> list[SungNote]:
    """Turn the melody into the singer's notes: chorus louder than verse, the high notes louder than the low."""
    notes = []
    for beat, beats, midi, syllable in melody:
        loudness = (0.62 if beat < 23 else 0.8) + 0.012 * (midi - 62)
        notes.append(SungNote(at(beat), beats * BEAT, midi, syllable, loudness))
    return notes


def harmony(beat: float, beats: float, midi: int) -> int:
    """Give the second voice's note: the highest chord tone that lies a third or more below the melody."""
    tones = {tone % 12 for tone in chord_at(beat + 0.5 * beats)[1]}
    return next(note for note in range(midi - 3, midi - 12, -1) if note % 12 in tones)


def vocals(rng: np.random.Generator) -> np.ndarray:
    """Sing lead, shape (2, n), and in the chorus a second voice left and right, in a plate-like room."""
    length = play.samples(DURATION)
    lead = sing(sung(MELODY), length, rng)
    second = [(b, beats, harmony(b, beats, midi), text) for b, beats, midi, text in MELODY if b >= CHORUS.start * 4]
    choir = [sing(sung(second), length, rng, scale) for scale in (0.97, 1.04)]
    track = np.stack([lead + 0.26 * choir[0] + 0.05 * choir[1], lead + 0.05 * choir[0] + 0.26 * choir[1]])
    return play.room(track, 0.26, 0.8, 300.0, 9000.0, rng)


def mix(tracks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mix and master: levels, fades, one limiter for all stems, and whole 16-bit numbers.

    The stems are scaled by the same limiter gain, so their sum is the master: it peaks at `CEILING`, and WAV files of
    16 bits hold the stems and the mixture exactly.
    """
    levelled = {
        name: play.fade_edges(LEVELS[name] * play.rumble_filter(track), 0.03, 1.2) for name, track in tracks.items()
    }
    gain = play.limiter_gain(sum(levelled.values(), silence()), CEILING)
    # By way of integers, which have no -0.0: the samples are then those that a WAV file gives back, to the bit.
    whole = {name: np.round(FULL_SCALE * gain * track).astype(np.int16) for name, track in levelled.items()}
    return {name: (track / FULL_SCALE).astype(np.float32) for name, track in whole.items()}


def render_demo() -> Stems:
    """Play the demo song: 30.0 s at 44.1 kHz, stereo, the stems vocals, drums, bass and other.

    Returns
    -------
    Stems
        Every sample is a multiple of 1/32768; the mixture is their plain sum and peaks at -1 dB FS. Takes about two
        seconds of one core, and gives the same samples every time.
    """
    players = {"vocals": vocals, "drums": drums, "bass": bass, "other": other}
    with ThreadPoolExecutor() as pool:  # each has a generator of its own, so who is first does not matter
        playing = {
            name: pool.submit(player, np.random.default_rng(seed))
            for seed, (name, player) in enumerate(players.items(), 120)
        }
        tracks = {name: track.result() for name, track in playing.items()}
    return Stems(mix(tracks), RATE)
