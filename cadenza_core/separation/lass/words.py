"""A text encoder small enough to be trained along with a small separator: what it knows is its training captions' words.

A query is taken apart into words, and each word, marked at both ends, into itself and its runs of 3 to 5 letters, as in
fastText (Bojanowski et al. 2017, "Enriching word vectors with subword information"): "dogs barking" has most of "dog bark"
in it. Each piece has a vector; a query's is their mean, of length 1. Pieces that were in no training caption do not count, and
a query of nothing else is refused: such a model knows its few words and no language.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["WordText", "pieces", "vocabulary_of"]

_WORD = re.compile(r"[^\W_]+")
_LENGTHS = (3, 4, 5)
#: Words that say nothing about a sound.
_IDLE = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "sound",
     "sounds", "the", "to", "with")
)  # fmt: skip


def pieces(text: str) -> list[str]:
    """Take a text apart into its words' pieces; accents and case do not count."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    found = []
    for word in _WORD.findall(plain):
        if word in _IDLE:
            continue
        marked = f"<{word}>"
        runs = {marked[i : i + n] for n in _LENGTHS for i in range(len(marked) - n + 1)}
        found += sorted({marked} | runs)
    return found


def vocabulary_of(captions: Iterable[str]) -> list[str]:
    """Give all pieces of training captions, in order."""
    return sorted({piece for caption in captions for piece in pieces(caption)})


class WordText(nn.Module):
    """The encoder.

    Parameters
    ----------
    vocabulary : sequence of str
    size : int
        Length of the vectors.
    """

    def __init__(self, vocabulary: Sequence[str], size: int) -> None:
        super().__init__()
        self.vocabulary = tuple(vocabulary)
        self._places = {piece: place for place, piece in enumerate(vocabulary, start=1)}
        self.words = nn.Embedding(len(vocabulary) + 1, size, padding_idx=0)

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Give the pieces' places and where they are not padding, both (batch, pieces), int64."""
        rows = [[self._places[piece] for piece in pieces(text) if piece in self._places] for text in texts]
        width = max(1, *(len(row) for row in rows)) if rows else 1
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        return ids, (ids > 0).long()

    def known(self, text: str) -> float:
        """Give the share of a text's words of which something is known, 0 to 1."""
        words = [pieces(word) for word in _WORD.findall(text)]
        words = [word for word in words if word]
        return sum(any(piece in self._places for piece in word) for word in words) / max(1, len(words))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode: (batch, size), each of length 1, or 0 where nothing is known."""
        mask = attention_mask[..., None].to(self.words.weight.dtype)
        mean = (self.words(input_ids) * mask).sum(1) / mask.sum(1).clamp_min(1.0)
        return F.normalize(mean, dim=-1)
