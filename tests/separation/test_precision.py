"""The same numbers on every device: what reaches the inverse transform on a GPU is what the processor computes anyway."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

from cadenza_core.separation.precision import RealEnds, full_precision


class Seen(TorchFunctionMode):
    """Keeps what reaches `torch.istft`."""

    spectra = None

    def __torch_function__(self, function, types, arguments=(), named=None):
        if function in (torch.istft, torch.Tensor.istft):
            self.spectra = (*arguments, *(named or {}).values())[0]
        return function(*arguments, **(named or {}))


def spectra(bins):
    return torch.randn(2, bins, 9, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


WAYS = {
    "by position": lambda given, n_fft: torch.istft(given, n_fft, window=torch.hann_window(n_fft)),
    "by name": lambda given, n_fft: torch.istft(input=given, n_fft=n_fft, window=torch.hann_window(n_fft)),
    "as a method": lambda given, n_fft: given.istft(n_fft, window=torch.hann_window(n_fft)),
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize(("n_fft", "ends"), [(64, [0, 32]), (63, [0])])
def test_the_ends_of_a_spectrum_are_real_and_the_processor_s_signal_is_the_same(way, n_fft, ends):
    given = spectra(n_fft // 2 + 1)
    expected = WAYS[way](given.clone(), n_fft)
    with Seen() as seen, RealEnds():
        signal = WAYS[way](given, n_fft)
    assert torch.equal(signal, expected)
    assert not seen.spectra.imag[:, ends].any()
    middle = [line for line in range(n_fft // 2 + 1) if line not in ends]
    assert torch.equal(seen.spectra[:, middle], given[:, middle])
    assert torch.equal(seen.spectra.real, given.real)
    assert given.imag[:, ends].all()  # the caller's own is left alone


def test_the_two_sided_spectrum_of_a_complex_signal_is_left_alone():
    given = spectra(64)
    with Seen() as seen, RealEnds():
        torch.istft(given, 64, window=torch.hann_window(64), onesided=False, return_complex=True)
    assert torch.equal(seen.spectra, given)


def test_tensorfloat_is_off_and_comes_back():
    before = torch.backends.cudnn.allow_tf32
    with full_precision(torch.device("cuda")):
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
