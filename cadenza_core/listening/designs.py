"""A listening test as it is designed: systems, excerpts, participants, texts; written as YAML that people read and write.

```yaml
name: panel-2026
title: Which remix sounds best?
design: panel                # panel, preference, abx, mushra or relovl
seed: 2026
systems:
  - {name: Demucs, system: htdemucs, gains: {vocals: 3}}
  - {name: Preview, system: preview, preset: louder vocals}
  - {name: Team A, file: "entries/a/{listener}_{excerpt}.flac"}
excerpts:
  - {name: verse, song: demo, at: 2-17}
participants: {N2: 5, N3: 5} # or a number, or a list of listeners
```

Every key is explained in `docs/listening.md`. The same text is what the database keeps.
"""

from dataclasses import dataclass, field

from ..catalog import WHOLE, Excerpt
from ..remix import Gains
from .kinds import ANCHORS, REFERENCE, Kind

__all__ = ["LONGEST_S", "MOST_PARTICIPANTS", "MOST_TOGETHER", "MOST_TRIALS", "Condition", "Design", "Passage"]

#: Longest excerpt, s; most sounds of one trial (nobody compares more); most trials of a participant; most participants.
LONGEST_S, MOST_TOGETHER, MOST_TRIALS, MOST_PARTICIPANTS = 60.0, 15, 200, 500


@dataclass(frozen=True)
class Condition:
    """What makes one of the sounds that are compared.

    Parameters
    ----------
    name : str
        In the results; no listener sees it.
    system : str
        A separation system of the studio, or ``original`` for the mixture as it is; empty: a file.
    gains : Gains or None
        Of the stems; None: all at 0 dB, or as the preset says.
    preset : str
        Name of a preset of the studio.
    file : str
        Path, in which ``{excerpt}``, ``{song}`` and ``{listener}`` stand for names.
    cut : bool
        Whether the excerpt is cut out of the file; else the file is heard as it is.
    line : int
        Where it stands in the design.
    """

    name: str
    system: str = ""
    gains: Gains | None = None
    preset: str = ""
    file: str = ""
    cut: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Passage:
    """An excerpt of a test: its name, the song it is of, if any, and the sentence that asks for a sound in it."""

    name: str
    song: str = ""
    at: Excerpt = WHOLE
    query: str = ""
    training: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Design:
    """A listening test.

    Parameters
    ----------
    text, folder : str
        The YAML that it was read from, and where its relative paths begin.
    reference : Condition or None
        MUSHRA's.
    participants : tuple of str
        The listener of each participant; empty: heard as it is, not amplified.
    training : int
        Trials before the test that do not count.
    trials : int
        Trials of each participant; 0: all there are.
    repeats : int
        How often each excerpt comes; more than 1 in ABX only.
    loudness : float
        LUFS; all sounds are lowered to it, or to the quietest.
    fade : float
        Fade in and out, s.
    hear_s : float or None
        Seconds that each sound must have been heard for; None: as long as it lasts.
    calibration, ceiling : float
        Level of 0 dB FS at the ear with the volume fully up, and the highest peak there may be, dB SPL.
    """

    text: str
    folder: str
    name: str
    title: str
    kind: Kind
    seed: int
    systems: tuple[Condition, ...]
    reference: Condition | None
    anchors: tuple[str, ...]
    excerpts: tuple[Passage, ...]
    participants: tuple[str, ...]
    training: int
    trials: int
    repeats: int
    loudness: float
    fade: float
    hear_s: float | None
    calibration: float
    ceiling: float
    headphone_check: bool
    comments: bool
    consent: str
    instructions: str
    thanks: str

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What is rendered: the systems, and the reference if there is one."""
        return self.systems + ((self.reference,) if self.reference else ())

    def condition(self, name: str) -> Condition:
        """Give a condition by its name."""
        return next(one for one in self.conditions if one.name == name)

    def excerpt(self, name: str) -> Passage:
        """Give an excerpt by its name."""
        return next(one for one in self.excerpts if one.name == name)

    def role(self, condition: str) -> str:
        """Tell what a condition is: ``system``, ``reference`` or ``anchor``."""
        return "anchor" if condition in ANCHORS else "reference" if condition == REFERENCE else "system"

    @property
    def all_trials(self) -> int:
        """How many different trials there are, without training."""
        main = sum(not excerpt.training for excerpt in self.excerpts) * self.repeats
        count = len(self.systems)
        return main * (1 if self.kind.together else count * (count - 1) // 2 if self.kind.pairs else count)

    @property
    def stimuli(self) -> int:
        """How many sounds one listener's are: excerpts times systems, reference and anchors."""
        shown = len(self.systems) + bool(self.reference) + len(self.anchors) + (self.kind.name == "relovl")
        return len(self.excerpts) * shown
