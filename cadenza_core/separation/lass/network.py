"""ResUNet30 with FiLM: the network that finds in a mixture what a sentence describes.

A U-Net of residual blocks over the spectrogram's magnitude; the query, a vector, shifts every block's activations (FiLM,
here only its additive part). It gives a mask for each bin: a factor between 0 and 1, and a rotation of the phase.

The same network as in AudioSep (Liu et al. 2023, "Separate anything you describe", arXiv:2308.05037) and the baseline of
DCASE 2024 task 9, with the same names of weights, so that their checkpoints fit; written anew on `torch.stft`. A mask is
linear: it can be put on other signals than the one that it was found in, such as both channels of a stereo mixture, or
its stems.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AUDIOSEP", "DCASE", "SMALL", "NetworkConfig", "ResUNet"]

#: Smallest power of a bin, and the slope of the activations for negative values: the official code's.
_FLOOR, _SLOPE = 1e-10, 0.01
#: Momentum of the batch norms' running statistics, as there.
_MOMENTUM = 0.01
#: Frames that a block works on at once, and how far two convolutions of 3 x 3 reach.
_STRIP, _HALO = 64, 2


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Parameters
    ----------
    sample_rate : int
        Hz, of what it separates.
    n_fft, hop : int
        Window and hop of the STFT, samples.
    channels : tuple of int
        Feature maps of each encoder block, then of the bottleneck.
    condition : int
        Length of the vector that describes what is wanted.
    compression : float
        The network sees magnitudes to this power; the official ones as they are. Below 1 what is soft counts more.
    """

    sample_rate: int
    n_fft: int
    hop: int
    channels: tuple[int, ...] = (32, 64, 128, 256, 384, 384, 384)
    condition: int = 512
    compression: float = 1.0

    @property
    def bins(self) -> int:
        """Frequency bins of the STFT."""
        return self.n_fft // 2 + 1

    @property
    def grid(self) -> int:
        """Frames that the encoder makes one of: every encoder block but the last halves their number."""
        return 2 ** (len(self.channels) - 2)

    @property
    def reach(self) -> int:
        """How many frames to each side a sample of the output may depend on; an upper bound, a multiple of `grid`.

        Two convolutions of 3 x 3 in each block, at the block's resolution: down, in the bottleneck, and up again; cells of
        `grid` frames; and the STFT's window there and back.
        """
        down = [2**level for level in range(len(self.channels) - 1)]
        blocks = 2 * (sum(down) + down[-1] + sum(down))
        frames = blocks + self.grid + 2 * (self.n_fft // (2 * self.hop) + 1)
        return -(-frames // self.grid) * self.grid

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return {**asdict(self), "channels": list(self.channels)}


#: AudioSep's, and the DCASE baseline's.
AUDIOSEP = NetworkConfig(sample_rate=32000, n_fft=2048, hop=320)
DCASE = NetworkConfig(sample_rate=16000, n_fft=1024, hop=160)
#: Ours: small enough to be trained on a processor in minutes.
SMALL = NetworkConfig(
    sample_rate=16000, n_fft=512, hop=256, channels=(8, 16, 32, 64, 64), condition=64, compression=0.3
)


class _Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs, momentum=_MOMENTUM)
        self.bn2 = nn.BatchNorm2d(outputs, momentum=_MOMENTUM)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor, beta1: Tensor, beta2: Tensor) -> Tensor:
        y = self.conv1(_activate(self.bn1(x), beta1))
        y = self.conv2(_activate(self.bn2(y), beta2))
        return y.add_(x if self.shortcut is None else self.shortcut(x))


class _Encoder(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_block1 = _Block(inputs, outputs)

    def forward(self, x: Tensor, beta1: Tensor, beta2: Tensor) -> Tensor:
        return _in_strips(x.shape[2], lambda part: self.conv_block1(x[:, :, part], beta1, beta2))


class _Decoder(nn.Module):
    def __init__(self, inputs: int, outputs: int, upsample: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(inputs, outputs, upsample, stride=upsample, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs, momentum=_MOMENTUM)
        self.conv_block2 = _Block(2 * outputs, outputs)
        self.bn2 = nn.BatchNorm2d(inputs, momentum=_MOMENTUM)  # unused, as in the official code; in its checkpoints
        self.up = upsample[0]

    def forward(self, x: Tensor, skip: Tensor, beta: Tensor, beta1: Tensor, beta2: Tensor) -> Tensor:
        def decode(part: slice) -> Tensor:
            below = x[:, :, part.start // self.up : part.stop // self.up]
            above = self.conv1(_activate(self.bn1(below), beta))
            y: Tensor = self.conv_block2(torch.cat((above, skip[:, :, part]), dim=1), beta1, beta2)
            return y

        return _in_strips(skip.shape[2], decode)


class _Base(nn.Module):
    """The U-Net: from magnitudes to the three feature maps that make a mask."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        *encoders, bottleneck = config.channels
        self.depth = len(encoders)
        self.pool = [(2, 2)] * (self.depth - 1) + [(1, 2)]
        self.grid = config.grid
        self.bn0 = nn.BatchNorm2d(config.bins, momentum=_MOMENTUM)
        self.pre_conv = nn.Conv2d(1, encoders[0], 1)
        inputs = [encoders[0], *encoders[:-1]]
        for level, (before, after) in enumerate(zip(inputs, encoders, strict=True), start=1):
            self.add_module(f"encoder_block{level}", _Encoder(before, after))
        self.add_module(self.bottleneck, _Encoder(encoders[-1], bottleneck))
        inputs = [bottleneck, *encoders[:0:-1]]
        for level, (before, after, up) in enumerate(
            zip(inputs, reversed(encoders), reversed(self.pool), strict=True), start=1
        ):
            self.add_module(f"decoder_block{level}", _Decoder(before, after, up))
        self.after_conv = nn.Conv2d(encoders[0], 3, 1)

    @property
    def bottleneck(self) -> str:
        return f"conv_block{self.depth + 1}a"

    def forward(self, magnitude: Tensor, film: "_Film") -> Tensor:
        """Give feature maps (batch, 3, frames, bins) for magnitudes (batch, 1, frames, bins)."""
        frames = magnitude.shape[2]
        x = self.bn0(magnitude.transpose(1, 3)).transpose(1, 3)
        x = self.pre_conv(F.pad(x, (0, 0, 0, -frames % self.grid))[..., :-1])  # the top bin is left out
        skips = []
        for level in range(1, self.depth + 1):
            block = f"encoder_block{level}->conv_block1"
            skips.append(self.get_submodule(f"encoder_block{level}")(x, *film.betas(block)))
            x = F.avg_pool2d(skips[-1], self.pool[level - 1])
        x = self.get_submodule(self.bottleneck)(x, *film.betas(f"{self.bottleneck}->conv_block1"))
        for level in range(1, self.depth + 1):
            name = f"decoder_block{level}"
            beta, _ = film.betas(name)
            x = self.get_submodule(name)(x, skips.pop(), beta, *film.betas(f"{name}->conv_block2"))
        return F.pad(self.after_conv(x), (0, 1))[:, :, :frames]


class _FilmLayers(nn.Module):
    """One linear layer for each batch norm: from the condition to what is added there."""

    def __init__(self, base: _Base, condition: int) -> None:
        super().__init__()
        for path, module in base.named_modules():
            if isinstance(module, _Block | _Decoder):
                for number, norm in ((1, module.bn1), (2, module.bn2)):
                    name = "->".join([*path.split("."), f"beta{number}"])
                    self.add_module(name, nn.Linear(condition, norm.num_features))

    def forward(self, condition: Tensor) -> "_Film":
        return _Film(self, condition)


class _Film:
    """The shifts of one condition, (batch, maps, 1, 1), computed as they are needed."""

    def __init__(self, layers: _FilmLayers, condition: Tensor) -> None:
        self._layers, self._condition = layers, condition

    def betas(self, path: str) -> tuple[Tensor, Tensor]:
        both = (self._layers._modules[f"{path}->beta{number}"] for number in (1, 2))
        first, second = (layer(self._condition)[:, :, None, None] for layer in both if layer is not None)
        return first, second


class ResUNet(nn.Module):
    """The separator.

    Parameters
    ----------
    config : NetworkConfig
    """

    window: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.base = _Base(config)
        self.film = _FilmLayers(self.base, config.condition)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        _initialise(self)

    @property
    def sample_rate(self) -> int:
        """Sample rate of what it separates, Hz."""
        return self.config.sample_rate

    def forward(
        self, mixture: Tensor, condition: Tensor, channels: Tensor | None = None, without: Sequence[Tensor] = ()
    ) -> Tensor:
        """Separate.

        Parameters
        ----------
        mixture : Tensor [shape=(batch, 1, n), dtype=float32]
            At `sample_rate`, full scale 1.0; any n > 0.
        condition : Tensor [shape=(batch, 512)]
            What is wanted, as the text encoder gives it (64 numbers for the small network).
        channels : Tensor [shape=(batch, c, n)], optional
            Signals that the mask found in the mixture is put on; None: the mixture itself.
        without : sequence of Tensor [shape=(batch, 512)]
            What is not wanted: the magnitude that the network would give to it is taken off the mask, each time as
            ``mask * (1 - |mask of it|)``. No part of the official system.

        Returns
        -------
        Tensor [shape=(batch, 1, n)], or (batch, c, n)
        """
        length = mixture.shape[-1]
        spectrum = self._stft(mixture)
        mask = self.mask(spectrum, condition)
        for unwanted in without:
            mask = mask * (1 - self.mask(spectrum, unwanted).abs())
        if channels is None:
            return self._istft(spectrum * mask, length)
        return torch.cat([self._istft(self._stft(one) * mask, length) for one in channels.split(1, dim=1)], dim=1)

    def mask(self, spectrum: Tensor, condition: Tensor) -> Tensor:
        """Give the complex mask (batch, 1, frames, bins) for a spectrum of that shape: no value exceeds 1."""
        power = (spectrum.real**2 + spectrum.imag**2).clamp_min_(_FLOOR)
        magnitude = power.sqrt_() if self.config.compression == 1.0 else power.pow_(self.config.compression / 2)
        features = self.base(magnitude, self.film(condition))
        real, imaginary = torch.tanh(features[:, 1:2]), torch.tanh(features[:, 2:3])
        factor = torch.sigmoid(features[:, 0:1]) / torch.sqrt(real**2 + imaginary**2).clamp_min(_FLOOR)
        return torch.complex(real * factor, imaginary * factor)

    def _stft(self, signals: Tensor) -> Tensor:
        """Give spectra (batch, c, frames, bins) of signals (batch, c, n)."""
        batch, count, length = signals.shape
        if length < self.config.n_fft:  # reflection needs more than half a window
            signals = F.pad(signals, (0, self.config.n_fft - length))
        spectra = torch.stft(
            signals.reshape(batch * count, -1),
            self.config.n_fft,
            self.config.hop,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectra.transpose(1, 2).reshape(batch, count, -1, self.config.bins)

    def _istft(self, spectra: Tensor, length: int) -> Tensor:
        batch, count, frames, bins = spectra.shape
        signals = torch.istft(
            spectra.reshape(batch * count, frames, bins).transpose(1, 2),
            self.config.n_fft,
            self.config.hop,
            window=self.window,
            center=True,
            length=max(length, self.config.n_fft),
        )
        return signals.reshape(batch, count, -1)[..., :length]


def _in_strips(frames: int, compute: Callable[[slice], Tensor]) -> Tensor:
    """Compute a block of two convolutions a strip of frames at a time: the same in a fraction of the memory.

    `compute` gives the output for a slice of frames; the two next to it on each side count as well. Training does all at
    once: its gradients need everything anyway, and its batch norms the whole batch.
    """
    if torch.is_grad_enabled() or frames <= _STRIP:
        return compute(slice(0, frames))
    whole: Tensor | None = None
    for start in range(0, frames, _STRIP):
        first, last = max(0, start - _HALO), min(frames, start + _STRIP + _HALO)
        strip = compute(slice(first, last))[:, :, start - first :][:, :, :_STRIP]
        if whole is None:
            whole = strip.new_empty((*strip.shape[:2], frames, strip.shape[3]))
        whole[:, :, start : start + strip.shape[2]] = strip
    assert whole is not None
    return whole


def _activate(normed: Tensor, beta: Tensor) -> Tensor:
    """Shift and activate, in the batch norm's own output: nobody else needs it."""
    return F.leaky_relu_(normed.add_(beta), _SLOPE)


def _initialise(model: nn.Module) -> None:
    """Start as the official code does: Xavier's uniform weights, no bias."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
