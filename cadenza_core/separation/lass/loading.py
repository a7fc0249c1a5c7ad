"""Bring a model and what reads its queries into memory, and keep the last one there."""

import threading
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import CadenzaError
from ...progress import Progress, part, silent
from ...settings import Settings
from ..neural import pick_device
from ..weights import find, missing_message, require
from .checkpoint import Contents, build_separator, read_checkpoint
from .clap import has_clap_text, load_clap_text
from .models import TEXT_ID, LassModel, clap_file, tokenizer_files
from .network import ResUNet
from .queries import ClapQueries, Queries, load_words
from .tokens import load_tokenizer

__all__ = ["Loaded", "load_clap_queries", "load_model"]


@dataclass(frozen=True)
class Loaded:
    """A model ready for work.

    Parameters
    ----------
    model : LassModel
    separator : ResUNet
        On `device`.
    queries : Queries
        On the CPU.
    device : torch.device
    """

    model: LassModel
    separator: ResUNet
    queries: Queries
    device: torch.device

    @property
    def rate(self) -> int:
        """Sample rate it works at, Hz."""
        return self.separator.sample_rate

    def condition(self, text: str) -> torch.Tensor:
        """Give what the separator follows for a text, (1, size).

        Raises
        ------
        CadenzaError
            If the text cannot be understood.
        """
        return self.queries.encode([text]).to(self.device)


_LOADING = threading.Lock()
_last: dict[str, Loaded] = {}


def load_model(model: LassModel, settings: Settings, progress: Progress = silent) -> Loaded:
    """Load a model; weights of an official one that are not here are downloaded. The last one stays in memory.

    Raises
    ------
    WeightsMissing
        If files are not there and cannot be fetched.
    CadenzaError
        If a file is damaged, does not fit, or the device is not there.
    """
    with _LOADING:
        paths = require(TEXT_ID if model.own else model.id, model.files, settings, part(progress, 0.0, 0.8))
        device = pick_device(settings.device)
        key = f"{device} {model.fingerprint(settings)}"
        if key not in _last:
            _last.clear()  # two large ones at once may not fit
            progress(0.8, f"loading {model.title}")
            contents = read_checkpoint(paths[0])
            separator = build_separator(contents, sample_rate=model.rate or None).to(device)
            progress(0.9, "loading the text encoder")
            _last[key] = Loaded(model, separator, _queries(contents, settings), device)
        return _last[key]


def _queries(contents: Contents, settings: Settings) -> Queries:
    if contents.meta.get("text", {}).get("kind") == "words":
        return load_words(contents)
    return load_clap_queries(settings, contents if has_clap_text(contents.queries) else None)


def load_clap_queries(settings: Settings, contents: Contents | None = None) -> ClapQueries:
    """Load CLAP's text encoder with its tokenizer: the encoder of a checkpoint that was read, else LAION's own file.

    Raises
    ------
    CadenzaError
        If a file is not there, or not the right one.
    """
    paths: list[Path] = []
    for file in (*tokenizer_files(), *(() if contents else (clap_file(),))):
        located = find(file, TEXT_ID, settings)
        if located is None:
            raise CadenzaError(missing_message(TEXT_ID, [file], settings))
        located.check()
        paths.append(located.path)
    tokenizer = load_tokenizer(paths[0], paths[1])
    return ClapQueries(load_clap_text(contents or read_checkpoint(paths[2])), tokenizer)
