"""A design as YAML, from the rows of a form; what is left at its default is left out."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

__all__ = ["EXAMPLE", "design_yaml"]

#: A whole design to begin with.
EXAMPLE = """\
# What every key means: docs/listening.md
name: my-first-test
title: Which remix sounds best?
design: mushra            # panel, preference, abx, mushra or relovl
seed: 1
systems:
  - {name: Preview, system: preview, gains: {vocals: 3}}
  - {name: Ideal mask, system: ideal-mask, gains: {vocals: 3}}
reference: {system: reference, gains: {vocals: 3}}
excerpts:
  - {name: verse, song: demo, at: 10-20}
  - {name: chorus, song: demo, at: 24-34}
participants: {N2: 1, N3: 1}   # a number, or listeners; each gets a link
training: 1
"""


def design_yaml(
    fields: Mapping[str, Any], systems: Iterable[Mapping[str, Any]], excerpts: Iterable[Mapping[str, Any]]
) -> str:
    """Write a design.

    Parameters
    ----------
    fields : mapping
        The keys of a design; None and empty text are left out. ``reference`` is a row like those of `systems`.
    systems : iterable of mapping
        Rows with ``name``, ``system``, ``gains`` (``vocals=3, drums=-6``), ``preset``, ``file``.
    excerpts : iterable of mapping
        Rows with ``name``, ``song``, ``start`` and ``stop`` (s), ``query``, ``training``.

    Returns
    -------
    str
        YAML for :func:`~cadenza_core.listening.read_design`, which checks it.
    """
    head = {key: value for key, value in fields.items() if value not in (None, "") and key != "reference"}
    content: dict[str, Any] = {**head, "systems": [_system(row) for row in systems if _filled(row)]}
    if fields.get("reference"):
        content["reference"] = _system({**fields["reference"], "name": None})
    content["excerpts"] = [_excerpt(row) for row in excerpts if _filled(row)]
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text


def _filled(row: Mapping[str, Any]) -> bool:
    return any(_text(row.get(key)) for key in ("name", "system", "file", "song"))


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()


def _system(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: _text(row.get(key)) for key in ("name", "system", "gains", "preset", "file")}
    if found["file"]:
        found["system"] = ""  # the table's first choice, not meant
    return {key: value for key, value in found.items() if value}


def _excerpt(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: _text(row.get(key)) for key in ("name", "song")}
    start, stop = row.get("start"), row.get("stop")
    if _text(start) or _text(stop):
        begin = float(start) if start is not None and _text(start) else 0.0
        end = format(float(stop), "g") if stop and _text(stop) else ""
        found["at"] = f"{begin:g}-{end}"
    found["query"] = _text(row.get("query"))
    return {key: value for key, value in found.items() if value} | (
        {"training": True} if row.get("training") is True else {}
    )
