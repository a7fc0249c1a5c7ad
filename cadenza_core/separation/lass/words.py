"""A text encoder small enough to be trained along with a small separator: what it knows is its training captions' words.

A query is taken apart into words, and each word, marked at both ends, into itself and its runs of 3 to 5 letters, as in
fastText (Bojanowski et al. 2017, "Enriching word vectors with subword information"): "dogs barking" has most of "dog
bark" in it. Each piece has a vector; a query's is their mean, of length 1. Words that are no form of one in the
training captions do not count, and a query of nothing else is refused: such a model knows its few words and no
language.
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
#: Share of a word's pieces that must be known for it to be another form of a known word.
_ALIKE = 0.25
#: Words that say nothing about a sound.
_IDLE = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "sound",
     "sounds", "the", "to", "with")
)  # fmt: skip


def pieces(text: str) -> list[str]:
    """Take a text apart into its words' pieces; accents and case do not count."""
    return [piece for word in _words(text) for piece in _runs(word)]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return [word for word in _WORD.findall(plain) if word not in _IDLE]


def _runs(word: str) -> list[str]:
    marked = f"<{word}>"
    return sorted({marked} | {marked[i : i + n] for n in _LENGTHS for i in range(len(marked) - n + 1)})


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
        rows = [[self._places[piece] for piece in self._pieces(text)] for text in texts]
        width = max(1, *(len(row) for row in rows)) if rows else 1
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        return ids, (ids > 0).long()

    def known(self, text: str) -> float:
        """Give the share of a text's words that are known, or begin as one that is, 0 to 1."""
        words = _words(text)
        return sum(bool(self._known(word)) for word in words) / max(1, len(words))

    def _pieces(self, text: str) -> list[str]:
        """Give the known pieces of a text's known words."""
        return [piece for word in _words(text) for piece in self._known(word)]

    def _known(self, word: str) -> list[str]:
        """Give the known pieces of a word; none if it only ends or sounds within as a known one: "phone" is no "tone"."""
        own = _runs(word)
        found = [piece for piece in own if piece in self._places]
        begins = f"<{word[:3]}" in self._places and len(found) >= _ALIKE * len(own)
        return found if f"<{word}>" in self._places or begins else []

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode: (batch, size), each of length 1, or 0 where nothing is known."""
        mask = attention_mask[..., None].to(self.words.weight.dtype)
        mean = (self.words(input_ids) * mask).sum(1) / mask.sum(1).clamp_min(1.0)
        return F.normalize(mean, dim=-1)
