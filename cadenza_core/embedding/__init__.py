"""Audio embeddings behind HEAR's common API: models, validation, evaluation, and finding what sounds alike.

HEAR (Holistic Evaluation of Audio Representations, NeurIPS 2021, https://hearbenchmark.com/hear-api.html) defines a model
as a Python module with three functions: ``load_model``, ``get_timestamp_embeddings`` and ``get_scene_embeddings``. The
modules `naive`, `logmel`, `wav2vec2`, `hubert` and `clap` of this package are such, and HEAR's official tools take them by
their dotted names (``cadenza_core.embedding.naive``). Everything else here takes any module of that kind.

What needs torch, transformers or scikit-learn imports them when it is used: importing this package loads none of them.
"""

from .api import Embedder, Timestamps, load_embedder
from .models import EmbeddingModel, embedding_models, find_model

__all__ = ["Embedder", "EmbeddingModel", "Timestamps", "embedding_models", "find_model", "load_embedder"]
