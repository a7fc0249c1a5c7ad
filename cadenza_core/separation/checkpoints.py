"""Read model files without running what they might hold.

A PyTorch file is a pickle, which can run any program when it is read. Everything here is read with
``weights_only=True``: tensors, plain containers and numbers, and beyond that only the classes named below. Safetensors
files hold no code; the class that they name is taken from the same short list.
"""

import json
import pickle
import re
import threading
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadenzaError

if TYPE_CHECKING:
    import torch

__all__ = ["demucs_bag", "demucs_model", "load_state", "numpy_scalars", "read_state", "read_torch"]

_ALLOWING = threading.Lock()  # torch's list of allowed classes belongs to the whole process


def read_torch(path: Path, allowed: Sequence[Any] = (), *, mapped: bool = False) -> Any:
    """Read a PyTorch file to the CPU; besides tensors and plain data it may hold only what `allowed` names.

    With `mapped`, tensors stay on the disk until they are used, where the file's format allows it: for files of which only
    a part is wanted.

    Raises
    ------
    CadenzaError
        If the file holds anything else, is damaged, or is no PyTorch file.
    """
    import torch

    try:
        with _ALLOWING, torch.serialization.safe_globals(list(allowed)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the version of the pickle format
            mapped = mapped and zipfile.is_zipfile(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if refused := re.search(r"GLOBAL (\S+)|function <?([^>\s]+)", str(error)):
            what = refused[1] or refused[2]
            raise CadenzaError(
                f"{path} holds more than weights ({what}) and was not loaded: reading it could run a program. Get the "
                "weights from their publisher."
            ) from error
        raise CadenzaError(f"{path} is not a PyTorch checkpoint, or is damaged.") from error
    except Exception as error:  # a damaged archive can fail in any way
        raise CadenzaError(f"{path} is damaged or not a PyTorch checkpoint: {_first_line(error)}") from error


def read_state(path: Path) -> dict[str, "torch.Tensor"]:
    """Read a file that holds nothing but a model's tensors by name.

    Raises
    ------
    CadenzaError
        As :func:`read_torch`, or if it holds anything else.
    """
    import torch

    state = read_torch(path)
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CadenzaError(f"{path} holds {type(state).__name__}, not a model's tensors by name.")
    return dict(state)


def load_state(
    model: "torch.nn.Module", state: Mapping[str, "torch.Tensor"], path: Path, *, surplus: frozenset[str] = frozenset()
) -> None:
    """Give `model` its tensors, all of them; `surplus` names what the file may hold besides.

    Raises
    ------
    CadenzaError
        If names or shapes do not fit.
    """
    try:
        model.load_state_dict({name: value for name, value in state.items() if name not in surplus})
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise CadenzaError(f"{path} does not fit the architecture {type(model).__name__}: {detail[:300]}") from error


def demucs_model(path: Path) -> Any:
    """Load one Demucs model: a ``.th`` package, or the Hugging Face hub's ``.safetensors``.

    Half-precision weights become float32, as ``demucs.states.load_model`` does it.

    Raises
    ------
    CadenzaError
        If the file is damaged, holds more than weights, is quantised (diffq), or does not fit its architecture.
    """
    from demucs.states import load_model

    package = _safetensors_package(path) if path.suffix == ".safetensors" else _th_package(path)
    if not isinstance(package["state"], Mapping) or package["state"].get("__quantized"):
        raise CadenzaError(f"{path} is quantised (diffq); only full or half precision checkpoints can be loaded.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about training options that the class no longer has
            return load_model(package)
    except Exception as error:
        what = package["klass"].__name__
        raise CadenzaError(f"{path} does not fit the architecture {what}: {_first_line(error)}") from error


def _th_package(path: Path) -> dict[str, Any]:
    package = read_torch(path, _demucs_allowed())
    wanted = {"klass": type, "args": tuple | list, "kwargs": dict, "state": dict}
    if not isinstance(package, dict) or not all(isinstance(package.get(key), kind) for key, kind in wanted.items()):
        raise CadenzaError(f"{path} is not a Demucs package: it must hold {', '.join(wanted)} (demucs.states).")
    if package["klass"] not in _demucs_classes().values():
        raise CadenzaError(f"{path} names {package['klass'].__name__}, which is no Demucs architecture.")
    return {key: package[key] for key in wanted}


def _safetensors_package(path: Path) -> dict[str, Any]:
    """Read what ``demucs.hf.load_safetensors_model`` reads, but take the class from our list, not from the file."""
    from safetensors import safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            facts = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        klass = _demucs_classes().get(facts.get("klass", ""))
        args, kwargs = (_decoded(json.loads(facts.get(key, "null"))) for key in ("args", "kwargs"))
    except Exception as error:
        raise CadenzaError(f"{path} is damaged or not a safetensors file: {_first_line(error)}") from error
    if klass is None or not isinstance(args, list) or not isinstance(kwargs, dict):
        raise CadenzaError(f"{path} is not a Demucs model: its metadata name {facts.get('klass')!r}.")
    if "structure" in facts:
        state["__quantized"] = True
    return {"klass": klass, "args": args, "kwargs": kwargs, "state": state}


def _decoded(value: Any) -> Any:
    """Undo the JSON form of model arguments (``demucs.hf``): a fraction is ``{"_type": "fraction", ...}``."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(value["numerator"], value["denominator"])
        return {key: _decoded(item) for key, item in value.items()}
    return [_decoded(item) for item in value] if isinstance(value, list) else value


def _demucs_classes() -> dict[str, type]:
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    return {
        "demucs.demucs.Demucs": Demucs,
        "demucs.hdemucs.HDemucs": HDemucs,
        "demucs.htdemucs.HTDemucs": HTDemucs,
        "demucs.wdemucs.WDemucs": HDemucs,  # its name when the MDX models were trained
    }


def _demucs_allowed() -> list[Any]:
    """Name the classes in a Demucs package: the architectures, fractions (segment), NumPy numbers (training options)."""
    classes = [(cls, name) for name, cls in _demucs_classes().items()]
    return [*classes, Fraction, *numpy_scalars()]


def numpy_scalars() -> list[Any]:
    """Name what NumPy's single numbers are made of, for `read_torch`: training programs write scores and options as such."""
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since NumPy 2
    numbers = [np.dtype, *(type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8"))]
    return [*numbers, *((scalar, name) for name in names)]


def demucs_bag(
    models: Sequence[Any], weights: Sequence[Sequence[float]] | None = None, segment: float | None = None
) -> Any:
    """Put Demucs models together: ``demucs.apply.BagOfModels``, ready for inference.

    Parameters
    ----------
    models : sequence of Demucs models
        With the same sources, sample rate and channels.
    weights : sequence of sequence of float, optional
        One row per model with one number per source; all ones where not given.
    segment : float > 0, optional
        Segment length in seconds, instead of the models' own.

    Raises
    ------
    CadenzaError
        If the models do not belong together or the weights do not fit them.
    """
    from demucs.apply import BagOfModels

    facts = {(tuple(model.sources), model.samplerate, model.audio_channels) for model in models}
    if len(facts) != 1:
        raise CadenzaError(f"The models of one bag must agree in sources, sample rate and channels; they have {facts}.")
    stems = len(next(iter(facts))[0])
    if weights is not None and (len(weights) != len(models) or any(len(row) != stems for row in weights)):
        raise CadenzaError(
            f"A bag of {len(models)} models with {stems} sources needs {len(models)} rows of {stems} weights."
        )
    if weights is not None and any(sum(column) == 0 for column in zip(*weights, strict=True)):
        raise CadenzaError("Each source of a bag needs a model whose weight for it is not 0.")
    bag = BagOfModels(list(models), None if weights is None else [list(row) for row in weights], segment)
    return bag.eval()


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
