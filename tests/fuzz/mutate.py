"""Make bad files of good ones: bytes, text, JSON and zip archives, each as such files go wrong or are made to."""

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

__all__ = ["mutated"]

#: What has broken readers of text before.
_TEXTS = (
    "", " ", "0", "-1", "-0.0", "1e999", "-1e999", "1e-400", "nan", "NaN", "inf", "Infinity", "null", "true", "1_000",
    "9" * 25, "9" * 400, "9" * 5000, "١٢٣", "0x10", "../../../etc/passwd", "..", ".", "/etc/passwd", "C:\\x", "a/b", "\\",
    "\0", "\ufeff", "\u202e", "\ud800", "é" * 300, "a" * 70000, "<script>alert(1)</script>", "=1+1", "@x", "%s%n",
    "'; DROP TABLE remix; --", "{}", "[]", "~root", "~nobody-of-that-name", '"', "'", ",", ";", "\t", "\r", "\n", "\r\n",
    "\n\n\n", "---", ": ", "- ", "&a [*a]", "!!python/object:os.system", "$HOME", "=", "]", "}", "{", "[",
)  # fmt: skip
_NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    10**400,
    -(10**400),
    0.5,
    -0.5,
    1e308,
    1e-308,
    float("nan"),
    float("inf"),
)
_WORDS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\1\0\0\0",
    b"\0\0\0\1",
)


def mutated(content: bytes, name: str, chance: random.Random) -> bytes:
    """Give `content` changed in one to a few places, as suits a file of that name."""
    suffix = name.rpartition(".")[2].lower()
    ways: list[Callable[[bytes, random.Random], bytes]] = [_bytes]
    if suffix == "json":
        ways = [_json, _json, _json, _text, _bytes]
    elif suffix in {"csv", "txt", "toml", "yaml", "yml", "jsonl", "link", "gains", "query"}:
        ways = [_text, _text, _cells, _bytes]
    elif suffix == "zip":
        ways = [_zip, _zip, _bytes]
    elif suffix in {"pt", "pth", "th", "ckpt"} and content[:2] == b"PK":
        ways = [_zip, _bytes, _bytes]
    made = chance.choice(ways)(content, chance)
    return made if made != content else _bytes(content, chance)


def _bytes(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        # Headers are where the readers' decisions lie.
        end = len(data) if chance.random() < 0.5 else min(len(data), 128)
        at = chance.randrange(end) if end else 0
        way = chance.randrange(8)
        if way == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif way == 1 and data:
            data[at] = chance.choice((0, 1, 127, 128, 255, 10, 13, 44))
        elif way == 2:
            data[at : at + 4] = chance.choice(_WORDS)
        elif way == 3:
            del data[at : at + chance.choice((1, 2, 4, 100, len(data)))]
        elif way == 4:
            data[at:at] = data[at : at + chance.choice((1, 4, 64, 1000))]
        elif way == 5:
            data[at:at] = chance.randbytes(chance.choice((1, 4, 64, 4096)))
        elif way == 6:
            del data[at:]
        else:
            data[at : at + 8] = struct.pack("<q", chance.choice((-1, 2**62, 2**32, -(2**63))))
    return bytes(data)


def _text(content: bytes, chance: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((0, 1, 3, 20)))
        text = text[:at] + chance.choice(_TEXTS) + text[end:]
    if chance.random() < 0.1:
        lines = text.splitlines(keepends=True)
        chance.shuffle(lines)
        text = "".join(lines * chance.choice((1, 2, 50)))
    return text.encode(
        chance.choice(("utf-8",) * 8 + ("utf-16", "latin-1")), "replace" if chance.random() < 0.5 else "ignore"
    )


def _cells(content: bytes, chance: random.Random) -> bytes:
    """Change whole cells: what stands between commas, line ends, equal signs and colons."""
    text = content.decode("utf-8", "replace")
    marks = [number for number, sign in enumerate(text) if sign in ",\n=:;&"]
    if len(marks) < 2:
        return _text(content, chance)
    for _ in range(chance.choice((1, 1, 2))):
        first = chance.randrange(len(marks) - 1)
        start, stop = marks[first] + 1, marks[first + 1]
        text = text[:start] + chance.choice(_TEXTS) + text[stop:]
        marks = [number for number, sign in enumerate(text) if sign in ",\n=:;&"]
        if len(marks) < 2:
            break
    return text.encode("utf-8", "surrogatepass")


def _json(content: bytes, chance: random.Random) -> bytes:
    try:
        tree = json.loads(content)
    except ValueError:
        return _text(content, chance)
    for _ in range(chance.choice((1, 1, 2, 3))):
        tree = _node(tree, chance)
    if chance.random() < 0.03:
        return b'{"a":' * 100_000 if chance.random() < 0.5 else b"[" * 100_000
    return json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _node(tree: Any, chance: random.Random) -> Any:
    """Change a node of the tree, chosen by walking down at random."""
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        key = chance.choice(list(tree))
        way = chance.random()
        if way < 0.1:
            return {name: value for name, value in tree.items() if name != key}
        if way < 0.2:
            return {chance.choice(_TEXTS) if name == key else name: value for name, value in tree.items()}
        return {name: _node(value, chance) if name == key else value for name, value in tree.items()}
    if isinstance(tree, list) and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        way = chance.random()
        if way < 0.1:
            return tree[:at] + tree[at + 1 :]
        if way < 0.2:
            return tree + [tree[at]] * chance.choice((1, 3, 1000))
        return [*tree[:at], _node(tree[at], chance), *tree[at + 1 :]]
    return _value(chance)


def _value(chance: random.Random) -> Any:
    deep: Any = []
    for _ in range(50):
        deep = [deep]
    others = (None, True, False, [], {}, [[]], [None], {"": None}, {"a": {"b": [1]}}, deep, [0] * 5000, [""], [{}])
    return chance.choice((chance.choice(_TEXTS), chance.choice(_NUMBERS), chance.choice(others)))


def _zip(content: bytes, chance: random.Random) -> bytes:
    """Change members, names and promises of an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:
        return _bytes(content, chance)
    if not members:
        return _bytes(content, chance)
    at = chance.randrange(len(members))
    name, data = members[at]
    way = chance.randrange(7)
    if way == 0:
        members[at] = (
            chance.choice(("../../" + name, "/" + name, name.replace("/", "\\"), "C:/" + name, "", ".", name + "/")),
            data,
        )
    elif way == 1:
        members.append((name, data))
    elif way == 2:
        members[at] = (name, _bytes(data, chance))
    elif way == 3:
        del members[at]
    elif way == 4:
        members[at] = (name, b"\0" * 3_000_000)  # a small bomb
    elif way == 5:
        members[at] = (name, b"")
    else:
        members[at] = (name + chance.choice(_TEXTS[:40]).replace("\0", ""), data)
    made = io.BytesIO()
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", packing) as archive:
        warnings.simplefilter("ignore")  # that a member is there twice
        for one, data in members:
            archive.writestr(zipfile.ZipInfo(one.encode("utf-8", "replace").decode()[:60000]), data, packing)
    return made.getvalue() if chance.random() < 0.8 else _bytes(made.getvalue(), chance)
