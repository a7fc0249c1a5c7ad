"""The validator: each fault is found and named; a module that hangs or crashes is ended, and the report says so."""

import pytest

from cadenza_core.embedding.validator import CHECKS, validate
from cadenza_core.embedding.validator_checks import Checks
from cadenza_core.errors import CadenzaError


def findings(module: str, minutes: float = 0.0) -> dict[str, list[tuple[str, str]]]:
    """Make the checks in this process; verdicts and texts by check."""
    events: list[dict] = []
    Checks({"module": module, "model_file": "", "device": "cpu", "minutes": minutes}, events.append).run()
    assert events[-1] == {"end": True}
    found: dict[str, list[tuple[str, str]]] = {}
    for event in events:
        if "check" in event:
            found.setdefault(event["check"], []).append((event["verdict"], event["text"]))
    return found


def test_a_module_that_is_right_passes_with_all_checks(make_module):
    found = findings(make_module(), minutes=0.5)
    assert set(found) == set(CHECKS)
    assert {verdict for entries in found.values() for verdict, _ in entries} == {"ok"}


FRAMES = "return frames, times.expand(len(audio), -1)"


@pytest.mark.parametrize(
    ("check", "verdict", "old", "new", "words"),
    [
        ("import", "error", "def get_scene_embeddings", "def scenes", "no function get_scene_embeddings"),
        ("load", "error", "return Model()", "return 3", "gave a int"),
        ("load", "error", "return Model()", "raise OSError('gone')", "OSError: gone"),
        ("attributes", "error", "16000, 4, 4", "8000, 4, 4", "8000 Hz"),
        ("attributes", "error", "16000, 4, 4", "16000, '4', 4", "scene_embedding_size '4'"),
        ("timestamps", "error", FRAMES, "return frames[0], times.expand(len(audio), -1)", "embeddings have shape"),
        (
            "timestamps",
            "error",
            FRAMES,
            "return frames[..., :3], times.expand(len(audio), -1)",
            "(2, any, 4) is accepted",
        ),
        ("timestamps", "error", FRAMES, "return frames, times[:-1].expand(len(audio), -1)", "embeddings and"),
        (
            "timestamps",
            "error",
            FRAMES,
            "return frames.double(), times.expand(len(audio), -1)",
            "embeddings are torch.float64",
        ),
        (
            "timestamps",
            "error",
            FRAMES,
            "return frames, times.expand(len(audio), -1).double()",
            "timestamps are torch.float64",
        ),
        ("timestamps", "error", FRAMES, "return frames.numpy(), times", "are a ndarray"),
        (
            "timestamps",
            "error",
            FRAMES,
            "return frames, (times ** 1.01).expand(len(audio), -1)",
            "irregular|after the audio",
        ),
        ("timestamps", "error", FRAMES, "return frames, (times * 0).expand(len(audio), -1)", "do not go up"),
        ("timestamps", "error", FRAMES, "return frames, (times + 60).expand(len(audio), -1)", "after the audio's end"),
        (
            "timestamps",
            "warning",
            FRAMES,
            "return frames[:, 2:], times[2:].expand(len(audio), -1)",
            "later than one interval",
        ),
        (
            "timestamps",
            "warning",
            FRAMES,
            "return frames[:, :-3], times[:-3].expand(len(audio), -1)",
            "the audio ends at",
        ),
        ("timestamps", "warning", FRAMES, "return frames[:, ::2], times[::2].expand(len(audio), -1)", "at most 50 ms"),
        ("timestamps", "warning", FRAMES, "audio.mul_(2); return frames, times.expand(len(audio), -1)", "was changed"),
        ("timestamps", "error", FRAMES, "raise ValueError('too short')", "ValueError: too short"),
        ("scenes", "error", "frames(audio).mean(1)", "frames(audio).mean(1)[:, :2]", "(4, 2)"),
        ("scenes", "error", "frames(audio).mean(1)", "frames(audio).mean(1).half()", "float16"),
        ("scenes", "error", "frames(audio).mean(1)", "frames(audio).mean(1) * float('nan')", "NaN"),
        ("repeat", "error", "frames(audio).mean(1)", "frames(audio).mean(1) + torch.rand(4)", "eval mode"),
        ("batch", "error", "frames(audio).mean(1)", "frames(audio / audio.abs().max()).mean(1)", "neighbours leak"),
        (
            "extremes",
            "error",
            "frames(audio).mean(1)",
            "frames(audio / audio.abs().max()).mean(1)",
            "silence gives NaN",
        ),
        (
            "extremes",
            "warning",
            "def frames(self, audio):",
            "def frames(self, audio):\n        assert audio.shape[1] > 999",
            "10 ms",
        ),
    ],
)
def test_each_fault_is_found(make_module, check, verdict, old, new, words):
    found = findings(make_module(old, new))[check]
    assert any(one == verdict and any(word in text for word in words.split("|")) for one, text in found), found


@pytest.mark.parametrize(
    ("new", "verdict", "words"),
    [
        # a hop that was rounded: 39.9 ms are called 40 ms
        ("times * 0.9975", "error", "it has drifted"),
        # a hop that was rounded, and times that hide it
        ("times * (audio.shape[1] / 16.0 - 1) / times[-1]", "ok", "min in"),
    ],
)
def test_drift_over_long_audio_is_found(make_module, new, verdict, words):
    module = make_module("return frames, times.expand", f"times = {new}\n    return frames, times.expand")
    found = findings(module, minutes=2.0)
    assert any(one == verdict and words in text for one, text in found["long"]), found


def test_embeddings_that_drift_from_their_times_are_found(make_module):
    slow = "frames = model.frames(torch.nn.functional.pad(audio, (0, audio.shape[1] // 50))[:, ::1])"
    slow += "\n    keep = torch.linspace(0, frames.shape[1] - 1, audio.shape[1] // 640 + 1).long()"
    slow += "\n    frames = frames[:, keep]"
    found = findings(make_module("frames = model.frames(audio)", slow), minutes=2.0)
    assert any(verdict == "error" and "drift from their timestamps" in text for verdict, text in found["drift"]), found


def test_memory_that_is_not_bounded_ends_the_module(make_module):
    hungry = "times = torch.arange(frames.shape[1], dtype=torch.float32) * 40.0\n    kept = torch.ones(200_000_000)"
    hungry += "; import time; time.sleep(1)"
    name = make_module("times = torch.arange(frames.shape[1], dtype=torch.float32) * 40.0", hungry)
    report = validate(name, device="cpu", minutes=0, memory_limit=0.9)
    assert not report.passed
    assert [one.text for one in report.errors] == ["it took more than 0.9 GB of memory and was stopped"]
    assert "scenes" in report.not_run


def test_a_module_that_hangs_is_ended_and_one_that_crashes_is_reported(make_module):
    hangs = make_module(
        "def get_scene_embeddings(audio, model):", "def get_scene_embeddings(audio, model):\n    while True: pass"
    )
    said: list[str] = []
    report = validate(hangs, device="cpu", minutes=0, time_limit=8, progress=lambda done, text: said.append(text))
    assert [one.check for one in report.errors] == ["scenes"]
    assert "no answer within 8 s" in report.errors[0].text
    assert report.not_run == ("repeat", "batch", "extremes")
    assert not report.passed
    assert CHECKS["scenes"] in said
    crash = "def get_scene_embeddings(audio, model):\n    import os; print('out of luck', flush=True); os._exit(9)"
    report = validate(make_module("def get_scene_embeddings(audio, model):", crash), device="cpu", minutes=0)
    assert [one.check for one in report.errors] == ["scenes"]
    assert "exit status 9" in report.errors[0].text and "out of luck" in report.errors[0].text


def test_limits_must_be_positive():
    with pytest.raises(CadenzaError, match="above 0"):
        validate("x", time_limit=0)
