"""A Whisper model in CTranslate2's real format that says one fixed sentence, whatever it hears.

Encoder and attention are random, but the decoder's other weights pass its position on: at each position the projection makes
the next token of the sentence the likeliest. So the whole chain can be checked without published weights: files, loading,
features, decoding with time stamps, tokens to text.
"""

from pathlib import Path

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_WIDTH, _HEADS, _MELS, _CONTEXT, _POSITIONS = 64, 2, 80, 1500, 448
_SPECIAL = [
    f"<|{name}|>"
    for name in (
        *("endoftext", "startoftranscript", "en", "translate", "transcribe"),
        *("startoflm", "startofprev", "nospeech", "notimestamps"),
    )
]


def write_whisper(folder: Path, sentence: str) -> Path:
    """Write the model's files into `folder`; the sentence may have 60 words."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [f" {word}" for word in sentence.split()]
    tokenizer = _tokenizer(words)
    tokenizer.save(str(folder / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    stamps = [tokenizer.token_to_id(f"<|{seconds}|>") for seconds in ("0.00", "2.00")]
    said = [stamps[0], *map(tokenizer.token_to_id, words), stamps[1], tokenizer.token_to_id("<|endoftext|>")]
    spec = _spec(size, said)
    spec.register_vocabulary([tokenizer.id_to_token(number) for number in range(size)])
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids = [tokenizer.token_to_id("<|en|>")]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


def _tokenizer(words: list[str]) -> Tokenizer:
    """A token for each letter and each of the words: a lone space would be among the tokens that are not spoken."""
    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(words)
    special = [*_SPECIAL, *(f"<|{step * 0.02:.2f}|>" for step in range(1501))]
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    return tokenizer


def _spec(size: int, said: list[int]) -> whisper_spec.WhisperSpec:
    rng = np.random.default_rng(0)

    def noise(*shape: int) -> np.ndarray:
        return (0.05 * rng.standard_normal(shape)).astype(np.float32)

    spec = whisper_spec.WhisperSpec(1, _HEADS, 1, _HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = noise(_WIDTH, _MELS, 3), noise(_WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = noise(_WIDTH, _WIDTH, 3), noise(_WIDTH)
    encoder.position_encodings.encodings = noise(_CONTEXT, _WIDTH)
    # At position p the decoder's state is the unit vector p.
    decoder.position_encodings.encodings = 20.0 * np.eye(_POSITIONS, _WIDTH, dtype=np.float32)
    decoder.embeddings.weight = noise(size, _WIDTH)
    decoder.projection.weight = np.zeros((size, _WIDTH), dtype=np.float32)
    for position, token in enumerate(said):
        decoder.projection.weight[token, position] = 10.0
    for layer in (encoder.layer[0], decoder.layer[0]):
        quiet = 1.0 if layer is encoder.layer[0] else 0.0
        _attention(layer.self_attention, [(3 * _WIDTH, 1.0), (_WIDTH, quiet)], noise)
        layer.ffn.linear_0.weight, layer.ffn.linear_0.bias = noise(2 * _WIDTH, _WIDTH), noise(2 * _WIDTH)
        layer.ffn.linear_1.weight, layer.ffn.linear_1.bias = quiet * noise(_WIDTH, 2 * _WIDTH), quiet * noise(_WIDTH)
        _norm(layer.ffn.layer_norm)
    _attention(decoder.layer[0].attention, [(_WIDTH, 1.0), (2 * _WIDTH, 1.0), (_WIDTH, 0.0)], noise)
    _norm(encoder.layer_norm)
    _norm(decoder.layer_norm)
    return spec


def _attention(spec, rows, noise) -> None:
    for linear, (size, factor) in zip(spec.linear, rows, strict=True):
        linear.weight, linear.bias = factor * noise(size, _WIDTH), factor * noise(size)
    _norm(spec.layer_norm)


def _norm(spec) -> None:
    spec.gamma, spec.beta = np.ones(_WIDTH, dtype=np.float32), np.zeros(_WIDTH, dtype=np.float32)
