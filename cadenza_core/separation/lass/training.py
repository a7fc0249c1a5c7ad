"""Train a separator: the official mixer and loss, resumable, for a GPU in days or, in the small size, a processor in minutes.

As AudioSep's training code (its `config/audiosep_base.yaml`): segments of a batch are mixed with their neighbours, the
neighbour at equal energy and then louder or softer by a whole number of -10 to 10 dB; the loss is the mean absolute
difference of the waveforms; AdamW (amsgrad) at 1e-3 after a warm-up. One thing differs: neighbours in a batch never
have the same caption, which in a small collection would ask for the impossible. The small size, which has no million steps
to average out, also goes down with its step size in the end (half a cosine), cuts its segments where the clips sound, brings
them to like levels, plays them faster and slower, and its network sees compressed magnitudes.

Everything random in step k is drawn from the seed and k, so a run that was stopped goes on as if it had not been.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CadenzaError
from ...files import atomic_file
from ...progress import Progress, silent
from ...settings import Settings
from ..neural import pick_device
from .checkpoint import FORMAT, META
from .clips import Clip, read_mono
from .network import AUDIOSEP, DCASE, SMALL, NetworkConfig, ResUNet
from .words import WordText, vocabulary_of

__all__ = ["SETUPS", "Setup", "Trained", "mix_batch", "train"]

#: Bounds of the factor that brings a neighbour to equal energy, and the least energy: the official code's.
_RATIOS, _FLOOR = (0.02, 50.0), 1e-10
#: A segment in which a clip sounds has at least this share of the clip's mean power.
_SOUNDING = 0.25
#: Seconds between two states on the disk.
_SAVE_EVERY = 60.0


@dataclass(frozen=True)
class Setup:
    """How to train.

    Parameters
    ----------
    network : NetworkConfig
    text : {"words", "clap"}
        An encoder of the training captions' words, trained along; or CLAP's, as it is.
    steps, batch : int
    seconds : float
        Length of a segment.
    learning_rate : float
    warm_up : int
        Steps in which it rises from 0.
    decay : bool
        Whether it falls to 0 in the end.
    gain : (int, int)
        Range of the neighbour's gain, dB.
    open_start : bool
        Begin with a mask that lets all pass unchanged, rather than with the official code's half-open one of random phase.
    speed : float
        Clips are played up to this much faster or slower (0.2: 20 %), and higher or lower with it, so that a small collection
        has more in it; 0: not.
    tries : int
        Places that are tried for a segment in which its clip sounds; 1: wherever it falls.
    levels : (float, float) or None
        Segments are brought to a level drawn from this range, dB FS (root mean square); None: they are as loud as they are.
    """

    network: NetworkConfig
    text: str
    steps: int
    batch: int
    seconds: float
    learning_rate: float = 1e-3
    warm_up: int = 10000
    decay: bool = False
    gain: tuple[int, int] = (-10, 10)
    open_start: bool = False
    speed: float = 0.0
    tries: int = 1
    levels: tuple[float, float] | None = None


SETUPS: Mapping[str, Setup] = {
    "small": Setup(
        SMALL,
        "words",
        steps=800,
        batch=8,
        seconds=1.0,
        learning_rate=3e-3,
        warm_up=50,
        decay=True,
        open_start=True,
        speed=0.2,
        tries=4,
        levels=(-35.0, -15.0),
    ),
    "dcase": Setup(DCASE, "clap", steps=200_000, batch=16, seconds=5.0),
    "audiosep": Setup(AUDIOSEP, "clap", steps=1_000_000, batch=12, seconds=5.0),
}


@dataclass(frozen=True)
class Trained:
    """What came of it: the checkpoint, steps and seconds of this run, and the loss over the last steps."""

    path: Path
    steps: int
    seconds: float
    loss: float
    notes: tuple[str, ...] = field(default=())


def mix_batch(segments: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
    """Mix each segment of a batch with the next one by the official rule.

    Parameters
    ----------
    segments : Tensor [shape=(batch, n)]
    gains : Tensor [shape=(batch,)]
        dB by which the neighbour is louder than at equal energy.

    Returns
    -------
    Tensor, Tensor [shape=(batch, n)]
        Mixtures and sources; both scaled by 0.9 / peak where a mixture's peak exceeds 1.
    """
    others = torch.roll(segments, -1, dims=0)
    energy = segments.square().mean(-1)
    ratio = (others.square().mean(-1) / energy.clamp_min(_FLOOR)).sqrt().clamp(*_RATIOS)
    noise = others / ratio[:, None] * 10 ** (gains[:, None] / 20)
    mixtures = segments + noise
    peak = mixtures.abs().amax(-1, keepdim=True)
    factor = torch.where(peak > 1, 0.9 / peak.clamp_min(1.0), 1.0)
    return mixtures * factor, segments * factor


class _Sounds:
    """The clips in memory, and what is drawn from them in a step."""

    def __init__(self, clips: Sequence[Clip], setup: Setup, seed: int, progress: Progress) -> None:
        self.setup, self.seed, self.rate = setup, seed, setup.network.sample_rate
        self.captions = [clip.caption for clip in clips]
        self.sounds = []
        for number, clip in enumerate(clips):
            progress(number / len(clips), f"reading clip {number + 1} of {len(clips)}")
            self.sounds.append(read_mono(clip.path, self.rate))
        if len(set(self.captions)) < 2:
            raise CadenzaError("Training mixes sounds of different captions; all clips given have the same one.")

    def batch(self, step: int) -> tuple[Tensor, Tensor, list[str]]:
        """Give mixtures, sources and captions of a step."""
        random = np.random.default_rng((self.seed, step))
        chosen = self._choose(random)
        frames = round(self.setup.seconds * self.rate)
        segments = torch.from_numpy(np.stack([self._segment(place, frames, random) for place in chosen]))
        low, high = self.setup.gain
        gains = torch.from_numpy(random.integers(low, high, len(chosen), endpoint=True).astype(np.float32))
        mixtures, sources = mix_batch(segments, gains)
        return mixtures, sources, [self.captions[place] for place in chosen]

    def _segment(self, place: int, frames: int, random: np.random.Generator) -> np.ndarray:
        speed = 1.0 + self.setup.speed * random.uniform(-1.0, 1.0) if self.setup.speed else 1.0
        sound = self.sounds[place]
        for _ in range(self.setup.tries):
            segment = _segment(sound, math.ceil(frames * speed), random)
            if _power(segment) >= _SOUNDING * _power(sound):
                break
        if speed != 1.0:
            segment = _played(segment, speed, frames)
        if self.setup.levels is None:
            return segment
        level = 10 ** (random.uniform(*self.setup.levels) / 20) / math.sqrt(max(_power(segment), _FLOOR))
        return segment * np.float32(min(level, _RATIOS[1]))

    def _choose(self, random: np.random.Generator) -> list[int]:
        """Draw clips so that no two neighbours in the ring have the same caption."""
        while True:
            chosen = [int(random.integers(len(self.sounds)))]
            while len(chosen) < self.setup.batch:
                place = int(random.integers(len(self.sounds)))
                if self.captions[place] != self.captions[chosen[-1]]:
                    chosen.append(place)
            if self.captions[chosen[0]] != self.captions[chosen[-1]]:
                return chosen


def _power(sound: np.ndarray) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def _segment(sound: np.ndarray, frames: int, random: np.random.Generator) -> np.ndarray:
    """Cut a segment somewhere; a sound that is shorter lies somewhere in silence."""
    spare = len(sound) - frames
    start = int(random.integers(abs(spare) + 1))
    if spare >= 0:
        return sound[start : start + frames]
    return np.pad(sound, (start, -spare - start))


def _played(segment: np.ndarray, speed: float, frames: int) -> np.ndarray:
    """Play a segment faster or slower; linear interpolation will do to learn from."""
    places = np.arange(frames) * speed
    return np.interp(places, np.arange(len(segment)), segment).astype(np.float32)


def train(
    clips: Sequence[Clip],
    out: Path,
    setup: Setup,
    *,
    seed: int = 0,
    device: str = "auto",
    settings: Settings | None = None,
    trained_on: str = "",
    progress: Progress = silent,
) -> Trained:
    """Train a separator on captioned clips and write its checkpoint.

    A state is written beside `out` about every minute (``NAME.training``), from which the same call goes on; it is deleted in
    the end.

    Parameters
    ----------
    clips : sequence of Clip
    out : Path
        The checkpoint, ending with ``.ckpt``; what is known of it is written to ``.json`` beside it.
    setup : Setup
    seed : int >= 0
    device : str
        As in the settings.
    settings : Settings, optional
        Where the text encoder's files are, for a setup that reads its queries with CLAP.
    trained_on : str
        In words, for the list of models.
    progress : Progress
        Called after each step; may raise Cancelled, after which the same call goes on.

    Raises
    ------
    CadenzaError
        If a clip cannot be read, there are fewer than two captions, files are missing, or a state is of another run.
    """
    if out.suffix != ".ckpt":
        raise CadenzaError(f"{out} must end with .ckpt.")
    place = pick_device(device)
    sounds = _Sounds(clips, setup, seed, lambda done, text: progress(0.02 * done, text))
    torch.manual_seed(seed)
    model = ResUNet(setup.network).to(place)
    if setup.open_start:
        nn.init.zeros_(model.base.after_conv.weight)
        model.base.after_conv.bias = nn.Parameter(torch.tensor([2.0, 2.0, 0.0], device=place))
    model.base.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a processor
    text = _text(setup, sounds.captions, settings).to(place)
    state = _State(out, model, text, setup, seed, sounds.captions)
    began, first = time.monotonic(), state.load()
    saved = began
    losses: list[float] = []
    for step in range(first, setup.steps):
        losses.append(state.step(step, *sounds.batch(step)))
        left = f"step {step + 1} of {setup.steps}, loss {np.mean(losses[-50:]):.4f}"
        if time.monotonic() - saved > _SAVE_EVERY:
            state.save(step + 1)
            saved = time.monotonic()
        try:
            progress(0.02 + 0.97 * (step + 1) / setup.steps, left)
        except BaseException:
            state.save(step + 1)
            raise
    seconds = time.monotonic() - began
    loss = float(np.mean(losses[-100:])) if losses else math.nan
    facts = {"seed": seed, "steps": setup.steps, "clips": len(clips), "loss": loss, "seconds": round(seconds, 1)}
    state.finish({**facts, "trained_on": trained_on or f"{len(clips)} clips of {len(set(sounds.captions))} captions"})
    progress(1.0, "trained")
    return Trained(out, setup.steps - first, seconds, loss)


class _Text(nn.Module):
    """What reads the captions in training: one of the two encoders, with a memory for the one that does not change."""

    def __init__(self, encoder: Any, fixed: bool) -> None:
        super().__init__()
        self.encoder, self.fixed = encoder, fixed
        self._memory: dict[str, Tensor] = {}

    def forward(self, captions: Sequence[str], device: torch.device) -> Tensor:
        if not self.fixed:
            ids, mask = self.encoder.tokens(captions)
            vectors: Tensor = self.encoder(ids.to(device), mask.to(device))
            return vectors
        for caption in set(captions) - set(self._memory):
            self._memory[caption] = self.encoder.encode([caption])[0].clone()
        return torch.stack([self._memory[caption] for caption in captions]).to(device)


def _text(setup: Setup, captions: Sequence[str], settings: Settings | None) -> _Text:
    if setup.text == "words":
        return _Text(WordText(vocabulary_of(captions), setup.network.condition), fixed=False)
    from .loading import load_clap_queries

    if settings is None:
        raise CadenzaError(
            "This size reads its captions with CLAP, whose files are needed (`cadenza models get lass-text`)."
        )
    return _Text(load_clap_queries(settings), fixed=True)


class _State:
    """Network, encoder and optimiser, and their file."""

    def __init__(
        self, out: Path, model: ResUNet, text: _Text, setup: Setup, seed: int, captions: Sequence[str]
    ) -> None:
        self.out, self.model, self.text, self.setup = out, model, text, setup
        self.path = out.with_suffix(".training")
        self.captions = sorted(set(captions))
        self.run = json.dumps([_plain(setup), seed, self.captions], sort_keys=True)
        learnt = [*model.parameters(), *([] if text.fixed else text.parameters())]
        self.optimiser = torch.optim.AdamW(
            learnt, lr=setup.learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=True
        )

    def step(self, number: int, mixtures: Tensor, sources: Tensor, captions: Sequence[str]) -> float:
        """Learn from one batch; give its loss."""
        device = next(self.model.parameters()).device
        for group in self.optimiser.param_groups:
            group["lr"] = self.setup.learning_rate * _rate(number, self.setup)
        self.model.train()
        condition = self.text(captions, device)
        estimate = self.model(mixtures[:, None].to(device), condition)[:, 0]
        loss = (estimate - sources.to(device)).abs().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def save(self, step: int) -> None:
        """Write the state after so many steps."""
        content = {"run": self.run, "step": step, "model": self.model.state_dict()}
        content |= {"text": {} if self.text.fixed else self.text.state_dict(), "optimiser": self.optimiser.state_dict()}
        with atomic_file(self.path) as temporary:
            torch.save(content, temporary)

    def load(self) -> int:
        """Go on from the state on the disk, if there is one; give the number of steps that are done.

        Raises
        ------
        CadenzaError
            If it is damaged, or of a run with other clips, sizes or seed.
        """
        from ..checkpoints import read_torch

        if not self.path.is_file():
            return 0
        content = read_torch(self.path)
        if not isinstance(content, dict) or content.get("run") != self.run:
            raise CadenzaError(
                f"{self.path} is the state of a training with other clips, sizes or seed. Finish that one, or delete the file."
            )
        self.model.load_state_dict(content["model"])
        if not self.text.fixed:
            self.text.load_state_dict(content["text"])
        self.optimiser.load_state_dict(content["optimiser"])
        return int(content["step"])

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the checkpoint and what is known of it; delete the state."""
        state = {f"ss_model.{name}": value.cpu().contiguous() for name, value in self.model.state_dict().items()}
        meta: dict[str, Any] = {"format": FORMAT, "network": self.setup.network.as_dict(), "captions": self.captions}
        meta["text"] = {"kind": self.setup.text}
        if not self.text.fixed:
            encoder: WordText = self.text.encoder
            state |= {f"query_encoder.{name}": value.cpu() for name, value in encoder.state_dict().items()}
            meta["text"]["vocabulary"] = list(encoder.vocabulary)
        with atomic_file(self.out) as temporary:
            torch.save({"state_dict": state, META: meta}, temporary)
        known = {**facts, "captions": self.captions, "text": self.setup.text, "setup": _plain(self.setup)}
        known["sample_rate"] = self.setup.network.sample_rate
        with atomic_file(self.out.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
        self.path.unlink(missing_ok=True)


def _plain(setup: Setup) -> dict[str, Any]:
    return {
        **asdict(setup),
        "network": setup.network.as_dict(),
        "gain": list(setup.gain),
        "levels": setup.levels and list(setup.levels),
    }


def _rate(step: int, setup: Setup) -> float:
    """Give the step's share of the learning rate."""
    share = min(1.0, (step + 1) / max(1, setup.warm_up))
    return share * 0.5 * (1 + math.cos(math.pi * step / setup.steps)) if setup.decay else share


def resized(setup: Setup, *, steps: int | None = None, batch: int | None = None) -> Setup:
    """Give a setup with other numbers of steps or of segments in a batch."""
    return replace(setup, steps=steps or setup.steps, batch=batch or setup.batch)
