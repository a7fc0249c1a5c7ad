"""From a sentence to the vector that a separator follows, whichever of the two encoders the model has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import CadenzaError
from .checkpoint import Contents, load_into, read_checkpoint
from .clap import ClapText, has_clap_text, load_clap_text
from .tokens import Tokenizer
from .words import WordText

__all__ = ["ClapQueries", "Queries", "WordQueries", "load_query_module", "load_words"]


@dataclass(frozen=True)
class ClapQueries:
    """CLAP's text encoder with its tokenizer."""

    module: ClapText
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Give the vectors of texts, (batch, 512), each of length 1.

        Raises
        ------
        CadenzaError
            If a text is too long.
        """
        ids, mask = self.tokenizer.tokens(texts)
        with torch.inference_mode():
            vectors: torch.Tensor = self.module(torch.tensor(ids), torch.tensor(mask))
        return vectors

    def note(self, text: str) -> str:
        """Say what the user should know of a text, or nothing."""
        letters = [char for char in text if char.isalpha()]
        if not letters:
            return f"“{text}” has no letters in it; the model was trained on English descriptions."
        if sum(not char.isascii() for char in letters) > len(letters) / 4:
            return f"“{text}” does not look like English, which the model was trained on; it may be misunderstood."
        return ""


@dataclass(frozen=True)
class WordQueries:
    """A small model's words."""

    module: WordText
    captions: tuple[str, ...]

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Give the vectors of texts, (batch, size), each of length 1.

        Raises
        ------
        CadenzaError
            If nothing of a text is known.
        """
        for text in texts:
            if not self.module.known(text):
                raise CadenzaError(
                    f"This model knows none of the words in {text[:80]!r}. It was trained on: {', '.join(self.captions[:30])}"
                    f"{', ...' if len(self.captions) > 30 else ''}."
                )
        with torch.inference_mode():
            vectors: torch.Tensor = self.module(*self.module.tokens(texts))
        return vectors

    def note(self, text: str) -> str:
        """Say what the user should know of a text, or nothing."""
        share = self.module.known(text)
        return "" if share == 1 else f"This model knows only part of the words in “{text}”; the others do not count."


Queries = ClapQueries | WordQueries


def load_query_module(path: Path) -> torch.nn.Module:
    """See :func:`cadenza_core.separation.lass.load_text_encoder`."""
    contents = read_checkpoint(path)
    if contents.meta.get("text", {}).get("kind") == "words":
        return load_words(contents).module
    return load_clap_text(contents)


def load_words(contents: Contents) -> WordQueries:
    """Give a small model's own text encoder.

    Raises
    ------
    CadenzaError
        If the file's vocabulary or vectors are not as they should be.
    """
    try:
        vocabulary = [str(piece) for piece in contents.meta["text"]["vocabulary"]]
        size, captions = int(contents.meta["network"]["condition"]), tuple(map(str, contents.meta["captions"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CadenzaError(f"{contents.path} does not say its vocabulary as it should: {error!r}.") from error
    module = WordText(vocabulary, size)
    load_into(module, contents.queries, contents.path, prefix="query_encoder.")
    return WordQueries(module.eval(), captions)


def holds_text_encoder(contents: Contents) -> bool:
    """Tell whether a checkpoint brings what reads its queries."""
    return contents.meta.get("text", {}).get("kind") == "words" or has_clap_text(contents.queries)
