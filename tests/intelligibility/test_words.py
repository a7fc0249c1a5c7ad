"""Correctness as the official scorer gives it: expected values are worked out by hand, in pairs.txt."""

from pathlib import Path

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.words import Rules, Step, align, contractions, correctness, normalise, spell

LARGE = ("trillion", "billion", "million", "thousand")
LINES = Path(__file__).with_name("pairs.txt").read_text(encoding="utf-8").splitlines()


def pairs() -> list[tuple[str, str, str, str]]:
    found = []
    for line in LINES:
        if line and not line.startswith("# "):
            prompt, answer, written, *released = (cell.strip(" ") for cell in line.split("|"))
            found.append((prompt, answer, written, released[0] if released else written))
    return found


def test_there_are_200_pairs():
    assert len(pairs()) >= 200


@pytest.mark.parametrize(("prompt", "answer", "written", "released"), pairs())
def test_pair(prompt, answer, written, released):
    for rules, expected in ((Rules.WRITTEN, written), (Rules.RELEASED, released)):
        if expected == "!":
            with pytest.raises(CadenzaError, match="has no words"):
                align(prompt, answer, rules)
        else:
            found = align(prompt, answer, rules)
            assert f"{found.hits}/{found.words}" == expected, (rules, found.steps)
            assert correctness(prompt, answer, rules) == found.hits / found.words


def test_steps_tell_hit_wrong_missed_and_extra_words_in_order():
    found = align("hold on to tight", "oh hold in tight")
    assert found.steps == (
        Step("extra", "", "OH"),
        Step("hit", "HOLD", "HOLD"),
        Step("wrong", "ON", "IN"),
        Step("missed", "TO", ""),
        Step("hit", "TIGHT", "TIGHT"),
    )


@pytest.mark.parametrize("prompt", ["", " ", "#", "...", "[noise]", "()"])
def test_a_lyric_without_words_is_refused(prompt):
    with pytest.raises(CadenzaError, match="has no words to be recognised"):
        align(prompt, "anything")


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("007", "seven"),
        ("13", "thirteen"),
        ("80", "eighty"),
        ("100", "one hundred"),
        ("219", "two hundred nineteen"),
        ("70000", "seventy thousand"),
        ("1000001", "one million one"),
        (
            "999999999999999",
            " ".join(f"nine hundred ninety nine {size}" for size in LARGE) + " nine hundred ninety nine",
        ),
        ("9" * 16, " ".join(["nine"] * 16)),
        ("1" * 6000, " ".join(["one"] * 6000)),
    ],
)
def test_numbers_are_spelled_without_and_or_hyphen(digits, words):
    assert spell(digits) == words


def test_the_table_is_the_official_one(shared_data):
    official: dict[str, str] = {}
    for line in (shared_data / "clip1" / "contractions.csv").read_text(encoding="utf-8").splitlines():
        short, _, expanded = line.partition(",")
        official.setdefault(short.strip().lower(), expanded.strip().lower())
    assert dict(contractions()) == official


def test_what_the_data_set_calls_a_prompt_is_normalised_already(shared_data):
    import json

    records = json.loads((shared_data / "clip1" / "valid_metadata.json").read_text(encoding="utf-8"))
    same = sum(len(normalise(record["prompt"])) == record["n_words"] for record in records)
    assert same > 0.96 * len(records)  # the others hold a question mark, or "til", which the table expands
