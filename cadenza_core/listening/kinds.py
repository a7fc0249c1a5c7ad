"""The kinds of listening tests: what a listener does in one trial, on which scales, and the words for it.

- ``panel``: the Cadenza panel of CAD1: one excerpt at a time, six scales from 0 to 100.
- ``preference``: two sounds, A and B: which one is better?
- ``abx``: two sounds and one of them again: is X A or B? (ITU-R BS.1116 describes the comparison with a known reference.)
- ``mushra``: all systems at once against a reference, with the reference and two low-pass anchors hidden among them
  (ITU-R BS.1534-3).
- ``relovl``: what a sentence has extracted from a mixture: relevance and overall quality, 1 to 5 (DCASE 2024, task 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ANCHORS", "KINDS", "PANEL", "REFERENCE", "RESERVED", "Kind", "Scale"]

REFERENCE = "reference"
#: MUSHRA's anchors and their cut-off frequencies, Hz (BS.1534-3, section 5.1).
ANCHORS: Mapping[str, float] = {"anchor35": 3500.0, "anchor70": 7000.0}
#: Names that no system may have: they stand for something else in the results.
RESERVED = (REFERENCE, *ANCHORS)


@dataclass(frozen=True)
class Scale:
    """What is answered.

    Parameters
    ----------
    name : str
        In the results.
    title : str
        As the listener reads it.
    low, high : float
        Range of the answer.
    words : tuple of str
        From the lowest to the highest: of both ends, or of equal steps.
    help : str
        What is meant, in a sentence.
    """

    name: str
    title: str
    low: float
    high: float
    words: tuple[str, ...]
    help: str = ""

    def takes(self, value: float, *, whole: bool) -> bool:
        """Tell whether this can be an answer."""
        return self.low <= value <= self.high and (not whole or value == int(value))


@dataclass(frozen=True)
class Kind:
    """A kind of test.

    Parameters
    ----------
    name, title, task : str
        `task`: what the listener is asked in each trial.
    scales : tuple of Scale
        Of each sound that is judged; of the whole trial in a paired comparison.
    pairs : bool
        Whether two systems are compared in a trial.
    together : bool
        Whether all systems are in one trial.
    hear_s : float or None
        Seconds that each sound must be heard for by default; None: as long as it lasts.
    """

    name: str
    title: str
    task: str
    scales: tuple[Scale, ...]
    pairs: bool = False
    together: bool = False
    hear_s: float | None = None


#: CAD1's six scales; the words of their ends are ours.
PANEL = (
    Scale("basic_audio_quality", "Basic audio quality", 0, 100, ("Bad", "Excellent"), "Everything taken together"),
    Scale(
        "clarity", "Clarity", 0, 100, ("Not at all clear", "Very clear"), "How well voices and instruments stand out"
    ),
    Scale("harshness", "Harshness", 0, 100, ("Not at all harsh", "Very harsh"), "How sharp or piercing it is"),
    Scale(
        "distortion", "Distortion", 0, 100, ("Not at all distorted", "Very distorted"), "Crackling, roughness, warbling"
    ),
    Scale(
        "frequency_balance",
        "Frequency balance",
        0,
        100,
        ("Poorly balanced", "Well balanced"),
        "Whether low and high sounds are in balance",
    ),
    Scale("liking", "Liking", 0, 100, ("Not at all", "Very much"), "How much you like it"),
)
_FIVE = ("1", "2", "3", "4", "5")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("panel", "The Cadenza panel", "Listen, then move each slider to where it fits.", PANEL),
        Kind(
            "preference",
            "Preference, A or B",
            "Which of the two do you prefer?",
            (Scale("preference", "I prefer", 0, 1, ("A", "B")),),
            pairs=True,
            hear_s=2.0,
        ),
        Kind(
            "abx",
            "ABX",
            "X is one of the two again. Which one?",
            (Scale("correct", "X is", 0, 1, ("A", "B")),),
            pairs=True,
            hear_s=2.0,
        ),
        Kind(
            "mushra",
            "MUSHRA",
            "Compare each sound with the reference, and rate its quality.",
            (Scale("quality", "Quality", 0, 100, ("Bad", "Poor", "Fair", "Good", "Excellent")),),
            together=True,
            hear_s=2.0,
        ),
        Kind(
            "relovl",
            "Relevance and overall quality",
            "Listen to the mixture, then to what was extracted from it.",
            (
                Scale("relevance", "Relevance between the extracted sound and the description", 1, 5, _FIVE),
                Scale("overall", "Overall sound quality", 1, 5, _FIVE),
            ),
            hear_s=None,
        ),
    )
}
