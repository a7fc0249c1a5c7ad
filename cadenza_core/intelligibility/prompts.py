"""How hard a lyric line is to guess: its words by length, frequency and context.

Frequent words and words that follow from those before them are easier to understand in noise (Boothroyd & Nittrouer 1988,
"Mathematical treatment of context effects in phoneme and word recognition", JASA 84(1)). Frequencies are those of the
trigram language model that comes with PocketSphinx (``en-us``, CMU, BSD): nothing is downloaded, and nothing of it is stored.
"""

import functools
import importlib.metadata
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import CadenzaError
from .words import normalise

__all__ = ["LANGUAGE_MODEL", "prompt_features"]

#: What the features hang on, for a model's record.
LANGUAGE_MODEL = f"pocketsphinx {importlib.metadata.version('pocketsphinx')} en-us"
#: Natural logarithm of the probability that counts for a word that the model does not know.
_UNKNOWN = -20.0


@functools.cache
def _model() -> tuple[Any, Any]:
    import pocketsphinx

    logarithms = pocketsphinx.LogMath(1.0001)
    path = pocketsphinx.get_model_path("en-us/en-us.lm.bin")
    return pocketsphinx.NGramModel(pocketsphinx.Config(loglevel="FATAL"), logarithms, path), logarithms


def _log_probability(word: str, before: list[str]) -> float:
    """Give the natural logarithm of the probability of a word after those before it, the last one first."""
    model, logarithms = _model()
    return max(_UNKNOWN, float(logarithms.log_to_ln(model.prob([word, *before]))))


@functools.lru_cache(maxsize=20000)
def _features(prompt: str) -> tuple[tuple[str, float], ...]:
    words = [word.lower() for word in normalise(prompt) if any(char.isalnum() for char in word)]
    if not words:
        raise CadenzaError(f"The prompt {prompt[:80]!r} has no words.")
    alone = [_log_probability(word, []) for word in words]
    inside = [_log_probability(word, words[max(0, at - 2) : at][::-1]) for at, word in enumerate(words)]
    features = {
        "words": float(len(words)),
        "letters_per_word": math.fsum(map(len, words)) / len(words),
        "different_words": len(set(words)) / len(words),
        "frequency_mean": float(np.mean(alone)),
        "frequency_least": min(alone),
        "context_mean": float(np.mean(inside)),
        "context_least": min(inside),
    }
    return tuple(features.items())


def prompt_features(prompt: str) -> Mapping[str, float]:
    """Give a lyric line's features by name.

    Returns
    -------
    mapping of str to float
        Number of words, letters per word, share of different words; mean and least natural logarithm of the words'
        probability by themselves (frequency) and after the two words before them (context).

    Raises
    ------
    CadenzaError
        If the line has no words.
    """
    return dict(_features(prompt))
