"""Read the checkpoints of language-queried separators: strictly, and without running what they might hold.

The official files are PyTorch Lightning's: ``["state_dict"]`` with the separator under ``ss_model.`` and CLAP under
``query_encoder.model.``. LAION's own file of CLAP has ``module.`` instead. Ours have the same layout, with the network's
sizes and what the queries are read with under ``["cadenza_lass"]`` (see `training`).

Every entry that is missing, unexpected or of another shape is named. The only ones that may be there and are not used are the
fixed ones of the STFT (`torch.stft` has them built in), and those of CLAP's audio side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import CadenzaError
from ..checkpoints import numpy_scalars, read_torch

if TYPE_CHECKING:
    import torch

    from .network import NetworkConfig, ResUNet

__all__ = ["FORMAT", "META", "CheckpointFault", "Contents", "load_into", "load_separator", "read_checkpoint"]

#: Key and version of what our own files hold besides.
META, FORMAT = "cadenza_lass", 1
_SEPARATOR, _QUERIES = "ss_model.", "query_encoder."
_FIXED = ("base.stft.", "base.istft.")
#: Official files by name: the sample rate of what is in them.
_RATES = {"audiosep_16k,baseline,step=200000.ckpt": 16000, "audiosep_base_4M_steps.ckpt": 32000}
_NAMED = 20


class CheckpointFault(CadenzaError):
    """A checkpoint that does not fit.

    Parameters
    ----------
    path : Path
    missing, unexpected : tuple of str
        Names of entries.
    misshaped : tuple of str
        Name, shape and expected shape.
    advice : str
    """

    def __init__(
        self,
        path: Path,
        missing: tuple[str, ...] = (),
        unexpected: tuple[str, ...] = (),
        misshaped: tuple[str, ...] = (),
        advice: str = "Get the file from its publisher again, or choose the model that it belongs to.",
    ) -> None:
        self.missing, self.unexpected, self.misshaped = missing, unexpected, misshaped
        faults = [
            f"{what}: {_listed(names)}"
            for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshaped))
            if names
        ]
        super().__init__(f"{path} does not fit the network. Entries {'; '.join(faults)}. {advice}")


def _listed(names: tuple[str, ...]) -> str:
    more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


@dataclass(frozen=True)
class Contents:
    """What a checkpoint holds.

    Parameters
    ----------
    path : Path
    separator, queries : mapping of str to Tensor
        Entries of the separator and of what reads the queries, without ``ss_model.`` and ``query_encoder.``.
    meta : mapping
        What our own files say of themselves; empty in others.
    """

    path: Path
    separator: Mapping[str, "torch.Tensor"] = field(repr=False)
    queries: Mapping[str, "torch.Tensor"] = field(repr=False)
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_checkpoint(path: Path) -> Contents:
    """Read a checkpoint's entries.

    Raises
    ------
    CadenzaError
        If there is no such file, or it is no checkpoint, is damaged, or holds more than weights; each is named.
    """
    import torch

    if not path.is_file():
        raise CadenzaError(f"There is no checkpoint {path}.")
    content = read_torch(path, numpy_scalars(), mapped=True)
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise CadenzaError(
            f"{path} is not a checkpoint of a language-queried separator: it must hold a 'state_dict' of tensors by name."
        )
    if strange := [str(name) for name, value in state.items() if not isinstance(value, torch.Tensor)]:
        raise CadenzaError(f"{path}: entries that are no tensors: {_listed(tuple(strange))}.")
    parts: dict[str, dict[str, torch.Tensor]] = {_SEPARATOR: {}, _QUERIES: {}}
    unexpected = []
    for name, value in state.items():
        name = str(name)
        if name.startswith("module."):  # LAION's own file of CLAP
            name = f"{_QUERIES}model.{name.removeprefix('module.')}"
        prefix = next((prefix for prefix in parts if name.startswith(prefix)), "")
        if prefix:
            parts[prefix][name.removeprefix(prefix)] = value
        else:
            unexpected.append(name)
    if unexpected:
        raise CheckpointFault(path, unexpected=tuple(unexpected))
    return Contents(path, parts[_SEPARATOR], parts[_QUERIES], _meta(path, content))


def _meta(path: Path, content: Mapping[Any, Any]) -> Mapping[str, Any]:
    meta = content.get(META, {})
    if meta and (not isinstance(meta, Mapping) or meta.get("format") != FORMAT):
        raise CadenzaError(
            f"{path} was written by another version of Cadenza Studio; version {FORMAT} of the format is read."
        )
    return meta if isinstance(meta, Mapping) else {}


def load_separator(path: Path | str, *, sample_rate: int | None = None) -> "ResUNet":
    """Load a separator: an official checkpoint, or one that `cadenza lass train` wrote.

    Parameters
    ----------
    path : Path
    sample_rate : int, optional
        The rate (Hz) it is said to work at; None: whatever the file holds (16000 or 32000).

    Returns
    -------
    ResUNet
        On the CPU, in evaluation mode. Called with mixture (batch, 1, n) and condition (batch, 512), it returns
        (batch, 1, n), float32; its ``sample_rate`` is in Hz.

    Raises
    ------
    CheckpointFault
        Naming every entry that is missing, unexpected or of another shape.
    CadenzaError
        If it is no checkpoint, holds more than weights, or is one for another sample rate.
    """
    return build_separator(read_checkpoint(Path(path)), sample_rate=sample_rate)


def build_separator(contents: Contents, *, sample_rate: int | None = None) -> "ResUNet":
    """Make the separator of a checkpoint that was read: see :func:`load_separator`."""
    from .network import ResUNet

    if not contents.separator:
        raise CadenzaError(
            f"{contents.path} holds no separator: it has no entries ss_model.*. (CLAP's own file holds the text encoder only.)"
        )
    config = _config(contents)
    expected = sample_rate or _RATES.get(contents.path.name)
    if expected and expected != config.sample_rate:
        raise CadenzaError(
            f"{contents.path} is a separator for {config.sample_rate} Hz ({config.bins} frequency bins), and one for "
            f"{expected} Hz was expected. Get the right file, or choose the other model."
        )
    model = ResUNet(config)
    state = {name: value for name, value in contents.separator.items() if not name.startswith(_FIXED)}
    load_into(model, state, contents.path, prefix=_SEPARATOR)
    return model.eval()


def _config(contents: Contents) -> "NetworkConfig":
    from .network import AUDIOSEP, DCASE, NetworkConfig

    path = contents.path
    if contents.meta:
        try:
            sizes = dict(contents.meta["network"])
            return NetworkConfig(**{**sizes, "channels": tuple(sizes["channels"])})
        except (KeyError, TypeError, ValueError) as error:
            raise CadenzaError(f"{path} does not say its network's sizes as it should: {error!r}.") from error
    known = {config.bins: config for config in (DCASE, AUDIOSEP)}
    bins = {
        len(value) for name, value in contents.separator.items() if name.startswith("base.bn0.") and value.ndim == 1
    }
    fitting = [config for size, config in known.items() if size in bins]
    if not fitting:
        found = ", ".join(map(str, sorted(bins))) or "no entry base.bn0.*"
        raise CadenzaError(
            f"{path} is not a separator that is known here: its spectra have {found} frequency bins; "
            f"{' or '.join(f'{size} ({config.sample_rate} Hz)' for size, config in known.items())} are accepted."
        )
    return fitting[0]


def load_into(
    model: "torch.nn.Module", state: Mapping[str, "torch.Tensor"], path: Path, *, prefix: str = "", assign: bool = False
) -> None:
    """Give a model all of its entries and nothing else; `prefix` is put before their names in messages.

    Half-precision numbers become float32, which holds them exactly.

    Raises
    ------
    CheckpointFault
        If they do not fit.
    CadenzaError
        If one holds NaN or infinity.
    """
    wanted = model.state_dict()
    missing = tuple(prefix + name for name in wanted if name not in state)
    unexpected = tuple(prefix + name for name in state if name not in wanted)
    misshaped = tuple(
        f"{prefix}{name} {list(state[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    )
    if missing or unexpected or misshaped:
        raise CheckpointFault(path, missing, unexpected, misshaped)
    spoilt = tuple(prefix + name for name, value in state.items() if not value.isfinite().all())
    if spoilt:
        raise CadenzaError(f"{path} holds numbers that are not finite, in {_listed(spoilt)}. It is damaged.")
    fitted = {name: value.to(wanted[name].dtype) for name, value in state.items()}
    model.load_state_dict(fitted, assign=assign)
