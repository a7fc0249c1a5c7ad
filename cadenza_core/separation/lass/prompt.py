"""What a user asks for: a description, what shall not come with it, and a stretch of time. Text in, text out, checked."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ...catalog import Excerpt
from ...errors import CadenzaError

__all__ = ["LONGEST", "MOST_PROMPTS", "Prompt", "format_prompts", "parse_prompts"]

#: Characters of a description: the captions that the official models were trained on have 5 to 20 words.
LONGEST = 300
#: Things that one prompt may exclude, and prompts at once.
MOST_EXCLUDED, MOST_PROMPTS = 4, 6
#: What has a meaning in a link; `urllib.parse.quote` would leave ``~`` as it is.
_SPECIAL = re.compile("[;~@%]")


@dataclass(frozen=True)
class Prompt:
    """One request.

    Parameters
    ----------
    query : str
        What is wanted, in words: 1 to 300 characters. Space around and within is evened out.
    without : tuple of str
        What shall not come with it; up to 4.
    span : Excerpt or None
        The only part of the song in which it is looked for; None: all of it.

    Raises
    ------
    CadenzaError
        If a text is empty, too long or not text, or there are too many.
    """

    query: str
    without: tuple[str, ...] = ()
    span: Excerpt | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "query", _clean(self.query, "The description"))
        without = tuple(dict.fromkeys(_clean(text, "What is not wanted") for text in self.without))
        if len(without) > MOST_EXCLUDED:
            raise CadenzaError(f"{len(without)} things are excluded; up to {MOST_EXCLUDED} is accepted.")
        if self.query in without:
            raise CadenzaError(f"“{self.query}” is both wanted and excluded.")
        object.__setattr__(self, "without", without)

    @property
    def facts(self) -> dict[str, object]:
        """Everything that its result depends on, as plain data."""
        stop = None if self.span is None or self.span.stop is None else float(self.span.stop)
        span = None if self.span is None else [float(self.span.start), stop]  # 8 and 8.0 are one time
        return {"query": self.query, "without": list(self.without), "span": span}

    @property
    def lane(self) -> str:
        """The name of its lane: the same request has the same."""
        return f"x_{hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()[:10]}"

    @property
    def title(self) -> str:
        """Say it in words."""
        text = self.query + "".join(f", not {other}" for other in self.without)
        return text if self.span is None else f"{text} ({self.span})"


def _clean(text: str, what: str) -> str:
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain:
        raise CadenzaError(f"{what} is empty. Say in a few words what you hear, such as “a crowd cheering”.")
    if len(plain) > LONGEST:
        raise CadenzaError(
            f"{what} has {len(plain):,} characters; up to {LONGEST} are accepted. A short sentence works best."
        )
    if not plain.replace("\u200d", "").replace("\ufe0f", "").isprintable():
        raise CadenzaError(f"{what} holds characters that are no text. Type it anew.")
    return plain


def format_prompts(prompts: Sequence[Prompt]) -> str:
    """Write prompts for a link: ``dog bark~rain@3-8;speech``."""
    parts = []
    for prompt in prompts:
        text = "~".join(
            _SPECIAL.sub(lambda char: f"%{ord(char[0]):02X}", words) for words in (prompt.query, *prompt.without)
        )
        parts.append(text if prompt.span is None else f"{text}@{prompt.span}")
    return ";".join(parts)


def parse_prompts(text: str) -> tuple[list[Prompt], list[str]]:
    """Read prompts from a link; give them and a sentence for each that makes no sense."""
    prompts: list[Prompt] = []
    faults: list[str] = []
    for piece in filter(str.strip, text.split(";")):
        words, at, span = piece.partition("@")
        query, *without = map(unquote, words.split("~"))
        try:
            prompt = Prompt(query, tuple(without), Excerpt.parse(span) if at else None)
        except CadenzaError as error:
            faults.append(f"The link asks to extract {piece[:60]!r}: {error}")
            continue
        if len(prompts) == MOST_PROMPTS:
            faults.append(f"The link asks to extract more than {MOST_PROMPTS} things; the others are left out.")
            break
        if prompt not in prompts:
            prompts.append(prompt)
    return prompts, faults
