"""The checks of `validator`, as a program: reads what to check from its argument, writes one JSON object a line.

``{"begin": check}`` before a check, ``{"check", "verdict", "text"}`` for each finding, ``{"over": check}`` after it, and
``{"end": true}`` when all was done that could be.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import CadenzaError
from .api import check_attributes, import_module

__all__ = ["Checks", "memory_peak", "timestamp_faults"]

_SHORT = (1.07, 1.98, 4.0)  # s, as in hear-validator
_SCENE = 2.74  # s
_CLIPS = (0.1, 0.01, 0.0005)  # s
_SAME = 1e-5  # of the embeddings' spread: what two runs may differ by
_BATCH = 1e-3  # and a sound in a batch from itself alone
_BURST = 0.1  # s
_LEVEL = 0.5  # full scale 1
_FROM_END = 1.5  # s: where the bursts are, from each end

Fault = tuple[str, str]


def timestamp_faults(embeddings: Any, times: Any, n_sounds: int, size: int, seconds: float) -> list[Fault]:
    """Give what is wrong with timestamp embeddings, by hear-validator's rules and ours: pairs of verdict and sentence.

    Parameters
    ----------
    embeddings, times :
        What ``get_timestamp_embeddings`` gave.
    n_sounds, size : int
        How many sounds it was given, and the model's ``timestamp_embedding_size``.
    seconds : float
        Length of the sounds.
    """
    for value, what, shape in (
        (embeddings, "embeddings", (n_sounds, None, size)),
        (times, "timestamps", (n_sounds, None)),
    ):
        if not isinstance(value, torch.Tensor):
            return [("error", f"the {what} are a {type(value).__name__}; a torch.Tensor is accepted")]
        found = tuple(value.shape)
        if len(found) != len(shape) or any(want not in (None, got) for got, want in zip(found, shape, strict=True)):
            wanted = ", ".join("any" if want is None else str(want) for want in shape)
            return [("error", f"the {what} have shape {found}; ({wanted}) is accepted")]
    if embeddings.shape[:2] != times.shape or not times.shape[1]:
        return [("error", f"there are {embeddings.shape[1]} embeddings and {times.shape[1]} timestamps")]
    faults: list[Fault] = []
    for value, what in ((embeddings, "embeddings"), (times, "timestamps")):
        if value.dtype != torch.float32:
            faults.append(("error", f"the {what} are {value.dtype}; float32 is accepted"))
        if not bool(torch.isfinite(value).all()):
            faults.append(("error", f"the {what} hold NaN or infinity"))
    return faults if faults else [*_time_faults(times.detach().cpu().double().numpy(), seconds)]


def _time_faults(times: np.ndarray, seconds: float) -> list[Fault]:
    faults: list[Fault] = []
    end = 1000.0 * seconds
    if times.shape[1] > 1:
        steps = np.diff(times, axis=1)
        mean, deviation = float(steps.mean()), float(np.abs(steps - steps.mean()).max())
        if mean <= 0:
            faults.append(("error", f"the timestamps do not go up (by {mean:.3f} ms on average)"))
        elif deviation > 1.0:
            faults.append(
                ("error", f"the timestamps are irregular: a step differs from the mean by {deviation:.2f} ms")
            )
        if float(steps.max()) > 50.0:
            faults.append(("warning", f"the interval is {steps.max():.1f} ms; at most 50 ms is suggested"))
        if float(times.min()) > mean:
            faults.append(("warning", f"the first timestamp is {times.min():.1f} ms, later than one interval"))
        if float(times.max()) < end - min(mean, 50.0):
            faults.append(("warning", f"the last timestamp is {times.max():.1f} ms; the audio ends at {end:.1f} ms"))
    if float(times.max()) > end:
        faults.append(("error", f"the last timestamp is {times.max():.1f} ms, after the audio's end at {end:.1f} ms"))
    return faults


class Checks:
    """All checks of one module.

    Parameters
    ----------
    question : dict
        ``module``, ``model_file``, ``device``, ``minutes``.
    write : function
        Takes each event.
    """

    def __init__(self, question: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        self.name: str = question["module"]
        self.file: str = question["model_file"]
        self.device: str = question["device"]
        self.minutes: float = question["minutes"]
        self._write = write
        self._check = "import"
        self._errors = 0
        self.module: Any = None
        self.model: Any = None
        self._random = torch.Generator().manual_seed(2021)

    def run(self) -> None:
        """Make all checks that can be made."""
        essential = ("import", "load", "attributes")
        for check in (*essential, "timestamps", "scenes", "repeat", "batch", "extremes"):
            before = self._errors
            self._begin(check)
            if check in essential and self._errors > before:
                break
        else:
            if self.minutes > 0:
                self._begin("long")
                self._begin("drift")
        self._write({"end": True})

    def _begin(self, check: str) -> None:
        self._check = check
        self._write({"begin": check})
        before = self._errors
        try:
            text = getattr(self, f"check_{check}")()
        except CadenzaError as error:
            self._find("error", str(error))
        except Exception as error:
            self._find("error", f"{type(error).__name__}: {str(error).strip()[:300]}")
        else:
            if self._errors == before and text:
                self._find("ok", text)
        self._write({"over": check})

    def _find(self, verdict: str, text: str) -> None:
        self._errors += verdict == "error"
        self._write({"check": self._check, "verdict": verdict, "text": text})

    def check_import(self) -> str:
        """The module is there and has the functions."""
        self.module = import_module(self.name)
        return f"{getattr(self.module, '__file__', self.name)}"

    def check_load(self) -> str:
        """``load_model`` gives a torch module."""
        self.model = self.module.load_model(self.file) if self.file else self.module.load_model()
        if not isinstance(self.model, torch.nn.Module):
            raise CadenzaError(f"load_model gave a {type(self.model).__name__}; a torch.nn.Module is accepted")
        if self.device == "auto":
            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model.to(self.device)
        count = sum(parameter.numel() for parameter in self.model.parameters())
        return f"{type(self.model).__name__}, {count / 1e6:.1f} million parameters, on {self.device}"

    def check_attributes(self) -> str:
        """The three attributes are ints that make sense."""
        check_attributes(self.model, self.name)
        sizes = f"{self.model.scene_embedding_size} a scene, {self.model.timestamp_embedding_size} a timestamp"
        return f"{self.model.sample_rate} Hz, {sizes}"

    def check_timestamps(self) -> str:
        """Timestamp embeddings of short clips."""
        interval = 0.0
        for seconds in _SHORT:
            audio = self._noise(2, seconds)
            kept = audio.clone()
            embeddings, times = self._timestamps(audio)
            for verdict, text in timestamp_faults(embeddings, times, 2, self.model.timestamp_embedding_size, seconds):
                self._find(verdict, f"{seconds:g} s: {text}")
            if not torch.equal(audio, kept):
                self._find("warning", f"{seconds:g} s: the audio that was passed in was changed")
            if isinstance(times, torch.Tensor) and times.ndim == 2 and times.shape[1] > 1:
                interval = float(times[0, 1] - times[0, 0])
        return f"float32, every {interval:g} ms"

    def check_scenes(self) -> str:
        """Scene embeddings of four clips."""
        embeddings = self._scenes(self._noise(4, _SCENE))
        wanted = (4, self.model.scene_embedding_size)
        if not isinstance(embeddings, torch.Tensor) or embeddings.dtype != torch.float32:
            raise CadenzaError(
                f"they are {getattr(embeddings, 'dtype', type(embeddings).__name__)}; float32 is accepted"
            )
        if tuple(embeddings.shape) != wanted:
            raise CadenzaError(f"they have shape {tuple(embeddings.shape)}; {wanted} is accepted")
        if not bool(torch.isfinite(embeddings).all()):
            raise CadenzaError("they hold NaN or infinity")
        return f"float32, shape {wanted}"

    def check_repeat(self) -> str:
        """Two runs give the same."""
        audio = self._noise(2, 1.3)
        scenes = _difference(self._scenes(audio), self._scenes(audio))
        frames = _difference(self._timestamps(audio)[0], self._timestamps(audio)[0])
        if max(scenes, frames) > _SAME:
            raise CadenzaError(
                f"two runs differ by {scenes:.2g} (scenes) and {frames:.2g} (timestamps) of the spread: dropout or another "
                "random part is on. Put the model into eval mode in load_model"
            )
        return "identical" if scenes == frames == 0 else f"equal to {max(scenes, frames):.1g} of the spread"

    def check_batch(self) -> str:
        """A sound in a batch has the embedding that it has alone."""
        audio = self._noise(3, 1.6)
        audio[1] *= 0.01  # a quiet one: normalising over the batch shows
        alone = torch.cat([self._scenes(sound[None]) for sound in audio])
        scenes = _difference(self._scenes(audio), alone)
        each = torch.cat([self._timestamps(sound[None])[0] for sound in audio])
        frames = _difference(self._timestamps(audio)[0], each)
        if max(scenes, frames) > _BATCH:
            raise CadenzaError(
                f"a sound in a batch differs from itself alone by {scenes:.2g} (scenes) and {frames:.2g} (timestamps) of the "
                "spread: its neighbours leak into it"
            )
        return "identical" if scenes == frames == 0 else f"equal to {max(scenes, frames):.1g} of the spread"

    def check_extremes(self) -> str:
        """Silence, full scale and clips shorter than a frame give finite numbers."""
        rate = self.model.sample_rate
        square = torch.sign(torch.sin(torch.arange(rate) * (2 * torch.pi * 100 / rate) + 0.1))
        sounds = {"silence": torch.zeros(rate), "full scale": square, "a constant": torch.full((rate,), 0.5)}
        for what, sound in sounds.items():
            batch = sound[None].to(self.device)
            if not all(
                bool(torch.isfinite(value).all()) for value in (self._scenes(batch), self._timestamps(batch)[0])
            ):
                self._find("error", f"{what} gives NaN or infinity")
        for seconds in _CLIPS:
            try:
                batch = self._noise(2, seconds)
                values = (self._scenes(batch), self._timestamps(batch)[0])
            except Exception as error:
                reason = f"{type(error).__name__}: {str(error).strip()[:120]}"
                self._find("warning", f"a clip of {1000 * seconds:g} ms is refused ({reason})")
                break
            if not all(bool(torch.isfinite(value).all()) for value in values):
                self._find("error", f"a clip of {1000 * seconds:g} ms gives NaN or infinity")
        return "finite"

    def check_long(self) -> str:
        """Long audio within memory, its times regular to the end."""
        before = time.perf_counter()
        self._long = self._noise(1, 60.0 * self.minutes, _LEVEL)
        embeddings, times = self._timestamps(self._long)
        took = time.perf_counter() - before
        seconds = self._long.shape[1] / self.model.sample_rate
        for verdict, text in timestamp_faults(embeddings, times, 1, self.model.timestamp_embedding_size, seconds):
            # What ends early in a short clip is coarse; in a long one it has drifted.
            drifted = "last timestamp" in text and abs(float(times.max()) - 1000 * seconds) > 100
            self._find("error" if drifted else verdict, text + (": it has drifted" if drifted else ""))
        peak = f"peak {_gb(memory_peak())}" if memory_peak() else "memory is not told by this system"
        self._embeddings, self._times = embeddings, times
        if not bool(torch.isfinite(self._scenes(self._long)).all()):
            self._find("error", "the scene embedding holds NaN or infinity")
        if self.device.startswith("cuda"):
            peak += f", GPU {_gb(torch.cuda.max_memory_allocated() / 1e9)}"
        return f"{self.minutes:g} min in {took:.1f} s, {peak}"

    def check_drift(self) -> str:
        """What is changed near the end is seen at its time, as what is changed near the start."""
        rate, length = self.model.sample_rate, self._long.shape[1]
        if length < 4 * _FROM_END * rate:
            return "too short to tell"
        burst = int(_BURST * rate)
        places = [int(_FROM_END * rate), length - int(_FROM_END * rate) - burst]
        for place in places:
            self._long[0, place : place + burst] = self._noise(1, _BURST, _LEVEL)[
                0, :burst
            ]  # as loud as what was there
        changed = torch.linalg.vector_norm(self._timestamps(self._long)[0][0] - self._embeddings[0], dim=1)
        times = self._times[0].double()
        half = len(times) // 2
        seen = [times[:half][changed[:half].argmax()], times[half:][changed[half:].argmax()]]
        offsets = [float(when) - 1000.0 * (place + burst / 2) / rate for when, place in zip(seen, places, strict=True)]
        drift = offsets[1] - offsets[0]
        interval = float(times[1] - times[0])
        text = f"a change near the start is seen {offsets[0]:+.0f} ms off, one near the end {offsets[1]:+.0f} ms"
        if abs(drift) > 500.0:
            raise CadenzaError(f"{text}: the embeddings drift from their timestamps")
        if abs(drift) > max(100.0, 2 * interval):
            self._find("warning", f"{text}: coarse in time, or drifting")
            return ""
        return text

    def _noise(self, n_sounds: int, seconds: float, level: float = 1.0) -> torch.Tensor:
        shape = (n_sounds, max(1, int(seconds * self.model.sample_rate)))
        noise = torch.rand(shape, generator=self._random)
        return noise.mul_(2.0).sub_(1.0).mul_(level).to(self.device)

    def _scenes(self, audio: torch.Tensor) -> Any:
        with torch.no_grad():
            return self.module.get_scene_embeddings(audio, self.model)

    def _timestamps(self, audio: torch.Tensor) -> tuple[Any, Any]:
        with torch.no_grad():
            result = self.module.get_timestamp_embeddings(audio, self.model)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CadenzaError("get_timestamp_embeddings gave no pair of embeddings and timestamps")
        return result[0], result[1]


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Give the largest difference, as a share of the embeddings' spread."""
    if one.shape != other.shape:
        raise CadenzaError(f"the shape changes from {tuple(one.shape)} to {tuple(other.shape)}")
    spread = float(other.double().std(correction=0)) or float(other.double().abs().max()) or 1.0
    return float((one.double() - other.double()).abs().max()) / spread


def memory_peak() -> float:
    """Give the largest resident memory of this process so far, GB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1e9 if sys.platform == "darwin" else 1e6)


def _gb(value: float) -> str:
    return f"{value:.2f} GB"


def _watch(limit: float, stop: Callable[[], None]) -> None:
    while memory_peak() <= limit:
        time.sleep(0.1)
    stop()


def main() -> None:
    """Check what the argument says."""
    question = json.loads(sys.argv[1])
    target = Path(question["to"])
    writing = threading.Lock()

    def write(event: dict[str, Any]) -> None:
        with writing, target.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    checks = Checks(question, write)

    def stop() -> None:
        text = f"it took more than {question['memory_limit']:g} GB of memory and was stopped"
        write({"check": checks._check, "verdict": "error", "text": text})
        write({"end": True})
        os._exit(0)

    threading.Thread(target=_watch, args=(question["memory_limit"], stop), daemon=True).start()
    checks.run()
    os._exit(0)  # whatever threads the module has left


if __name__ == "__main__":
    main()
