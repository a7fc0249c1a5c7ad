"""Which language-queried separators there are: two official ones, and whatever lies in the models folder.

Everything lies in ``<models>/lass/``: the checkpoints, roberta's two tokenizer files, and checkpoints of one's own
(``.ckpt``), each with a ``.json`` of the same name beside it where `cadenza lass train` wrote it. Nothing here imports
torch.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import CadenzaError
from ...files import parse_json
from ...settings import Settings
from ..weight_sets import WeightSet, offer_set
from ..weights import WeightFile, find, missing_message
from .tokens import MERGES, VOCABULARY

__all__ = ["OFFICIAL", "TEXT_ID", "LassModel", "find_model", "lass_folder", "lass_models"]

#: Id under which the text encoder's files are fetched.
TEXT_ID = "lass-text"
#: Folder below the models folder, and the ending of checkpoints.
PLACE = "lass"
SUFFIX = ".ckpt"

_HUB = "https://huggingface.co"
_TOKENIZER = (
    WeightFile(VOCABULARY, f"{_HUB}/FacebookAI/roberta-base/resolve/main/vocab.json", size=898_823, place=PLACE),
    WeightFile(MERGES, f"{_HUB}/FacebookAI/roberta-base/resolve/main/merges.txt", size=456_318, place=PLACE),
)
#: LAION's own file: needed only by checkpoints that do not bring the text encoder.
_CLAP = WeightFile(
    "music_speech_audioset_epoch_15_esc_89.98.pt",
    f"{_HUB}/lukewys/laion_clap/resolve/main/music_speech_audioset_epoch_15_esc_89.98.pt",
    sha256="51c68f12f9d7ea25fdaaccf741ec7f81e93ee594455410f3bca4f47f88d8e006",
    size=2_352_471_003,
    place=PLACE,
)
_PAPER = "Liu et al. 2023, Separate anything you describe, arXiv:2308.05037"


@dataclass(frozen=True)
class LassModel:
    """One separator that follows a description.

    Parameters
    ----------
    id, title : str
        Name in commands and cache keys; name for people.
    checkpoint : WeightFile
    licence, trained_on, source, note : str
    rate : int
        Sample rate it works at, Hz; 0: known once it is loaded.
    text : {"clap", "words"}
        What reads its queries.
    captions : tuple of str
        What a small model was trained on; empty: anything can be asked for.
    own : bool
        Whether it is the user's own file.
    details : mapping
        What `cadenza lass train` noted beside the checkpoint.
    """

    id: str
    title: str
    checkpoint: WeightFile
    licence: str = "not stated"
    trained_on: str = "not stated"
    source: str = ""
    note: str = ""
    rate: int = 0
    text: str = "clap"
    captions: tuple[str, ...] = ()
    own: bool = False
    details: dict[str, Any] = field(default_factory=dict, repr=False, hash=False, compare=False)

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """What it needs for certain; where its checkpoint lacks the text encoder, LAION's file of it as well."""
        return (self.checkpoint,) if self.text == "words" else (self.checkpoint, *_TOKENIZER)

    def path(self, settings: Settings) -> Path:
        """Give the checkpoint's file.

        Raises
        ------
        CadenzaError
            If it is not on this machine.
        """
        located = find(self.checkpoint, self.id, settings)
        if located is None:
            raise CadenzaError(missing_message(self.id, [self.checkpoint], settings))
        return located.path

    def unavailable_reason(self, settings: Settings) -> str | None:
        """Say which files are missing, where they were looked for and how to get them; None: it can be used. Cheap."""
        missing = [file for file in self.files if find(file, self.id, settings) is None]
        if not missing:
            return None
        if self.own:  # its checkpoint is there: it was found by it
            return missing_message(TEXT_ID, missing, settings)
        return missing_message(self.id, missing, settings)

    def fingerprint(self, settings: Settings) -> str:
        """Name what it gives, for a cache key: the checkpoint's digest, published or computed.

        Raises
        ------
        CadenzaError
            If it is not on this machine.
        """
        located = find(self.checkpoint, self.id, settings)
        if located is None:
            raise CadenzaError(missing_message(self.id, [self.checkpoint], settings))
        return located.fingerprint


OFFICIAL = (
    LassModel(
        id="lass-32k",
        title="AudioSep (32 kHz)",
        checkpoint=WeightFile(
            "audiosep_base_4M_steps.ckpt",
            f"{_HUB}/spaces/Audio-AGI/AudioSep/resolve/main/checkpoint/audiosep_base_4M_steps.ckpt",
            sha256="f8cda01bfd0ebd141eef45d41db7a3ada23a56568465840d3cff04b8010ce82c",
            size=1_260_000_000,
            place=PLACE,
        ),
        licence="MIT (its code; none stated with the file)",
        trained_on="AudioSet, VGGSound, AudioCaps, Clotho and others, 4 million steps",
        source=_PAPER,
        rate=32000,
    ),
    LassModel(
        id="lass-16k",
        title="DCASE 2024 task 9 baseline (16 kHz)",
        checkpoint=WeightFile(
            "audiosep_16k,baseline,step=200000.ckpt",
            "https://zenodo.org/records/10887460/files/audiosep_16k,baseline,step=200000.ckpt?download=1",
            size=1_260_000_000,
            place=PLACE,
        ),
        licence="CC BY 4.0 (as its Zenodo record)",
        trained_on="Clotho v2 and FSD50K with generated captions, 200,000 steps",
        source="dcase.community/challenge2024/task-language-queried-audio-source-separation",
        rate=16000,
    ),
)

for _model in OFFICIAL:
    offer_set(
        WeightSet(
            _model.id, _model.title, _model.files, _model.licence, _model.trained_on, _model.source,
            "Separates what a sentence describes (`cadenza lass extract`, the Studio's panel); gives no fixed stems.",
        )
    )  # fmt: skip
offer_set(
    WeightSet(
        TEXT_ID,
        "CLAP's text encoder and roberta's tokenizer",
        (*_TOKENIZER, _CLAP),
        "MIT (roberta-base), CC0 1.0 (LAION-CLAP)",
        "LAION-Audio-630K, AudioSet, music and speech with captions",
        "Wu et al. 2023, arXiv:2211.06687",
        "The official separators bring the encoder themselves and need the tokenizer's two files only.",
    )
)


def lass_folder(settings: Settings) -> Path:
    """Give the folder of all files of such models."""
    return settings.models / PLACE


def clap_file() -> WeightFile:
    """Give LAION's own file of the text encoder."""
    return _CLAP


def tokenizer_files() -> tuple[WeightFile, WeightFile]:
    """Give roberta's vocabulary and merges."""
    return _TOKENIZER


def lass_models(settings: Settings) -> list[LassModel]:
    """Give the models: those that can be used now first, one's own before the official ones."""
    official = {model.checkpoint.name for model in OFFICIAL}
    folder = lass_folder(settings)
    paths = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    own = [_own(path) for path in paths if path.name not in official and not path.name.startswith(".")]
    return sorted([*own, *OFFICIAL], key=lambda model: model.unavailable_reason(settings) is not None)


def find_model(model_id: str, settings: Settings) -> LassModel:
    """Give a model by its id, or by the path of its checkpoint.

    Raises
    ------
    CadenzaError
        If there is none.
    """
    models = {model.id: model for model in lass_models(settings)}
    if model_id in models:
        return models[model_id]
    path = Path(model_id).expanduser()
    if model_id.endswith(SUFFIX) and path.is_file():
        return _own(path.absolute())
    raise CadenzaError(
        f"There is no language-queried separator {model_id[:80]!r}. Known are {', '.join(models)}; checkpoints of your own "
        f"are found in {lass_folder(settings)}."
    )


def _own(path: Path) -> LassModel:
    details: dict[str, Any] = {}
    damaged = ""
    record = path.with_suffix(".json")
    if record.is_file():  # a checkpoint from elsewhere has none
        try:
            content = parse_json(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = None
        if isinstance(content, dict):
            details = content
        else:
            damaged = f"What is known of it, {record.name}, cannot be read: it is taken for one in the official format."
    captions = details.get("captions")
    words = details.get("text") == "words"
    return LassModel(
        id=path.stem,
        title=f"{path.stem} (own checkpoint)",
        checkpoint=WeightFile(path.name, folder=path.parent, size=path.stat().st_size),
        licence="your own",
        trained_on=str(details.get("trained_on") or "not stated"),
        source=str(path),
        note=damaged or ("A small model: it knows only what it was trained on." if words else ""),
        rate=rate if isinstance(rate := details.get("sample_rate"), int) else 0,
        text="words" if words else "clap",
        captions=tuple(map(str, captions)) if words and isinstance(captions, list) else (),
        own=True,
        details=details,
    )
