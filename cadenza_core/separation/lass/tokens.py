"""roberta's tokenizer: from a sentence to the numbers that CLAP's text encoder reads.

Built on `tokenizers` from roberta-base's two files, ``vocab.json`` and ``merges.txt`` (byte-level BPE, Liu et al. 2019,
arXiv:1907.11692). A tokenizer with another vocabulary gives numbers as well, only the wrong ones, and the separator then
follows a query that nobody made: transformers 5, offline, makes one of five tokens without a word. So what was read is
checked, and anything but the real one is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import CadenzaError

__all__ = ["MERGES", "VOCABULARY", "VOCABULARY_SIZE", "Tokenizer", "load_tokenizer"]

VOCABULARY, MERGES = "vocab.json", "merges.txt"
VOCABULARY_SIZE = 50265
#: Most tokens that roberta takes.
LONGEST = 512
_START, _PAD, _END = 0, 1, 2
_SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 50264}
#: What the real one makes of two sentences.
_PROBES = {"a dog barking": [0, 102, 2335, 26563, 2], "Hello world": [0, 31414, 232, 2]}


class Tokenizer:
    """The tokenizer; made by :func:`load_tokenizer`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def ids(self, text: str) -> list[int]:
        """Give a text's tokens with those of start and end around them, however many."""
        return [_START, *self._inner.encode(text).ids, _END]

    def tokens(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
        """Give the tokens of texts, padded to one length, and where they are not padding.

        Raises
        ------
        CadenzaError
            If a text has more than 512 tokens.
        """
        rows = [self.ids(text) for text in texts]
        longest = max(map(len, rows))
        if longest > LONGEST:
            raise CadenzaError(
                f"The query has {longest} tokens; {LONGEST} is the most that the text encoder takes. Describe it shortly."
            )
        ids = [row + [_PAD] * (longest - len(row)) for row in rows]
        return ids, [[1] * len(row) + [0] * (longest - len(row)) for row in rows]


def load_tokenizer(vocabulary: Path, merges: Path) -> Tokenizer:
    """Load roberta-base's tokenizer from its two files, and check that it is the real one.

    Raises
    ------
    CadenzaError
        If a file is missing or damaged, or the vocabulary is not roberta-base's.
    """
    import tokenizers

    for path in (vocabulary, merges):
        if not path.is_file():
            raise CadenzaError(
                f"There is no {path}. The text encoder needs roberta-base's {VOCABULARY} and {MERGES} "
                "(`cadenza models get lass-text`)."
            )
    try:
        model = tokenizers.models.BPE.from_file(str(vocabulary), str(merges))
    except Exception as error:  # the library raises plain Exceptions
        raise CadenzaError(
            f"{vocabulary} and {merges} are not a tokenizer's files, or are damaged: {error}."
        ) from error
    inner = tokenizers.Tokenizer(model)
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = Tokenizer(inner)
    check_vocabulary(inner.get_vocab(), vocabulary)
    for text, expected in _PROBES.items():
        if (found := made.ids(text)) != expected:
            raise CadenzaError(
                f"{vocabulary} and {merges} are not roberta-base's: {text!r} gives the tokens {found} instead of {expected}. "
                "Get the files from its publisher (`cadenza models get lass-text`)."
            )
    return made


def check_vocabulary(words: dict[str, int], source: object) -> None:
    """Check that a vocabulary can be roberta-base's.

    Raises
    ------
    CadenzaError
        If it has another size, or its special tokens are not where they belong.
    """
    if len(words) != VOCABULARY_SIZE:
        raise CadenzaError(
            f"{source} is not roberta-base's vocabulary: it has {len(words)} tokens instead of {VOCABULARY_SIZE}. With it, "
            "every query would be misread. Get the file from its publisher (`cadenza models get lass-text`)."
        )
    if wrong := [word for word, place in _SPECIAL.items() if words.get(word) != place]:
        raise CadenzaError(f"{source} is not roberta-base's vocabulary: {', '.join(wrong)} are not where they belong.")
