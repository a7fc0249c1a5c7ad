"""The search: it finds what is there, asks for nothing twice, and keeps to its budget."""

import math

import pytest

from cadenza_core.tuning.search import climb

MOVES = [(1, 0), (0, 1), (1, 1)]


def hill(point: tuple[int, ...]) -> float:
    """The top is at (7, -5), along a ridge that no single axis follows."""
    x, y = point
    return -((x + y - 2) ** 2) - 0.1 * (x - 7) ** 2


def test_finds_the_top_of_a_ridge():
    found = climb(hill, [(0, 0)], [*MOVES, (1, -1)])
    assert found.point == (7, -5)
    assert found.value == 0.0


def test_asks_for_no_point_twice_and_ends_where_no_step_leads_higher():
    asked: list[tuple[int, ...]] = []

    def value(point: tuple[int, ...]) -> float:
        asked.append(point)
        return hill(point)

    found = climb(value, [(0, 0), (3, 3), (0, 0)], MOVES)
    assert len(asked) == len(set(asked)) == found.evaluations
    x, y = found.point
    for move in MOVES:
        for sign in (-1, 1):
            assert hill((x + sign * move[0], y + sign * move[1])) <= found.value


def test_the_best_of_several_starts_is_taken():
    peaks = {(-20, 0): 1.0, (20, 0): 2.0}

    def value(point: tuple[int, ...]) -> float:
        return max(height - 0.1 * (abs(point[0] - x) + abs(point[1] - y)) for (x, y), height in peaks.items())

    assert climb(value, [(-18, 1)], MOVES, spans=(1,)).point == (-20, 0)
    assert climb(value, [(-18, 1), (18, 1)], MOVES, spans=(1,)).point == (20, 0)


def test_infeasible_points_are_gone_around_and_never_the_result():
    def value(point: tuple[int, ...]) -> float:
        return -math.inf if point[0] > 3 else float(point[0] + point[1]) if point[1] <= 2 else -math.inf

    assert climb(value, [(0, 0)], MOVES).point == (3, 2)
    assert climb(value, [(9, 9), (0, 0)], MOVES).point == (3, 2)


def test_the_budget_is_kept():
    calls = 0

    def value(point: tuple[int, ...]) -> float:
        nonlocal calls
        calls += 1
        return hill(point)

    found = climb(value, [(-300, 300)], MOVES, budget=25)
    assert calls == found.evaluations == 25
    assert found.value > hill((-300, 300))


def test_a_search_without_a_start_is_refused():
    with pytest.raises(ValueError, match="start"):
        climb(hill, [], MOVES)
