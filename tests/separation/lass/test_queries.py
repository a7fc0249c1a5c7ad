"""From sentences to vectors: the tokenizer's guard, the small encoder's words, and what a user may type."""

import json
import string

import pytest
import torch

from cadenza_core.catalog import Excerpt
from cadenza_core.errors import CadenzaError
from cadenza_core.separation.lass.prompt import LONGEST, MOST_PROMPTS, Prompt, format_prompts, parse_prompts
from cadenza_core.separation.lass.queries import ClapQueries, WordQueries
from cadenza_core.separation.lass.tokens import VOCABULARY_SIZE, load_tokenizer
from cadenza_core.separation.lass.words import WordText, pieces, vocabulary_of


def tokenizer_files(folder, words, merges=()):
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return folder / "vocab.json", folder / "merges.txt"


SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": VOCABULARY_SIZE - 1}


def chain(word):
    """Merges that build a word from its letters, left to right, and the steps."""
    steps = [word[: i + 1] for i in range(1, len(word))]
    return [f"{step[:-1]} {step[-1]}" for step in steps], steps


def made_up_vocabulary():
    """The real one's size, special tokens, and the words of the sentences that it is recognised by; the rest is filling."""
    known = {"a": 102, "Ġdog": 2335, "Ġbarking": 26563, "Hello": 31414, "Ġworld": 232}
    words, merges = {**SPECIAL, **known}, []
    letters = set(string.ascii_letters + "Ġ")
    for word in known:
        lines, steps = chain(word)
        merges += [line for line in lines if line not in merges]
        letters |= set(steps)
    places = iter(sorted(set(range(VOCABULARY_SIZE)) - set(words.values())))
    for piece in sorted(letters - set(words)):
        words[piece] = next(places)
    for place in places:
        words[f"filling{place}"] = place
    return words, merges


def test_the_real_tokenizer_is_known_by_what_it_makes_of_two_sentences(tmp_path):
    words, merges = made_up_vocabulary()
    tokenizer = load_tokenizer(*tokenizer_files(tmp_path, words, merges))
    assert tokenizer.ids("a dog barking") == [0, 102, 2335, 26563, 2]
    ids, mask = tokenizer.tokens(["a dog barking", "Hello world"])
    assert ids[1] == [0, 31414, 232, 2, 1]
    assert mask[1] == [1, 1, 1, 1, 0]


def test_a_vocabulary_of_five_tokens_is_refused(tmp_path):
    with pytest.raises(CadenzaError, match="it has 5 tokens instead of 50265"):
        load_tokenizer(*tokenizer_files(tmp_path, {word: place for place, word in enumerate(SPECIAL)}))


def test_a_vocabulary_of_the_right_size_that_reads_otherwise_is_refused(tmp_path):
    words, merges = made_up_vocabulary()
    words["Ġdog"], words["Ġworld"] = words["Ġworld"], words["Ġdog"]
    with pytest.raises(CadenzaError, match=r"'a dog barking' gives the tokens \[0, 102, 232, 26563, 2\]"):
        load_tokenizer(*tokenizer_files(tmp_path, words, merges))
    words["<s>"], words["filling40000"] = words["filling40000"], 0
    with pytest.raises(CadenzaError, match="<s> are not where they belong"):
        load_tokenizer(*tokenizer_files(tmp_path, words, merges))


def test_missing_and_damaged_tokenizer_files_are_refused(tmp_path):
    with pytest.raises(CadenzaError, match="cadenza models get lass-text"):
        load_tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    vocabulary, merges = tokenizer_files(tmp_path, {})
    vocabulary.write_text("not json")
    with pytest.raises(CadenzaError, match="not a tokenizer's files, or are damaged"):
        load_tokenizer(vocabulary, merges)


def test_emoji_and_other_scripts_are_read_and_said(tmp_path):
    words, merges = made_up_vocabulary()
    queries = ClapQueries(torch.nn.Identity(), load_tokenizer(*tokenizer_files(tmp_path, words, merges)))
    assert "no letters" in queries.note("🎉🎉")
    assert "does not look like English" in queries.note("аплодисменты")
    assert queries.note("a café at night") == ""
    assert queries.tokenizer.ids("🎉")[0] == 0


def test_words_share_pieces_with_their_other_forms():
    known = set(pieces("dog bark"))
    assert len(known & set(pieces("Dogs barking"))) > len(known) / 2
    assert pieces("Bébé") == pieces("bebe")
    assert pieces("the sound of a") == []


def test_the_small_encoder_refuses_what_it_does_not_know_and_says_what_it_knows():
    captions = ("Dog bark", "Rain")
    encoder = WordText(vocabulary_of(captions), 8).eval()
    queries = WordQueries(encoder, captions)
    assert queries.encode(["rain", "barking dogs"]).shape == (2, 8)
    for text in ("xylophone", "🎉", "дождь", "1234567"):
        with pytest.raises(CadenzaError, match="trained on: Dog bark, Rain"):
            queries.encode([text])
    assert "only part of the words" in queries.note("rain and xylophones")
    assert queries.note("Rain!") == ""


def test_padding_changes_no_vector():
    encoder = WordText(vocabulary_of(["dog bark", "rain"]), 8).eval()
    with torch.no_grad():
        alone = encoder(*encoder.tokens(["rain"]))
        together = encoder(*encoder.tokens(["rain", "dog bark"]))
    assert torch.allclose(alone[0], together[0], atol=1e-7)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "x" * (LONGEST + 1), "x" * 10_000, "bell\x07", "a\x00b"])
def test_texts_that_are_no_description_are_refused_in_a_sentence(text):
    with pytest.raises(CadenzaError, match=r"is empty|characters"):
        Prompt(text)


def test_a_10_000_character_query_is_refused_with_its_length():
    with pytest.raises(CadenzaError, match="10,000 characters; up to 300 are accepted"):
        Prompt(("crowd " * 2000)[:10_000])


def test_emoji_and_other_languages_are_texts():
    assert Prompt("🎉 👩‍🎤").query == "🎉 👩‍🎤"
    assert Prompt("  la   foule ").query == "la foule"
    assert Prompt("cafe\u0301").query == "café"


def test_what_is_excluded_is_checked_as_well():
    assert Prompt("crowd", ("speech", " speech ", "rain")).without == ("speech", "rain")
    with pytest.raises(CadenzaError, match="both wanted and excluded"):
        Prompt("crowd", ("crowd",))
    with pytest.raises(CadenzaError, match="What is not wanted is empty"):
        Prompt("crowd", ("",))
    with pytest.raises(CadenzaError, match="up to 4"):
        Prompt("crowd", tuple("abcde"))


def test_prompts_survive_a_link_whatever_they_hold():
    prompts = [
        Prompt("crowd; ~100 % @home", ("speech | rain",), Excerpt(3.5, 8)),
        Prompt("🎉"),
        Prompt("tambourine", span=Excerpt(2.0)),
    ]
    found, faults = parse_prompts(format_prompts(prompts))
    assert found == prompts and not faults
    assert [one.lane for one in found] == [one.lane for one in prompts]
    assert len({one.lane for one in prompts}) == 3


def test_nonsense_in_a_link_is_named_and_the_rest_is_taken():
    found, faults = parse_prompts("crowd;;~x;rain@9-3;" + ";".join(f"bell {n}" for n in range(9)))
    assert found[0] == Prompt("crowd")
    assert len(found) == MOST_PROMPTS
    assert len(faults) == 3
    assert "more than 6" in faults[-1]
