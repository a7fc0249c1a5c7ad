"""Look at a folder of checkpoints: which files make up the model, and how they belong together. Loads nothing."""

import re
from pathlib import Path
from typing import Any

from ..audio import STEMS
from ..errors import CadenzaError
from ..files import parse_json, parse_yaml

__all__ = ["demucs_folder", "unmix_folder"]

_HUGE = 1e9  # beyond this a value is taken for nonsense
_ACCEPTED = (
    "Accepted are a Demucs folder (one .th file, or NAME.yaml with its SIGNATURE.th files) and an Open-Unmix folder "
    "(separator.json, and TARGET.json with TARGET.pth for each target)."
)


def demucs_folder(folder: Path, name: str) -> dict[str, Any]:
    """Find a bag's files, weights and segment; ``NAME.yaml`` and ``NAME.th`` win where there are several.

    Raises
    ------
    CadenzaError
        If the folder holds no Demucs model or several, or the YAML is not a bag or names files that are not there.
    """
    bags = sorted(folder.glob("*.yaml"))
    models = sorted((*folder.glob("*.th"), *folder.glob("*.safetensors")))
    for kind in (bags, models):
        chosen = [path for path in kind if path.stem == name] or kind
        if len(chosen) > 1:
            found = ", ".join(path.name for path in chosen)
            raise CadenzaError(f"{folder} holds several models: {found}. Register it under the name of one of them.")
        if chosen:
            path = chosen[0]
            return _bag(path, models) if kind is bags else {"files": [_file(path)], "weights": None, "segment": None}
    names = sorted(path.name for path in folder.iterdir())
    found = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else "nothing"
    raise CadenzaError(f"{folder} holds no model: {found} was found. {_ACCEPTED}")


def _bag(path: Path, models: list[Path]) -> dict[str, Any]:
    try:
        bag = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as YAML: {error}.") from error
    signatures = bag.get("models") if isinstance(bag, dict) else None
    if not isinstance(signatures, list) or not signatures or not all(isinstance(one, str) for one in signatures):
        raise CadenzaError(f"{path} is not a bag of models: it must set `models` to a list of signatures (in quotes).")
    files = []
    for signature in signatures:
        fitting = [model for model in models if signature == model.stem or signature == model.stem.rpartition("-")[0]]
        if len(fitting) != 1:
            found = ", ".join(model.name for model in fitting or models) or "no .th file"
            raise CadenzaError(f"{path} needs one file {signature}.th or {signature}-CHECKSUM.th; found was {found}.")
        files.append(_file(fitting[0]))
    weights, segment = bag.get("weights"), bag.get("segment")
    rows = weights if isinstance(weights, list) and all(isinstance(row, list) for row in weights) else None
    if weights is not None and (rows is None or not all(_number(value) for row in rows for value in row)):
        raise CadenzaError(f"{path}: `weights` must be a list of rows of numbers, one row per model.")
    if segment is not None and not (_number(segment) and segment > 0):
        raise CadenzaError(f"{path}: `segment` must be a number of seconds above 0, not {segment!r}.")
    return {"files": files, "weights": rows, "segment": segment}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _file(path: Path) -> list[str]:
    """Name a file, and the first digits of its digest where they are in the name (``demucs.states``)."""
    checksum = path.stem.rpartition("-")[2] if "-" in path.stem else ""
    return [path.name, checksum if re.fullmatch("[0-9a-f]{8,64}", checksum) else ""]


def unmix_folder(folder: Path) -> dict[str, Any]:
    """Find the targets of an Open-Unmix separator, their files and sizes.

    Raises
    ------
    CadenzaError
        If a file is missing, is not JSON or lacks a value, or the model is mono.
    """
    settings = _json(folder / "separator.json")
    rate, nfft, nhop, channels = (_value(folder / "separator.json", settings, key) for key in _SEPARATOR)
    if channels != 2:
        raise CadenzaError(f"{folder / 'separator.json'} is of a model for {channels} channel(s); stereo is needed.")
    targets = [path.stem for path in sorted(folder.glob("*.json")) if path.name != "separator.json"]
    targets.sort(key=lambda target: STEMS.index(target) if target in STEMS else len(STEMS))
    if not targets:
        raise CadenzaError(f"{folder} has a separator.json, but no TARGET.json. {_ACCEPTED}")
    files, sizes = [], []
    for target in targets:
        path = folder / f"{target}.json"
        args = _json(path).get("args")
        if not isinstance(args, dict):
            raise CadenzaError(f"{path} has no `args`, which Open-Unmix writes there when it trains a target.")
        if (nfft, 2) != (_value(path, args, "nfft"), _value(path, args, "nb_channels")):
            raise CadenzaError(f"{path} does not fit separator.json: nfft and nb_channels must be the same.")
        sizes.append(_value(path, args, "hidden_size"))
        fitting = sorted((*folder.glob(f"{target}.pth"), *folder.glob(f"{target}-*.pth")))
        if len(fitting) != 1:
            found = ", ".join(file.name for file in fitting) or "none"
            raise CadenzaError(f"{folder} needs one file {target}.pth or {target}-CHECKSUM.pth; found was {found}.")
        files.append(_file(fitting[0]))
    stems = [*targets, "residual"] if len(targets) == 1 else targets
    return {
        "files": files, "targets": targets, "stems": stems, "hidden_size": sizes, "rate": rate, "nfft": nfft, "nhop": nhop,
    }  # fmt: skip


_SEPARATOR = ("sample_rate", "nfft", "nhop", "nb_channels")


def _json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CadenzaError(f"{path} holds {type(content).__name__}, not settings.")
    return content


def _value(path: Path, content: dict[str, Any], key: str) -> int:
    value: Any = content.get(key)
    if not _number(value) or value != int(value) or value <= 0:
        raise CadenzaError(f"{path}: `{key}` must be a whole number above 0, not {value!r}.")
    return int(value)
