"""Maximise a function on a grid by trying steps: long ones first, then shorter ones, down to the grid's own.

This is compass search (Kolda, Lewis & Torczon 2003, "Optimization by direct search: new perspectives on some classical and
modern methods", SIAM Review 45(3)): it needs no derivative, bears a function that is infeasible here and there, and ends
where no single step of the grid leads higher. That is a local maximum; several starts make it likely to be a good one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Found", "Point", "climb"]

Point = tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """The best point, its value, and how many points were looked at."""

    point: Point
    value: float
    evaluations: int


def climb(
    value: Callable[[Point], float],
    starts: Iterable[Point],
    moves: Sequence[Point],
    *,
    spans: Sequence[int] = (8, 4, 2, 1),
    budget: int = 500,
) -> Found:
    """Search for the highest value.

    Parameters
    ----------
    value : function
        Of a point; -inf where it must not be. The same point is asked for once.
    starts : iterable of Point
        Each is climbed from; the first is at least as good as -inf may be.
    moves : sequence of Point
        Directions, each also taken backwards.
    spans : sequence of int
        Lengths of the steps, the longest first.
    budget : int
        Points looked at, at most.

    Returns
    -------
    Found
        Of equal values the one found first: nothing in it hangs on chance.
    """
    known: dict[Point, float] = {}

    def look(point: Point) -> float:
        if point not in known:
            known[point] = value(point) if len(known) < budget else -math.inf
        return known[point]

    best: tuple[Point, float] | None = None
    for start in starts:
        here = _climb_from(start, look, moves, spans, lambda: len(known) >= budget)
        if best is None or here[1] > best[1]:
            best = here
    if best is None:
        raise ValueError("a search needs a start")
    return Found(*best, min(len(known), budget))


def _climb_from(
    start: Point,
    look: Callable[[Point], float],
    moves: Sequence[Point],
    spans: Sequence[int],
    spent: Callable[[], bool],
) -> tuple[Point, float]:
    here, height = start, look(start)
    order = [move for direction in moves for move in (direction, tuple(-step for step in direction))]
    for span in spans:
        again = True
        while again and not spent():
            again = False
            for move in tuple(order):
                there = tuple(a + span * b for a, b in zip(here, move, strict=True))
                if (reached := look(there)) > height:
                    here, height, again = there, reached, True
                    order.remove(move)
                    order.insert(0, move)  # what led upwards once may do so again
                    break
    return here, height
