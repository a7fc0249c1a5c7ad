"""HuBERT through ``transformers``: the last hidden layer, every 20 ms. A module of HEAR's API.

Hsu et al., *HuBERT: self-supervised speech representation learning by masked prediction of hidden units*, IEEE/ACM TASLP
29, 2021. Any checkpoint in transformers' format is taken; without one, the published `facebook/hubert-base-ls960`
(Apache-2.0). 16 kHz. How long sounds are cut is in `transformer`.
"""

from .transformer import SpeechModel, get_scene_embeddings, get_timestamp_embeddings, load_speech_model

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

VERSION = 1


def load_model(model_file_path: str = "") -> SpeechModel:
    """Load a checkpoint of this type, see :func:`.transformer.load_speech_model`."""
    return load_speech_model("hubert", model_file_path)
