"""Score what somebody wrote down, or a recogniser heard, against the lyric that was sung: CLIP1's correctness.

Both texts are normalised to words, the words are aligned with the fewest edits, and correctness is the share of the
lyric's words that were hit. The rules are those of the Cadenza CLIP1 baseline (claritychallenge/clarity,
recipes/cad_icassp_2026, `transcription_scorer.py`):

1. remove ``; ! * # , . _ ( )`` and apostrophes that are not part of a contraction,
2. expand contractions by a table (``don't`` -> ``do not``, ``gonna`` -> ``going to``),
3. spell numbers out (``21`` -> ``twenty one``, ``6.4`` -> ``six point four``, as in the data set's prompts),
4. remove Kaldi's non-words (``[laughter]``, ``<unk>``), set to upper case,
5. align as jiwer does (rapidfuzz's Levenshtein over words: the same library, so that ties fall alike).

Other marks, such as ``?`` and ``-``, become words of their own, as in the baseline; the data set's prompts have none.

The *released* script does not quite do what its rules say, and `Rules.RELEASED` repeats it to the letter where numbers
must equal those computed with it: its tokeniser drops digits before they can be spelled out; typographic apostrophes are
removed before contractions are looked up (``don’t`` -> ``DONT``); other words keep their straight apostrophes.
"""

import enum
import functools
import importlib.resources
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import CadenzaError

__all__ = ["Alignment", "Rules", "Step", "align", "contractions", "correctness", "normalise", "spell"]


class Rules(enum.Enum):
    """Which normalisation: the challenge's `WRITTEN` rules, or what the `RELEASED` script does."""

    WRITTEN = "written"
    RELEASED = "released"


_REMOVED = re.compile(r"[;!*#,._()]")
_REMOVED_RELEASED = re.compile("[;!*#,.\u2032\u2019\u2018_()]")  # prime and single quotes
_APOSTROPHES = str.maketrans({"\u2032": "'", "\u2019": "'", "\u2018": "'", "`": "'", "\u00b4": "'"})
_NON_WORDS = re.compile(r"[<\[][^>\]]*[>\]]")
_TOKENS = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?|'[^\W_]+|[^\w\s']")
_TOKENS_RELEASED = re.compile("[a-z]+(?:['\u2019][a-z]+)*(?:['\u2019])?|['\u2019][a-z]+|[^\\w\\s]", re.IGNORECASE)
_DECIMAL = re.compile(r"\b(\d+)\.(\d+)\b")


@functools.cache
def contractions() -> Mapping[str, str]:
    """Give the baseline's table of contractions, lower case; of several expansions it uses the first."""
    text = importlib.resources.files(__package__).joinpath("contractions.json").read_text(encoding="utf-8")
    table: dict[str, str] = json.loads(text)["words"]
    return table


def normalise(text: str, rules: Rules = Rules.WRITTEN) -> list[str]:
    """Give the words that count, in upper case; none for an empty answer or ``#``."""
    tokens = _released_tokens(text) if rules is Rules.RELEASED else _written_tokens(text)
    return _NON_WORDS.sub("", " ".join(tokens)).upper().split()


def _released_tokens(text: str) -> list[str]:
    table = contractions()
    return [table.get(token, token) for token in _TOKENS_RELEASED.findall(_REMOVED_RELEASED.sub("", text).lower())]


def _written_tokens(text: str) -> list[str]:
    text = _DECIMAL.sub(_spell_decimal, text.translate(_APOSTROPHES).lower())
    return [_word(token) for token in _TOKENS.findall(_REMOVED.sub("", text))]


def _word(token: str) -> str:
    table = contractions()
    bare = token.strip("'")
    expanded = table.get(token) or table.get(bare)
    if expanded is not None:
        return expanded
    return spell(token) if token.isdecimal() else token.replace("'", "")


def _spell_decimal(found: re.Match[str]) -> str:
    return " ".join([spell(found[1]), "point", *map(spell, found[2])])


_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LARGE = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))


def spell(digits: str) -> str:
    """Spell a whole number as the baseline does, without "and" or hyphens: 365 -> three hundred sixty five.

    From 10^15 on, digit by digit.
    """
    if len(digits) > 15:
        return " ".join(_SMALL[int(digit)] for digit in digits)
    return _spell(int(digits))


def _spell(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        return " ".join([_TENS[number // 10], *([_SMALL[number % 10]] if number % 10 else [])])
    size, name = next(entry for entry in _LARGE if number >= entry[0])
    rest = [_spell(number % size)] if number % size else []
    return " ".join([_spell(number // size), name, *rest])


@dataclass(frozen=True)
class Step:
    """One word of an alignment: hit, another word in its place ("wrong"), left out ("missed"), or put in ("extra")."""

    kind: Literal["hit", "wrong", "missed", "extra"]
    prompt: str
    answer: str


@dataclass(frozen=True)
class Alignment:
    """A lyric and an answer, word by word, in order."""

    steps: tuple[Step, ...]

    @property
    def hits(self) -> int:
        """Words of the lyric that are in the answer."""
        return sum(step.kind == "hit" for step in self.steps)

    @property
    def words(self) -> int:
        """Words of the lyric."""
        return sum(step.kind != "extra" for step in self.steps)

    @property
    def correctness(self) -> float:
        """Share of the lyric's words that were hit, 0 to 1."""
        return self.hits / self.words


def align(prompt: str, answer: str, rules: Rules = Rules.WRITTEN) -> Alignment:
    """Align an answer with the lyric that was sung.

    Raises
    ------
    CadenzaError
        If the lyric has no words: nothing could be hit.
    """
    from rapidfuzz.distance import Levenshtein

    wanted, given = normalise(prompt, rules), normalise(answer, rules)
    if not wanted:
        raise CadenzaError(f"The lyric {prompt[:80]!r} has no words to be recognised. Give the words that are sung.")
    steps: list[Step] = []
    for code in Levenshtein.opcodes(wanted, given):
        rows = wanted[code.src_start : code.src_end], given[code.dest_start : code.dest_end]
        if code.tag == "delete":
            steps += [Step("missed", word, "") for word in rows[0]]
        elif code.tag == "insert":
            steps += [Step("extra", "", word) for word in rows[1]]
        else:
            kind: Literal["hit", "wrong"] = "hit" if code.tag == "equal" else "wrong"
            steps += [Step(kind, *pair) for pair in zip(*rows, strict=True)]
    return Alignment(tuple(steps))


def correctness(prompt: str, answer: str, rules: Rules = Rules.WRITTEN) -> float:
    """Give the share of the lyric's words that are in the answer, 0 to 1.

    Raises
    ------
    CadenzaError
        If the lyric has no words.
    """
    return align(prompt, answer, rules).correctness
