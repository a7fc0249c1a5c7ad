"""CLAP's text encoder: what the official separators read a query with.

LAION-CLAP ``music_speech_audioset_epoch_15_esc_89.98`` (Wu et al. 2023, "Large-scale contrastive language-audio pretraining
with feature fusion and keyword-to-caption augmentation", arXiv:2211.06687): roberta-base, its pooled output, two linear
layers with a ReLU between, L2 normalisation; 512 numbers. Through `transformers`, whose default for the layer norms' epsilon
(1e-12) is not roberta's (1e-5).
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from ...errors import CadenzaError
from ..torchaudio_absent import import_without_torchaudio
from .checkpoint import CheckpointFault, Contents, load_into

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClapText", "has_clap_text", "load_clap_text"]

_PREFIX = "model."
#: Entries of CLAP that are not the text encoder's, and one that transformers has built in.
_OTHERS = re.compile(r"(audio_branch|audio_projection|audio_transform|text_transform)\..+|logit_scale_[at]")
_SURPLUS = "text_branch.embeddings.position_ids"


class ClapText(torch.nn.Module):
    """The text encoder, with the published sizes and random weights."""

    def __init__(self) -> None:
        super().__init__()
        clap: Any = import_without_torchaudio("transformers.models.clap.modeling_clap")
        configuration: Any = import_without_torchaudio("transformers.models.clap.configuration_clap")
        self.clap = clap.ClapTextModelWithProjection(configuration.ClapTextConfig(layer_norm_eps=1e-5))

    def forward(self, input_ids: "Tensor", attention_mask: "Tensor") -> "Tensor":
        """Encode.

        Parameters
        ----------
        input_ids, attention_mask : Tensor [shape=(batch, tokens), dtype=int64]
            roberta's tokens, padded with 1, and where they are not padding.

        Returns
        -------
        Tensor [shape=(batch, 512)]
            Of length 1.
        """
        embedding = self.clap(input_ids=input_ids, attention_mask=attention_mask).text_embeds
        return F.normalize(embedding, dim=-1)


def has_clap_text(queries: Mapping[str, object]) -> bool:
    """Tell whether a checkpoint's query entries hold CLAP's text encoder."""
    return any(name.startswith(f"{_PREFIX}text_branch.") for name in queries)


def load_clap_text(contents: Contents) -> ClapText:
    """Give the text encoder of a checkpoint: Lightning's, or LAION's own file.

    Returns
    -------
    ClapText
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointFault
        Naming every entry that is missing, unexpected or of another shape.
    CadenzaError
        If the file holds none.
    """
    if not has_clap_text(contents.queries):
        raise CadenzaError(
            f"{contents.path} holds no text encoder: it has no entries query_encoder.model.text_branch.* (or, in LAION's "
            "own file, module.text_branch.*)."
        )
    state, unexpected = {}, []
    for name, value in contents.queries.items():
        bare = name.removeprefix(_PREFIX)
        if bare == _SURPLUS or _OTHERS.fullmatch(bare):
            continue
        if bare.startswith(("text_branch.", "text_projection.")):
            state[_renamed(bare)] = value
        else:
            unexpected.append(f"query_encoder.{name}")
    if unexpected:
        raise CheckpointFault(contents.path, unexpected=tuple(unexpected))
    with torch.device("meta"):  # half a gigabyte that need not be made twice
        model = ClapText()
    own = {name: value for name, value in _built_in(model).items() if name not in state}
    try:
        load_into(model.clap, {**state, **own}, contents.path, assign=True)
    except CheckpointFault as fault:
        missing, unknown, misshaped = (
            tuple(map(_official, kind)) for kind in (fault.missing, fault.unexpected, fault.misshaped)
        )
        raise CheckpointFault(contents.path, missing, unknown, misshaped) from fault
    return model.eval()


def _renamed(name: str) -> str:
    """Give transformers' name of an entry."""
    name = re.sub(r"^text_branch\.", "text_model.", name)
    return name.replace("text_projection.0.", "text_projection.linear1.").replace(
        "text_projection.2.", "text_projection.linear2."
    )


def _official(name: str) -> str:
    """Give the checkpoint's name of an entry of transformers."""
    name = re.sub(r"^text_model\.", "text_branch.", name)
    name = name.replace("text_projection.linear1.", "text_projection.0.").replace(
        "text_projection.linear2.", "text_projection.2."
    )
    return f"query_encoder.{_PREFIX}{name}"


def _built_in(model: ClapText) -> dict[str, "Tensor"]:
    """Give the buffers that hold no weights: 0, 1, 2, ... and zeros."""
    places = model.clap.text_model.embeddings.position_ids.shape
    return {
        "text_model.embeddings.position_ids": torch.arange(places[1]).expand(places),
        "text_model.embeddings.token_type_ids": torch.zeros(places, dtype=torch.long),
    }
