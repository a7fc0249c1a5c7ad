"""Language-queried source separation (LASS): a sentence makes a stem.

AudioSep (Liu et al. 2023, "Separate anything you describe") and the baseline of DCASE 2024 task 9, and small models of the
same kind that are trained here. Nothing is imported from torch before a model is loaded.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from . import models  # offers the weights
from .checkpoint import CheckpointFault, load_separator

if TYPE_CHECKING:
    import torch

__all__ = ["CheckpointFault", "load_separator", "load_text_encoder", "models"]


def load_text_encoder(path: Path | str) -> "torch.nn.Module":
    """Load what reads the queries of a separator.

    Parameters
    ----------
    path : Path
        An official checkpoint that holds CLAP's text encoder, LAION's own file of CLAP, or one of ours.

    Returns
    -------
    torch.nn.Module
        On the CPU, in evaluation mode. Called with ``input_ids`` and ``attention_mask`` (batch, tokens), it returns
        (batch, 512), each of length 1. (The small models' own encoder gives fewer numbers.)

    Raises
    ------
    CheckpointFault
        Naming every entry that is missing, unexpected or of another shape.
    CadenzaError
        If the file holds no text encoder, or as `load_separator`.
    """
    from .queries import load_query_module

    return load_query_module(Path(path))
