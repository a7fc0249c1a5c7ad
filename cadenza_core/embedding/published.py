"""Published checkpoints of the transformer models: what they are, where they lie on this machine, and how to get them.

A checkpoint is a folder as ``transformers`` writes it: ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``
or ``pytorch_model.bin``. It is looked for in the studio's models folder (``<models>/<id>/``) and in the Hugging Face hub's
cache, else downloaded to the former. The publishers name no digests that could be compiled in; the one of what was fetched
is noted beside the file and checked from then on. Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import CadenzaError, WeightsMissing
from ..files import atomic_file, parse_json
from ..progress import Progress, part, silent
from ..separation.download import DownloadFailed, download, one_at_a_time
from ..separation.weights import HubFile, Located, WeightFile, find, hub_cache
from ..settings import Settings

__all__ = ["CHECKPOINTS", "Checkpoint", "checkpoint_folder", "fetch_checkpoint", "fingerprint", "locate", "read_config"]

_CONFIG, _PREPROCESSOR, _PICKLE = "config.json", "preprocessor_config.json", "pytorch_model.bin"
_WEIGHTS = ("model.safetensors", _PICKLE)


@dataclass(frozen=True)
class Checkpoint:
    """One published checkpoint.

    Parameters
    ----------
    id : str
        Its model's name, and its folder's in the models folder.
    repo, revision : str
        Repository on huggingface.co, and the revision of it.
    licence, trained_on, source : str
        For people; `source` is the paper.
    size_mb : float
        Download size.
    """

    id: str
    repo: str
    revision: str
    licence: str
    trained_on: str
    source: str
    size_mb: float


CHECKPOINTS = {
    entry.id: entry
    for entry in (
        Checkpoint(
            "wav2vec2",
            "facebook/wav2vec2-base",
            "main",
            "Apache-2.0",
            "LibriSpeech, 960 h of English speech",
            "Baevski et al., wav2vec 2.0, NeurIPS 2020",
            380.0,
        ),
        Checkpoint(
            "hubert",
            "facebook/hubert-base-ls960",
            "main",
            "Apache-2.0",
            "LibriSpeech, 960 h of English speech",
            "Hsu et al., HuBERT, IEEE/ACM TASLP 29, 2021",
            378.0,
        ),
        Checkpoint(
            "clap",
            "laion/larger_clap_music",
            "a0b4534a14f58e20944452dff00a22a06ce629d1",
            "Apache-2.0",
            "music with captions and tags (LAION-Audio-630K and others)",
            "Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023",
            776.0,
        ),
    )
}


def locate(checkpoint: Checkpoint, settings: Settings) -> Path | None:
    """Give the folder of a checkpoint on this machine; None if there is none."""
    for name in _WEIGHTS:
        located = find(WeightFile(name, hub=HubFile(checkpoint.repo, name)), checkpoint.id, settings)
        if located and (located.path.parent / _CONFIG).is_file():
            return located.path.parent
    return None


def checkpoint_folder(checkpoint: Checkpoint, settings: Settings, progress: Progress = silent) -> Path:
    """Give the folder of a checkpoint, after its download if it is not on this machine.

    Raises
    ------
    WeightsMissing
        If it is not here and cannot be fetched; names the places where it was looked for, and the licence.
    CadenzaError
        If a file is not the one that was downloaded.
    """
    if not (folder := locate(checkpoint, settings)):
        try:
            folder = fetch_checkpoint(checkpoint, settings, progress)
        except DownloadFailed as error:
            raise WeightsMissing(f"{missing_message(checkpoint, settings)} The download failed: {error}.") from error
    _weights(folder).check()
    return folder


def missing_message(checkpoint: Checkpoint, settings: Settings) -> str:
    """Say what is missing, where it was looked for, and how to get it."""
    places = f"{settings.models / checkpoint.id} and {hub_cache()}"
    return (
        f"The checkpoint {checkpoint.repo} of {checkpoint.id!r} ({checkpoint.size_mb:.0f} MB, {checkpoint.licence}) is not "
        f"in {places}. Get it with `cadenza hear get {checkpoint.id}`, or put its files ({_CONFIG}, {_PREPROCESSOR}, "
        f"{' or '.join(_WEIGHTS)}) into the former."
    )


def fetch_checkpoint(checkpoint: Checkpoint, settings: Settings, progress: Progress = silent) -> Path:
    """Download a checkpoint to the models folder; what is there already stays. Gives its folder.

    Raises
    ------
    DownloadFailed
        If the network does not give the files.
    CadenzaError
        If the folder cannot be written to.
    """
    folder = settings.models / checkpoint.id
    with one_at_a_time(folder, progress):
        for share, name in ((0.0, _CONFIG), (0.005, _PREPROCESSOR), (0.01, _PICKLE)):
            if not (folder / name).is_file():
                url = f"https://huggingface.co/{checkpoint.repo}/resolve/{checkpoint.revision}/{name}"
                digest = download(url, folder / name, progress=part(progress, share, 1.0))
                with atomic_file(folder / f"{name}.sha256") as note:
                    note.write_text(digest, encoding="ascii")
    progress(1.0, f"{checkpoint.repo} is there ({checkpoint.licence})")
    return folder


def fingerprint(folder: Path) -> str:
    """Give what tells the numbers of a checkpoint from those of another: digests of its configuration and weights."""
    paths = [folder / name for name in (_CONFIG, _PREPROCESSOR) if (folder / name).is_file()]
    return " ".join([*(Located(path, "").fingerprint for path in paths), _weights(folder).fingerprint])


def read_config(folder: Path, model_type: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Read ``config.json`` and ``preprocessor_config.json`` of a folder.

    Raises
    ------
    CadenzaError
        If the folder lacks a file, one cannot be read, or the checkpoint is not of that type.
    """
    contents = []
    for name in (_CONFIG, _PREPROCESSOR):
        try:
            content = parse_json((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CadenzaError(
                f"{folder / name} cannot be read ({error}); a folder of transformers' is wanted."
            ) from error
        if not isinstance(content, dict):
            raise CadenzaError(f"{folder / name} holds no object; a folder of transformers' is wanted.")
        contents.append(content)
    found = contents[0].get("model_type")
    if found != model_type:
        raise CadenzaError(f"{folder} holds a model of type {found!r}; {model_type!r} is wanted.")
    _weights(folder)
    return contents[0], contents[1]


def _weights(folder: Path) -> Located:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            located = find(WeightFile(name, folder=folder), "", Settings(home=folder, models=folder))
            assert located is not None
            return located
    raise CadenzaError(f"{folder} has neither {' nor '.join(_WEIGHTS)}. Copy or download the checkpoint again.")
