"""Who hears what in which order: from the test's seed and the participant's place, the same each time.

A *block* holds every system once (every pair, in paired comparisons), each with another excerpt where there are enough.
Over all its blocks a participant hears every system with every excerpt once. What is balanced:

- the order of systems within a block goes by the rows of a Williams square (E. J. Williams 1949), so that each system is
  at each place, and after each other one, equally often over participants;
- excerpts move on by one block from participant to participant;
- the last system of a block is never the first of the next, if there are two or more; pairs are arranged so that
  neighbours share a system as seldom as a search can find;
- A and B change sides from one participant to the next, and each of a participant's systems is A as often as B where
  that is possible; the same holds for what X is;
- sounds that are shown together (MUSHRA) take every place equally often, in rows that are shuffled anew for each turn.

With fewer trials than there are, a participant gets whole blocks; the next participant begins where this one ends.
"""

import hashlib
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from .designs import Design
from .kinds import REFERENCE

__all__ = ["Trial", "trials_of", "williams"]

_DRAWS = 100  # arrangements of pairs that are tried


@dataclass(frozen=True)
class Trial:
    """One trial of one participant.

    Parameters
    ----------
    number : int
        From 1, training included.
    phase : {"training", "main"}
    excerpt : str
    conditions : tuple of str
        What is to be judged, in the order shown.
    x : int or None
        ABX: which of the two X is.
    repeat : int
        ABX: how many times the same pair and excerpt came before.
    """

    number: int
    phase: str
    excerpt: str
    conditions: tuple[str, ...]
    x: int | None = None
    repeat: int = 0

    @property
    def identity(self) -> str:
        """What this trial is, whatever the order: the same for all participants."""
        return "\n".join([self.phase, self.excerpt, str(self.repeat), *sorted(self.conditions)])


def williams(size: int) -> list[list[int]]:
    """Give a Williams square: each number once in each row and column; each after each other once (size even).

    An odd size has each follow each other equally often only over the rows and their mirror images.
    """
    first = [0]
    for step in range(1, size):
        first.append((step + 1) // 2 if step % 2 else size - step // 2)
    return [[(value + shift) % size for value in first] for shift in range(size)]


def trials_of(design: Design, place: int) -> list[Trial]:
    """Give a participant's trials, training first.

    Parameters
    ----------
    place : int
        The participant's, from 0.
    """
    main = [excerpt.name for excerpt in design.excerpts if not excerpt.training]
    own = [excerpt.name for excerpt in design.excerpts if excerpt.training]
    training = _phase(design, own or main, place, "training")
    order = (training[: design.training] if design.training else []) + _phase(design, main, place, "main")
    return [
        Trial(number, one.phase, one.excerpt, one.conditions, one.x, one.repeat) for number, one in enumerate(order, 1)
    ]


def _phase(design: Design, excerpts: Sequence[str], place: int, phase: str) -> list[Trial]:
    places = [(name, repeat) for repeat in range(design.repeats) for name in excerpts]
    if design.kind.together:
        return _together(design, [name for name, _ in places], place, phase)
    keys: list[tuple[str, ...]] = [(one.name,) for one in design.systems]
    if design.kind.pairs:
        names = [one.name for one in design.systems]
        keys = list(itertools.combinations(names, 2))
    blocks = len(places)
    each = blocks if phase == "training" else design.trials // len(keys) or blocks
    begin = 0 if each == blocks else place * each
    rows = _rows(design, keys, place, each, phase)
    turn = place // blocks if each == blocks else 0
    cells = _rng(design, phase, "excerpts", turn).sample(range(blocks), blocks)
    trials = []
    for number, row in enumerate(rows):
        for key in row:
            at = (begin + number + (place if each == blocks else 0) + keys.index(key)) % blocks
            name, repeat = places[cells[at]]
            trials.append(Trial(0, phase, name, key, repeat=repeat))
    return _sided(design, trials, place, phase) if design.kind.pairs else trials


def _rows(
    design: Design, keys: Sequence[tuple[str, ...]], place: int, blocks: int, phase: str
) -> list[list[tuple[str, ...]]]:
    """Give the order of keys in each block; over as many participants as keys, each is at each place equally often."""
    size = len(keys)
    group, shift = divmod(place, size)
    rng = _rng(design, phase, "rows", group)
    if design.kind.pairs:
        labels = _apart(keys, rng)
        square = [[(value + row) % size for value in range(size)] for row in range(size)]
    else:
        labels = rng.sample(list(keys), size)
        square = williams(size)
    last = square[0][-1]
    rows, step = [], rng.randrange(size)
    for _ in range(blocks):
        rows.append([labels[value] for value in square[(shift + step) % size]])
        # The next block must not begin with what this one ends with, whatever the participant's shift.
        following = [value for value in range(size) if value != (step + last) % size] or [step]
        if design.kind.pairs:
            shared = {value: _shared(labels, value - step - last) for value in following}
            following = [value for value in following if shared[value] == min(shared.values())]
        step = rng.choice(following)
    return rows


def _apart(keys: Sequence[tuple[str, ...]], rng: random.Random) -> list[tuple[str, ...]]:
    """Arrange pairs in a circle so that neighbours share a system seldom: the best of many greedy walks.

    Five systems show why seldom is not never: their pairs, joined where they share nothing, are the Petersen graph, which
    has a path through all but no circle.
    """

    def walk() -> list[tuple[str, ...]]:
        left = rng.sample(list(keys), len(keys))
        order = [left.pop()]
        while left:
            common = [len(set(one) & set(order[-1])) for one in left]
            order.append(left.pop(common.index(min(common))))
        return order

    return min((walk() for _ in range(_DRAWS)), key=lambda order: _shared(order, 1))


def _shared(circle: Sequence[tuple[str, ...]], step: int) -> int:
    """Count the systems that pairs so many places apart share, over all of them."""
    return sum(len(set(one) & set(circle[(number + step) % len(circle)])) for number, one in enumerate(circle))


def _sided(design: Design, trials: Sequence[Trial], place: int, phase: str) -> list[Trial]:
    """Decide which of a pair is A, and which X is: balanced within a participant, mirrored for the next one."""
    rng = _rng(design, phase, "sides", place // 2)
    flips = {identity: rng.random() < 0.5 for identity in sorted({trial.identity for trial in trials})}
    half = [bool(number % 2) for number in range(len(trials))]
    answers = dict(zip(sorted(flips), rng.sample(half, len(half)), strict=False))
    counts: dict[str, int] = {}
    for identity in sorted(flips):  # each system is A about as often as B
        one, other = identity.split("\n")[-2:]
        lead = counts.get(one, 0) - counts.get(other, 0)
        if lead:
            flips[identity] = lead > 0
        first, second = (other, one) if flips[identity] else (one, other)
        counts[first], counts[second] = counts.get(first, 0) + 1, counts.get(second, 0) - 1
    sided = []
    for trial in trials:
        pair = tuple(sorted(trial.conditions))
        if flips[trial.identity] != bool(place % 2):
            pair = pair[::-1]
        # X changes with every second participant, so that it is not tied to the sides.
        x = int(answers[trial.identity] != bool(place // 2 % 2)) if design.kind.name == "abx" else None
        sided.append(Trial(0, trial.phase, trial.excerpt, pair, x, trial.repeat))
    return sided


def _together(design: Design, excerpts: Sequence[str], place: int, phase: str) -> list[Trial]:
    """Give MUSHRA's trials: excerpts by the rows of a Williams square, conditions at each place equally often."""
    count = len(excerpts)
    group, shift = divmod(place, count)
    labels = _rng(design, phase, "rows", group).sample(list(excerpts), count)
    order = [labels[value] for value in williams(count)[shift]]
    if phase == "main" and design.trials and design.trials < count:
        begin = place * design.trials % count
        fixed = _rng(design, phase, "subset", 0).sample(list(excerpts), count)
        chosen = {fixed[(begin + number) % count] for number in range(design.trials)}
        order = [name for name in order if name in chosen]
    conditions = [*(one.name for one in design.systems), REFERENCE, *design.anchors]
    return [
        Trial(0, phase, name, _shuffled(design, conditions, place * len(order) + number, phase))
        for number, name in enumerate(order)
    ]


def _shuffled(design: Design, conditions: Sequence[str], turn: int, phase: str) -> tuple[str, ...]:
    """Give the order of sounds in one trial: over as many turns as sounds, each is at each place once."""
    size = len(conditions)
    cycle, within = divmod(turn, size)
    rng = _rng(design, phase, "shown", cycle)
    labels = rng.sample(list(conditions), size)
    row = rng.sample(williams(size), size)[within]
    return tuple(labels[value] for value in row)


def _rng(design: Design, *facts: object) -> random.Random:
    """Give random numbers that hang on the seed and on what they are for, and on nothing else, on any machine."""
    text = "\n".join(map(str, (design.seed, *facts)))
    return random.Random(hashlib.sha256(text.encode()).digest())
