"""YAML whose faults are said with their line: PyYAML's own tree, and values that are checked as they are taken out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from ..errors import CadenzaError

__all__ = ["Node", "read_yaml"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_LARGEST = 2_000_000  # characters
_DEEPEST = 20


def read_yaml(text: str, source: str) -> "Node":
    """Read one document of plain YAML: no tags, no anchors.

    Raises
    ------
    CadenzaError
        With the line, if it is none.
    """
    if len(text) > _LARGEST:
        raise CadenzaError(f"{source} has {len(text):,} characters; {_LARGEST:,} are the most.")
    try:
        _check_shape(text, source)
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise CadenzaError(f"{source}{where}: {error.problem or error.context or 'not YAML'}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise CadenzaError(f"{source} is not YAML: {' '.join(str(error).split())[:200]}.") from error
    if node is None:
        raise CadenzaError(f"{source} is empty: a design is wanted.")
    return Node(node, source)


def _check_shape(text: str, source: str) -> None:
    """Refuse what repeats itself or is nested without end, before it costs time or memory."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        where = f"{source}, line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise CadenzaError(f"{where}: it refers to itself with '*'; write the values out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise CadenzaError(f"{where}: lists and mappings are nested more than {_DEEPEST} deep.")


class Node:
    """One value, and where it stands."""

    def __init__(self, node: yaml.Node, source: str, name: str = "") -> None:
        self._node = node
        self._source = source
        self._name = name

    @property
    def line(self) -> int:
        """Line of the text, from 1."""
        return int(self._node.start_mark.line) + 1

    @property
    def value(self) -> Any:
        """The value as plain Python."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self._node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise self.fault(f"it cannot be read ({' '.join(str(error).split())[:100]})") from error

    def fault(self, text: str) -> CadenzaError:
        """Make an error that says where."""
        name = f", {self._name}" if self._name else ""
        return CadenzaError(f"{self._source}, line {self.line}{name}: {text}.")

    def entries(self) -> dict[str, "Node"]:
        """Give a mapping's entries.

        Raises
        ------
        CadenzaError
            If it is none, or has a key twice.
        """
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fault("keys and values are wanted")
        found: dict[str, Node] = {}
        for key, value in self._node.value:
            name = str(key.value)
            if name in found:
                raise Node(key, self._source, name).fault("it is there twice")
            found[name] = Node(value, self._source, name)
        return found

    def mapping(self, known: Sequence[str], *, needed: Iterable[str] = ()) -> Mapping[str, "Node"]:
        """Give a mapping's entries, of which only some names are known."""
        found = self.entries()
        for name, node in found.items():
            if name not in known:
                raise node.fault(f"there is no such key; known are {', '.join(known)}")
        if missing := [name for name in needed if name not in found]:
            raise self.fault(f"{missing[0]!r} is missing")
        return found

    def items(self) -> list["Node"]:
        """Give a list's items, one at least."""
        if not isinstance(self._node, yaml.SequenceNode) or not self._node.value:
            raise self.fault("a list is wanted, with one entry at least")
        return [Node(each, self._source, self._name) for each in self._node.value]

    def text(self, longest: int) -> str:
        """Give a text as it is written: a name such as No or 010 is no truth value and no number."""
        if not isinstance(self._node, yaml.ScalarNode) or self.value is None:
            raise self.fault("a text is wanted")
        text = str(self._node.value).strip()
        if not text or len(text) > longest:
            raise self.fault(f"a text of 1 to {longest:,} characters is wanted, not {len(text):,}")
        return text

    def label(self) -> str:
        """Give a name: one line of text."""
        text = self.text(80)
        if not text.isprintable():
            raise self.fault("a name is one line of printable characters")
        return text

    def identifier(self) -> str:
        """Give a name that may stand in addresses and file names."""
        text = self.text(80)
        if not _IDENTIFIER.fullmatch(text):
            raise self.fault(f"{text[:40]!r} cannot be a test's name: letters, digits, '-' and '_', 80 at most")
        return text

    def choice(self, known: Iterable[str]) -> str:
        """Give one of several words."""
        text = self.text(80)
        if text not in known:
            raise self.fault(f"{text[:40]!r} is not known; {', '.join(known)} are")
        return text

    def number(self, low: float, high: float, *, whole: bool = False) -> float:
        """Give a number within a range."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
            raise self.fault(
                f"a {'whole ' if whole else ''}number from {low:g} to {high:g} is wanted, not {str(value)[:40]}"
            )
        return value

    def flag(self) -> bool:
        """Give true or false."""
        value = self.value
        if not isinstance(value, bool):
            raise self.fault(f"true or false is wanted, not {str(value)[:40]}")
        return value
