"""Use any module of HEAR's API from arrays, and check what it gives: shapes, types, rates, numbers that are finite.

A module is code: loading one runs it. So only modules that the user names on the command line, or has registered there, are
loaded; no page takes a name.
"""

import importlib
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import CadenzaError

__all__ = ["FUNCTIONS", "SAMPLE_RATES", "Embedder", "Timestamps", "check_attributes", "import_module", "load_embedder"]

#: What a module must offer.
FUNCTIONS = ("load_model", "get_timestamp_embeddings", "get_scene_embeddings")
#: Rates that HEAR's data comes in, Hz.
SAMPLE_RATES = (16000, 22050, 32000, 44100, 48000)
_SIZES = ("scene_embedding_size", "timestamp_embedding_size")


@dataclass(frozen=True)
class Timestamps:
    """Embeddings over time of one sound.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_timestamps, size), dtype=float32]
    times : np.ndarray [shape=(n_timestamps,), dtype=float32]
        Centres, ms.
    """

    embeddings: np.ndarray
    times: np.ndarray


def import_module(name: str) -> ModuleType:
    """Import a module of HEAR's API by its dotted name, and check that it has the three functions.

    Raises
    ------
    CadenzaError
        If it cannot be imported or lacks a function.
    """
    try:
        module = importlib.import_module(name)
    except Exception as error:  # somebody else's code can fail in any way
        raise CadenzaError(
            f"The module {name!r} cannot be imported ({type(error).__name__}: {error}). Give the dotted name of a module "
            "with HEAR's functions that Python finds here, such as cadenza_core.embedding.naive."
        ) from error
    missing = [function for function in FUNCTIONS if not callable(getattr(module, function, None))]
    if missing:
        raise CadenzaError(
            f"The module {name!r} has no function {', '.join(missing)}; HEAR's API asks for {_wanted()}."
        )
    return module


def _wanted() -> str:
    return ", ".join(FUNCTIONS)


def check_attributes(model: Any, name: str) -> None:
    """Check a loaded model's type and its three attributes.

    Raises
    ------
    CadenzaError
        If it is no torch module, an attribute is missing or no int, or the sample rate is not one of HEAR's.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise CadenzaError(f"load_model of {name!r} gave a {type(model).__name__}; a torch.nn.Module is accepted.")
    for attribute in ("sample_rate", *_SIZES):
        value = getattr(model, attribute, None)
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise CadenzaError(f"The model of {name!r} has {attribute} {value!r}; a positive int is accepted.")
    if model.sample_rate not in SAMPLE_RATES:
        rates = ", ".join(map(str, SAMPLE_RATES))
        raise CadenzaError(f"The model of {name!r} wants {model.sample_rate} Hz; HEAR's data comes at {rates} Hz.")


class Embedder:
    """A loaded model: arrays in, checked arrays out.

    Parameters
    ----------
    name : str
        The module, for messages.
    module : ModuleType
        With HEAR's functions.
    model : torch.nn.Module
    device : str
        Where it computes.
    """

    def __init__(self, name: str, module: Any, model: Any, device: str = "cpu") -> None:
        check_attributes(model, name)
        self.name, self.module, self.device = name, module, device
        self.model = model.to(device).eval()
        self.sample_rate: int = model.sample_rate
        self.scene_size: int = model.scene_embedding_size
        self.timestamp_size: int = model.timestamp_embedding_size
        self._one_at_a_time = threading.Lock()  # a model of somebody else's need not bear two threads

    def scenes(self, audio: np.ndarray) -> np.ndarray:
        """Embed sounds of equal length.

        Parameters
        ----------
        audio : np.ndarray [shape=(n_sounds, n_samples)], mono, at `sample_rate`, in [-1, 1]

        Returns
        -------
        np.ndarray [shape=(n_sounds, scene_size), dtype=float32]

        Raises
        ------
        CadenzaError
            If the module fails, or gives another shape or type, or NaN.
        """
        embeddings = self._call("get_scene_embeddings", audio)
        self._check(embeddings, "scene embeddings", (len(audio), self.scene_size))
        return np.asarray(embeddings.detach().cpu().numpy())

    def timestamps(self, audio: np.ndarray) -> list[Timestamps]:
        """Embed sounds of equal length over time; else as :meth:`scenes`. Gives one for each sound."""
        result = self._call("get_timestamp_embeddings", audio)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CadenzaError(f"get_timestamp_embeddings of {self.name!r} gave no pair of embeddings and timestamps.")
        embeddings, times = result
        count = embeddings.shape[1] if getattr(embeddings, "ndim", 0) == 3 else -1
        self._check(embeddings, "timestamp embeddings", (len(audio), count, self.timestamp_size))
        self._check(times, "timestamps", (len(audio), count))
        pairs = zip(embeddings.detach().cpu().numpy(), times.detach().cpu().numpy(), strict=True)
        return [Timestamps(one, when) for one, when in pairs]

    def _call(self, function: str, audio: np.ndarray) -> Any:
        import torch

        from ..separation.precision import full_precision

        try:
            with self._one_at_a_time, torch.no_grad(), full_precision(torch.device(self.device)):
                tensor = torch.as_tensor(np.ascontiguousarray(audio, dtype=np.float32), device=self.device)
                return getattr(self.module, function)(tensor, self.model)
        except CadenzaError:
            raise
        except Exception as error:
            raise CadenzaError(
                f"{function} of {self.name!r} failed on audio of shape {audio.shape} ({type(error).__name__}: {error}). "
                f"`cadenza hear validate {self.name}` tells more."
            ) from error

    def _check(self, value: Any, what: str, shape: tuple[int, ...]) -> None:
        import torch

        found = tuple(getattr(value, "shape", ()))
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32 or found != shape or 0 in shape:
            wanted = ", ".join("any" if size < 0 else str(size) for size in shape)
            raise CadenzaError(
                f"{self.name!r} gave {what} of {getattr(value, 'dtype', type(value).__name__)}, shape {found}; a float32 "
                f"tensor of shape ({wanted}) is accepted."
            )
        if not bool(torch.isfinite(value).all()):
            raise CadenzaError(f"{self.name!r} gave {what} that are NaN or infinite: they cannot be compared.")


def load_embedder(
    name: str,
    module_name: str,
    model_file: Path | None = None,
    *,
    device: str = "auto",
) -> Embedder:
    """Import a module and load its model.

    Parameters
    ----------
    name : str
        What to call it in messages.
    module_name : str
        Dotted name.
    model_file : Path, optional
        Given to ``load_model``; None: its own default.
    device : str
        As in the settings; "auto" is CUDA where there is one.

    Raises
    ------
    CadenzaError
        If anything of it fails or is not as the API says.
    """
    import torch

    module = import_module(module_name)
    arguments = [str(model_file)] if model_file is not None else []
    try:
        model = module.load_model(*arguments)
    except CadenzaError:
        raise
    except Exception as error:
        raise CadenzaError(f"load_model of {name!r} failed ({type(error).__name__}: {error}).") from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Embedder(name, module, model, device)
