"""Two small tasks of generated tones, for a first try: which pitch, and when which instrument plays.

Nothing has to be downloaded: the sounds are made here, always the same. `tone_pitch` has two octaves of pitches with random
timbre, level, phase and noise; scored like NSynth pitch, a guess scores 1/24. `tone_events` has short notes of three
timbres at random times, possibly together; scored like DCASE 2016 task 2.
"""

from functools import partial

import numpy as np

from .task_writing import Clip, TaskPlan
from .tasks import Event

__all__ = ["LOWEST", "PITCHES", "tone_events", "tone_pitch"]

RATE = 44100
#: MIDI numbers of the pitches: C3 to B4.
LOWEST, PITCHES = 48, 24
_PER_PITCH = {"train": 12, "valid": 4, "test": 4}
_PER_SPLIT = {"train": 16, "valid": 6, "test": 6}
_SECONDS = 1.0
_SCENE_SECONDS = 8.0
#: Amplitudes of the first harmonics.
_TIMBRES = {"flute": (1.0, 0.2, 0.05), "horn": (0.7, 1.0, 0.8, 0.6, 0.4), "reed": (1.0, 0.0, 0.8, 0.0, 0.6, 0.0, 0.5)}


def tone_pitch() -> TaskPlan:
    """Give the plan of the pitch task: 480 tones of 1 s."""
    pitches = range(LOWEST, LOWEST + PITCHES)
    clips: list[Clip] = []
    for split, count in _PER_PITCH.items():
        for pitch in pitches:
            for number in range(count):
                seed = [len(clips), pitch]
                clips.append(Clip(split, f"{split}-{pitch}-{number}", partial(_tone, pitch, seed), (str(pitch),)))
    metadata = {
        "task_name": "tone_pitch",
        "version": "v1",
        "mode": "full",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "splits": ["train", "valid", "test"],
        "sample_duration": _SECONDS,
        "evaluation": ["pitch_acc", "chroma_acc"],
    }
    return TaskPlan(metadata, [str(pitch) for pitch in pitches], clips)


def tone_events() -> TaskPlan:
    """Give the plan of the event task: 28 scenes of 8 s."""
    clips: list[Clip] = []
    for split, count in _PER_SPLIT.items():
        for number in range(count):
            seed = len(clips)
            clips.append(Clip(split, f"{split}-{number}", partial(_scene, seed), events=tuple(_notes(seed))))
    metadata = {
        "task_name": "tone_events",
        "version": "v1",
        "mode": "full",
        "embedding_type": "event",
        "prediction_type": "multilabel",
        "split_mode": "trainvaltest",
        "splits": ["train", "valid", "test"],
        "sample_duration": _SCENE_SECONDS,
        "evaluation": ["event_onset_200ms_fms", "segment_1s_er"],
    }
    return TaskPlan(metadata, sorted(_TIMBRES), clips)


def _wave(pitch: float, seconds: float, amplitudes: np.ndarray, phases: np.ndarray) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    orders = np.arange(1, len(amplitudes) + 1)
    sound = (amplitudes[:, None] * np.sin(2 * np.pi * frequency * orders[:, None] * time + phases[:, None])).sum(axis=0)
    edge = np.minimum(1.0, np.minimum(time, seconds - time) / 0.02)  # no click at either end
    faded: np.ndarray = sound * edge / np.abs(sound).max()
    return faded


def _tone(pitch: int, seed: list[int]) -> tuple[np.ndarray, int]:
    random = np.random.default_rng(seed)
    amplitudes = random.uniform(0.1, 1.0, 6) / np.arange(1, 7)
    tone = _wave(pitch, _SECONDS, amplitudes, random.uniform(0, 2 * np.pi, 6)) * 10 ** (random.uniform(-24, -6) / 20)
    noise = random.standard_normal(len(tone)) * 10 ** (random.uniform(-70, -50) / 20)
    return (tone + noise).astype(np.float32), RATE


def _notes(seed: int) -> list[Event]:
    random = np.random.default_rng([1, seed])
    events = []
    for label in sorted(_TIMBRES):
        start = random.uniform(200.0, 1500.0)
        while start < 1000.0 * _SCENE_SECONDS - 900.0:
            length = random.uniform(400.0, 800.0)
            events.append(Event(label, round(start, 1), round(start + length, 1)))
            start += length + random.uniform(600.0, 2500.0)
    return events


def _scene(seed: int) -> tuple[np.ndarray, int]:
    random = np.random.default_rng([2, seed])
    scene = random.standard_normal(round(_SCENE_SECONDS * RATE)) * 1e-3
    for event in _notes(seed):
        amplitudes = np.array(_TIMBRES[event.label])
        pitch = random.uniform(LOWEST, LOWEST + PITCHES)
        note = _wave(pitch, (event.end - event.start) / 1000.0, amplitudes, np.zeros(len(amplitudes)))
        first = round(event.start / 1000.0 * RATE)
        scene[first : first + len(note)] += 0.2 * note
    return scene.astype(np.float32), RATE
