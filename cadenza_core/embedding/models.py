"""Which embedding models there are: those of this package, and HEAR modules that a user has registered.

A model's `space` names the space that its embeddings lie in: a digest of the module's code or version and of its weights.
Embeddings are only ever compared within one space.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CadenzaError, WeightsMissing
from ..files import changed_json, expand, parse_json
from ..progress import Progress, silent
from ..separation.weights import Located
from ..settings import Settings
from .api import Embedder, load_embedder
from .published import CHECKPOINTS, Checkpoint, checkpoint_folder, fingerprint, locate, missing_message

__all__ = ["EmbeddingModel", "add_model", "embedding_models", "find_model", "remove_model"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"^VERSION = (\d+)$", re.MULTILINE)
_FORMAT = 1
_PACKAGE = "cadenza_core.embedding"


@dataclass(frozen=True)
class EmbeddingModel:
    """One model, not loaded.

    Parameters
    ----------
    id, title : str
        What a user types; name for people.
    module : str
        Dotted name of a module of HEAR's API.
    licence, trained_on, source : str
        Of the weights, or of the method where there are none.
    size_mb : float
        Download size of the weights; 0: none.
    model_file : Path, optional
        File or folder of weights; None: the module's own default.
    settings : Settings
    """

    id: str
    title: str
    module: str
    licence: str
    trained_on: str
    source: str
    settings: Settings
    size_mb: float = 0.0
    model_file: Path | None = None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The published checkpoint that it uses; None if a file is named, or it needs none."""
        is_ours = self.module == f"{_PACKAGE}.{self.module.rpartition('.')[2]}"
        return CHECKPOINTS.get(self.module.rpartition(".")[2]) if is_ours and self.model_file is None else None

    def unavailable_reason(self) -> str | None:
        """Say why it cannot be used on this machine now; None if nothing speaks against it. Cheap: nothing is loaded."""
        if self.checkpoint and not locate(self.checkpoint, self.settings):
            return missing_message(self.checkpoint, self.settings)
        if self.model_file is not None and not self.model_file.exists():
            return f"There is no file or folder {self.model_file} with the weights of {self.id!r}."
        try:
            found = importlib.util.find_spec(self.module) is not None
        except (ImportError, ValueError) as error:
            return f"The module {self.module!r} of {self.id!r} cannot be found ({error})."
        return None if found else f"Python finds no module {self.module!r} here. Install it, or change to its folder."

    def weights(self, progress: Progress = silent) -> Path | None:
        """Give the file or folder of weights, fetched if it is a published one; None where there are none.

        Raises
        ------
        WeightsMissing
            If a published one is not here and cannot be fetched.
        """
        if self.checkpoint:
            return checkpoint_folder(self.checkpoint, self.settings, progress)
        return self.model_file

    def load(self, progress: Progress = silent) -> Embedder:
        """Load it.

        Raises
        ------
        WeightsMissing
            As :meth:`weights`.
        CadenzaError
            If the module fails or is not as HEAR's API says.
        """
        weights = self.weights(progress)
        progress(0.0, f"loading {self.id}")
        return load_embedder(self.id, self.module, weights, device=self.settings.device)

    @property
    def space(self) -> str:
        """Name of the space of its embeddings: 16 hexadecimal digits.

        Raises
        ------
        WeightsMissing
            If its weights are not on this machine.
        CadenzaError
            If the module is not there.
        """
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:16]

    def identity(self) -> dict[str, Any]:
        """Give everything that its embeddings hang on, besides the sound; see :attr:`space` for what is raised."""
        if reason := self.unavailable_reason():
            raise WeightsMissing(reason) if self.checkpoint else CadenzaError(reason)
        weights = locate(self.checkpoint, self.settings) if self.checkpoint else self.model_file
        facts = {"format": _FORMAT, "module": self.module, "code": _code_version(self.module)}
        return {**facts, "weights": _weights_digest(weights) if weights else ""}


def _weights_digest(path: Path) -> str:
    if path.is_dir() and (path / "config.json").is_file():
        return fingerprint(path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return " ".join(Located(file, "").fingerprint for file in files)


def _code_version(module: str) -> str:
    """Give the version of a module: ours say it themselves; else its package's, or a digest of its file."""
    spec = importlib.util.find_spec(module)
    if module.startswith(f"{_PACKAGE}.") and spec and spec.origin:
        # read, not imported: torch would come with it
        found = _VERSION.search(Path(spec.origin).read_text(encoding="utf-8"))
        assert found is not None
        return found[1]
    top = module.partition(".")[0]
    for package in _distributions().get(top, ()):
        return f"{package} {importlib.metadata.version(package)}"
    if spec and spec.origin and Path(spec.origin).is_file():
        return Located(Path(spec.origin), "").fingerprint
    return "unknown"


@functools.cache
def _distributions() -> Mapping[str, Sequence[str]]:
    """Give the distributions of each importable name; reading them takes a second."""
    return importlib.metadata.packages_distributions()


def embedding_models(settings: Settings) -> list[EmbeddingModel]:
    """Give all models: ours, then the registered ones.

    Raises
    ------
    CadenzaError
        If the list of registered ones cannot be read.
    """
    baseline = "HEAR's naive baseline: random projection of log-mel bands"
    ours = [
        EmbeddingModel("naive", baseline, f"{_PACKAGE}.naive", "MIT", "nothing", "HEAR 2021, hear-baseline", settings),
        EmbeddingModel(
            "logmel",
            "Log-mel and MFCC statistics",
            f"{_PACKAGE}.logmel",
            "MIT",
            "nothing",
            "Davis & Mermelstein 1980",
            settings,
        ),
    ]
    titles = {"wav2vec2": "wav2vec 2.0 (speech)", "hubert": "HuBERT (speech)", "clap": "CLAP (music)"}
    for entry in CHECKPOINTS.values():
        module = f"{_PACKAGE}.{entry.id}"
        facts = (entry.licence, entry.trained_on, f"{entry.source}; {entry.repo}")
        ours.append(EmbeddingModel(entry.id, titles[entry.id], module, *facts, settings, entry.size_mb))
    return [*ours, *(_own(name, entry, settings) for name, entry in _read(settings).items())]


def find_model(text: str, settings: Settings, model_file: Path | None = None) -> EmbeddingModel:
    """Give a model by its id, or any module of HEAR's API by its dotted name, with weights of one's own or its default.

    Raises
    ------
    CadenzaError
        If `text` is neither.
    """
    file = expand(model_file).absolute() if model_file is not None else None
    for model in embedding_models(settings):
        if text in (model.id, model.module) and (file is None or model.module.startswith(_PACKAGE)):
            if file is None:
                return model
            facts = (model.id, model.title, model.module, "not stated", "not stated", str(file))
            return EmbeddingModel(*facts, settings, model_file=file)
    if "." in text or _is_module(text):
        return EmbeddingModel(text, text, text, "not stated", "not stated", text, settings, model_file=file)
    known = ", ".join(model.id for model in embedding_models(settings))
    raise CadenzaError(
        f"There is no embedding model {text[:80]!r}: known are {known}; a module of HEAR's API is named as Python imports it."
    )


def _is_module(text: str) -> bool:
    try:
        return text.isidentifier() and importlib.util.find_spec(text) is not None
    except (ImportError, ValueError):
        return False


def _own(name: str, entry: dict[str, str], settings: Settings) -> EmbeddingModel:
    file = Path(entry["model_file"]) if entry["model_file"] else None
    licence = entry["licence"] or "not stated"
    return EmbeddingModel(
        name, f"{name} (own module)", entry["module"], licence, "not stated", entry["module"], settings, model_file=file
    )


def add_model(
    name: str, module: str, settings: Settings, model_file: Path | None = None, licence: str = ""
) -> EmbeddingModel:
    """Register a module of HEAR's API under a name; it is loaded once to see that it can be.

    Raises
    ------
    CadenzaError
        If the name is taken or none, or the module does not load or is not as the API says.
    """
    if not _NAME.fullmatch(name):
        raise CadenzaError(
            f"The name {name[:80]!r} is not accepted: up to 64 letters, digits, '.', '_' or '-', no space."
        )
    if name in {model.id for model in embedding_models(settings)}:
        raise CadenzaError(f"There is an embedding model {name!r} already. Choose another name, or remove it first.")
    file = str(expand(model_file).absolute()) if model_file is not None else ""
    entry = {"module": module, "model_file": file, "licence": licence}
    model = _own(name, entry, settings)
    model.load()
    with changed_json(_file(settings), lambda: _read(settings)) as entries:
        entries[name] = entry
    return model


def remove_model(name: str, settings: Settings) -> None:
    """Forget a registered module; its files stay.

    Raises
    ------
    CadenzaError
        If none of that name is registered.
    """
    with changed_json(_file(settings), lambda: _read(settings)) as entries:
        if entries.pop(name, None) is None:
            raise CadenzaError(
                f"No module is registered as {name[:80]!r}; {', '.join(entries) or 'none'} could be removed."
            )


def _file(settings: Settings) -> Path:
    return settings.home / "embedding_models.json"


def _read(settings: Settings) -> dict[str, dict[str, str]]:
    path = _file(settings)
    try:
        entries = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}. Correct it or move it away.") from error
    fields = ("module", "model_file", "licence")
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) and all(isinstance(entry.get(field), str) for field in fields)
        for entry in entries.values()
    ):
        raise CadenzaError(f"{path} is not as the studio wrote it. Correct it or move it away.")
    return entries
