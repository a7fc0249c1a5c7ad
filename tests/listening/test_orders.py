"""Orders: the same for the same seed, balanced over participants, no system twice in a row where that can be avoided."""

import itertools
from collections import Counter, defaultdict

import pytest

from cadenza_core.listening import read_design, trials_of
from cadenza_core.listening.orders import williams

from .made import design_text

PEOPLE = 10


def orders(kind, systems, excerpts, *, people=PEOPLE, **more):
    design = read_design(design_text(kind, systems, excerpts, **more))
    return design, [[one for one in trials_of(design, place) if one.phase == "main"] for place in range(people)]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
def test_a_williams_square_balances_places_and_neighbours(size):
    square = williams(size)
    assert all(sorted(line) == list(range(size)) for line in [*square, *zip(*square, strict=True)])
    follows = Counter(pair for row in square for pair in itertools.pairwise(row))
    if size % 2 == 0 and size > 1:
        assert set(follows.values()) == {1} and len(follows) == size * (size - 1)


@pytest.mark.parametrize(("kind", "systems", "excerpts"), [("panel", 5, 4), ("panel", 4, 5), ("relovl", 2, 10)])
def test_places_are_balanced_within_5_percent_and_no_system_comes_twice_in_a_row(kind, systems, excerpts):
    design, people = orders(kind, systems, excerpts)
    places = defaultdict(list)
    for trials in people:
        assert len({one.identity for one in trials}) == len(trials) == design.all_trials == 20
        for number, one in enumerate(trials):
            places[one.conditions].append(number)
        assert all(one.conditions != other.conditions for one, other in itertools.pairwise(trials))
    for numbers in places.values():
        assert abs(sum(numbers) / len(numbers) - 9.5) <= 0.05 * 20
    halves = Counter((one.conditions, number < 10) for trials in people for number, one in enumerate(trials))
    assert max(halves.values()) - min(halves.values()) <= 0.05 * PEOPLE * 20 / systems


def test_the_same_seed_gives_the_same_orders_and_another_one_others():
    text = design_text("panel", 4, 5)
    first = [trials_of(read_design(text), place) for place in range(4)]
    assert first == [trials_of(read_design(text), place) for place in range(4)]
    other = [trials_of(read_design(text.replace("seed: 11", "seed: 12")), place) for place in range(4)]
    assert first != other
    assert len({tuple(one.identity for one in trials) for trials in first}) == 4
    # What a seed has once given, it gives for ever: orders of tests under way must not change.
    assert [(one.excerpt, *one.conditions) for one in first[0][:6]] == PINNED


PINNED = [("e3", "Sys3"), ("e2", "Sys2"), ("e1", "Sys1"), ("e0", "Sys0"), ("e3", "Sys2"), ("e1", "Sys0")]


def test_sides_of_pairs_are_balanced_and_x_is_not_tied_to_them():
    design, people = orders("abx", 3, 4, repeats=2)
    assert design.all_trials == 24
    sides = Counter((one.conditions, one.x) for trials in people[:8] for one in trials)
    pairs = {frozenset(pair) for pair, _ in sides}
    for pair in pairs:
        counts = [sides[order, x] for order in itertools.permutations(pair) for x in (0, 1)]
        assert sum(counts) == 8 * 8 and max(counts) - min(counts) <= 0.05 * 8 * 24
    for trials in people:
        lead = Counter(one.conditions[0] for one in trials)
        assert max(lead.values()) - min(lead.values()) <= 4
        assert abs(sum(one.x for one in trials) - 12) <= 0


def test_neighbouring_pairs_share_a_system_only_where_they_must():
    _, people = orders("preference", 5, 1)
    shared = [
        set(one.conditions) & set(other.conditions) for trials in people for one, other in itertools.pairwise(trials)
    ]
    assert sum(map(bool, shared)) <= len(people)  # the pairs of five form Petersen's graph: a path, but no circle


def test_sounds_shown_together_take_every_place_equally_often():
    _, people = orders("mushra", 3, 20)
    places = Counter((name, place) for trials in people for one in trials for place, name in enumerate(one.conditions))
    assert len(places) == 6 * 6
    expected = PEOPLE * 20 / 6
    assert all(abs(count - expected) <= 0.05 * expected for count in places.values())
    firsts = Counter(trials[0].excerpt for trials in people)
    assert max(firsts.values()) == 1  # ten of the twenty excerpts begin


def test_participants_share_what_is_too_much_for_one():
    _, people = orders("panel", 5, 40, trials=20, people=20)
    heard = Counter(one.identity for trials in people for one in trials)
    assert len(heard) == 200 and set(heard.values()) == {2}
    assert all(Counter(one.conditions for one in trials).most_common()[-1][1] == 4 for trials in people)
    _, people = orders("mushra", 2, 12, trials=4, people=6)
    heard = Counter(one.excerpt for trials in people for one in trials)
    assert set(heard.values()) == {2} and len(heard) == 12


def test_training_comes_first_and_from_its_own_excerpts():
    text = design_text("panel", 2, 4, training=3).replace("{name: e3}", "{name: e3, training: true}")
    trials = trials_of(read_design(text), 0)
    assert [one.number for one in trials] == list(range(1, 3 + 6 - 1 + 1))
    assert [one.phase for one in trials] == ["training"] * 2 + ["main"] * 6  # there are two trials of one excerpt
    assert {one.excerpt for one in trials[:2]} == {"e3"} and "e3" not in {one.excerpt for one in trials[2:]}
    trials = trials_of(read_design(design_text("panel", 2, 4, training=3)), 0)
    assert [one.phase for one in trials].count("training") == 3
    assert len({one.identity for one in trials}) == 3 + 8
