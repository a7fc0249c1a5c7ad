"""A user's own checkpoints as systems: a Demucs folder or an Open-Unmix folder, under a name of the user's choice.

- Demucs: one ``.th`` (or the hub's ``.safetensors``) file, or a bag: ``NAME.yaml`` with ``models: [SIGNATURE, ...]``, and
  optionally ``weights`` and ``segment``, beside ``SIGNATURE.th`` or ``SIGNATURE-CHECKSUM.th`` for each: what
  ``demucs --repo FOLDER`` takes.
- Open-Unmix: ``separator.json``, and for each target ``TARGET.json`` with ``TARGET.pth`` or ``TARGET-CHECKSUM.pth``: what
  ``umx --model FOLDER`` takes.

A folder is registered in ``<home>/models.json`` once its models were loaded and fit; what is registered stays where it is.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import CadenzaError
from ..files import changed_json, parse_json
from ..settings import Settings
from .base import SystemInfo, register, registered, unregister
from .demucs import Bag, DemucsSeparator
from .local_folder import demucs_folder, unmix_folder
from .neural import NeuralSeparator
from .openunmix import Unmix, UnmixSeparator
from .weights import WeightFile

__all__ = ["load_local", "local_names", "register_local", "remove_local"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def register_local(
    name: str,
    folder: Path,
    settings: Settings,
    *,
    licence: str = "",
    trained_on: str = "",
    cad1_closed: bool = False,
) -> SystemInfo:
    """Register a folder of checkpoints as the system `name`; its models are loaded once to see that they fit.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_``, ``-``; up to 64.
    folder : Path
    settings : Settings
    licence, trained_on : str
        For the user to know later; empty: not stated.
    cad1_closed : bool
        The user's own word that CAD1's rules allow it.

    Returns
    -------
    SystemInfo
        The facts of the new system, which is usable at once.

    Raises
    ------
    CadenzaError
        If the name is taken or not a name, the folder is not one of the two kinds, or a model does not load.
    """
    if not _NAME.fullmatch(name):
        raise CadenzaError(f"The name {name!r} is not accepted: up to 64 letters, digits, '.', '_' or '-', no space.")
    load_local(settings)
    if name in registered() or name in _read(settings):
        raise CadenzaError(f"There is a system {name!r} already. Choose another name, or remove it first.")
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise CadenzaError(f"There is no folder {folder}.")
    kind = "openunmix" if (folder / "separator.json").exists() else "demucs"
    content = unmix_folder(folder) if kind == "openunmix" else demucs_folder(folder, name)
    facts = {"licence": licence, "trained_on": trained_on, "cad1_closed": cad1_closed}
    entry = {"kind": kind, "folder": str(folder), **facts, **content}
    if kind == "demucs":
        entry |= _demucs_facts(name, entry, settings)
    else:
        _separator(name, entry, settings).load()
    with changed_json(_path(settings), lambda: _read(settings)) as entries:
        if name in entries:
            raise CadenzaError(f"There is a system {name!r} already.")
        entries[name] = entry
    load_local(settings)
    return _info(name, entry)


def _demucs_facts(name: str, entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Load the models, which alone tell their stems and sample rate."""
    from .checkpoints import demucs_bag, demucs_model

    probe = _separator(name, {**entry, "stems": [], "rate": 44100}, settings)
    paths = probe.paths()
    bag = demucs_bag([demucs_model(path) for path in paths], entry["weights"], entry["segment"])
    if bag.audio_channels != 2:
        raise CadenzaError(f"{paths[0]} is a model for {bag.audio_channels} channel(s); stereo is needed.")
    return {"stems": list(bag.sources), "rate": int(bag.samplerate)}


def remove_local(name: str, settings: Settings) -> bool:
    """Forget a registered folder, whose files stay; False if there is none of that name."""
    with changed_json(_path(settings), lambda: _read(settings)) as entries:
        removed = entries.pop(name, None) is not None
    load_local(settings)
    return removed


def local_names(settings: Settings) -> list[str]:
    """Give the names of all registered folders."""
    return list(_read(settings))


def load_local(settings: Settings) -> None:
    """Offer the registered folders as systems, and withdraw those of other settings or since removed.

    To be called once the settings are known; this module calls it after each change. A built-in system of the same name
    wins.

    Raises
    ------
    CadenzaError
        If ``models.json`` cannot be read.
    """
    wanted = {name: _info(name, entry) for name, entry in _read(settings).items()}
    for name in [name for name, info in _OFFERED.items() if wanted.get(name) != info]:
        del _OFFERED[name]
        unregister(name)
    for name, info in wanted.items():
        if name not in registered():
            register(info, partial(_make, name))
            _OFFERED[name] = info


_OFFERED: dict[str, SystemInfo] = {}


def _make(name: str, settings: Settings) -> NeuralSeparator:
    entry = _read(settings).get(name)
    if entry is None:
        raise CadenzaError(f"The model {name!r} is no longer registered (`cadenza models add {name} FOLDER`).")
    return _separator(name, entry, settings)


def _separator(name: str, entry: Mapping[str, Any], settings: Settings) -> NeuralSeparator:
    folder, info = Path(entry["folder"]), _info(name, entry)
    files = tuple(WeightFile(file, sha256=digest, folder=folder) for file, digest in entry["files"])
    if entry["kind"] == "demucs":
        weights = entry["weights"] and tuple(tuple(row) for row in entry["weights"])
        return DemucsSeparator(info, Bag(files, weights, entry["segment"]), settings)
    spec = Unmix(
        tuple(entry["targets"]),
        files,
        tuple(entry["hidden_size"]),
        n_fft=entry["nfft"],
        n_hop=entry["nhop"],
        rate=entry["rate"],
    )
    return UnmixSeparator(info, spec, settings)


def _info(name: str, entry: Mapping[str, Any]) -> SystemInfo:
    return SystemInfo(
        id=name,
        title=f"{name} (own checkpoint)",
        licence=entry["licence"] or "not stated",
        trained_on=entry["trained_on"] or "not stated",
        cad1_closed=entry["cad1_closed"],
        size_mb=0.0,
        source=entry["folder"],
        stems=tuple(entry["stems"]),
        rate=entry["rate"],
        note="A checkpoint of your own: what is said of its training and licence is what you stated.",
    )


_ALWAYS: dict[str, Any] = dict.fromkeys(("kind", "folder", "licence", "trained_on"), str)
_ALWAYS |= {"cad1_closed": bool, "stems": list, "rate": int, "files": list}
_FIELDS: dict[str, dict[str, Any]] = {
    "demucs": {"weights": list | None, "segment": int | float | None},
    "openunmix": {"targets": list, "hidden_size": list, "nfft": int, "nhop": int},
}


def _path(settings: Settings) -> Path:
    return settings.home / "models.json"


def _read(settings: Settings) -> dict[str, dict[str, Any]]:
    path = _path(settings)
    try:
        entries = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}. Correct it or move it away.") from error
    if not isinstance(entries, dict) or not all(_is_entry(entry) for entry in entries.values()):
        raise CadenzaError(f"{path} is not as the studio wrote it. Correct it or move it away.")
    return dict(entries)


def _is_entry(entry: Any) -> bool:
    fields = _FIELDS.get(str(entry.get("kind"))) if isinstance(entry, dict) else None
    return fields is not None and all(isinstance(entry.get(key), kind) for key, kind in (_ALWAYS | fields).items())
