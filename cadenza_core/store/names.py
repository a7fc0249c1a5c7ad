"""What is known about the songs and listeners that scores are of."""

from collections.abc import Iterable
from typing import Any

from clarity.utils.audiogram import Listener
from sqlalchemy import select, update

from ..catalog import Song
from . import schema
from .store import Store

__all__ = ["learn"]

_SHOWN = 8


def learn(store: Store, listeners: Iterable[Listener], songs: Iterable[Song]) -> list[str]:
    """Fill in audiograms and genres of stored names, where they are not known yet; say what does not fit.

    What is stored already is never changed: another audiogram under the same name is reported.
    """
    notes: list[str] = []
    with store.reading() as connection:
        stored = {row.name: row for row in connection.execute(select(schema.Listener.name, schema.Listener.audiogram))}
        titles = {
            row.name: row for row in connection.execute(select(schema.Song.name, schema.Song.genre, schema.Song.split))
        }
    new: dict[str, dict[str, Any]] = {}
    others = []
    for listener in listeners:
        row = stored.get(listener.id)
        audiogram = audiogram_of(listener)
        if row is not None and not row.audiogram:
            new[listener.id] = audiogram
        elif row is not None and row.audiogram != audiogram:
            others.append(listener.id)
    unknown = [name for name, row in stored.items() if not row.audiogram and name not in new]
    if others:
        notes.append(f"the audiograms of {_some(others)} are others than those stored, which stay")
    if unknown:
        notes.append(
            f"unknown listeners: {_some(unknown)}; their severity is not known until a listener file names them (--listeners)"
        )
    facts = {}
    for song in songs:
        known = titles.get(song.name)
        if known is None:
            continue
        given = {"genre": song.genre, "split": song.split}
        if news := {key: value for key, value in given.items() if value and not getattr(known, key)}:
            facts[song.name] = news
    if new or facts:
        with store.writing() as connection:
            for name, audiogram in new.items():
                connection.execute(
                    update(schema.Listener).where(schema.Listener.name == name).values(audiogram=audiogram)
                )
            for name, news in facts.items():
                connection.execute(update(schema.Song).where(schema.Song.name == name).values(**news))
    return notes


def audiogram_of(listener: Listener) -> dict[str, list[float]]:
    """Give an audiogram as it is stored."""
    return {
        "frequencies": [float(hertz) for hertz in listener.audiogram_left.frequencies],
        "left": [float(level) for level in listener.audiogram_left.levels],
        "right": [float(level) for level in listener.audiogram_right.levels],
    }


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
