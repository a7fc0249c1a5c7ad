"""Remixes and presets into the database: records of exports, and the presets that the studio keeps as files."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, insert, select

from ..errors import CadenzaError
from ..files import parse_json
from ..progress import Progress, silent
from ..remix import MixSettings
from . import schema
from .facts import ImportReport, ScoredSystem, check_label
from .staging import ids_of
from .store import Store

__all__ = ["import_presets", "import_records", "remixes"]

_BAD_SHOWN = 3


def import_records(
    store: Store, folder: Path, system: ScoredSystem | None = None, *, progress: Progress = silent
) -> ImportReport:
    """Import the records that :func:`~cadenza_core.submission.export_pair` writes, as remixes.

    Parameters
    ----------
    folder : Path
        ``OUT/records``.
    system : ScoredSystem, optional
        Whose remixes they are; else the separation system that a record names.
    """
    found: list[dict[str, Any]] = []
    bad: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_record(parse_json(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, CadenzaError) as error:
            bad.append(f"{path.name} ({error})")
    progress(0.5, "records")
    added = 0
    if found:
        with store.writing() as connection:
            for row in found:
                name = system.name if system else row["separation"]
                added += _add_remix(connection, row, name, (system or ScoredSystem(name)).facts())
    notes = [f"{len(found):,} records of exports, {added:,} of them new"] if found else []
    if bad:
        notes.append(f"{len(bad)} records could not be read: {'; '.join(bad[:_BAD_SHOWN])}")
    progress(1.0, "records")
    return ImportReport(notes=tuple(notes))


def _record(content: Any) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise CadenzaError("an object is wanted")
    record = {str(key): value for key, value in content.items()}
    timeless = {key: value for key, value in record.items() if key != "written"}
    settings = {key: record.get(key) for key in ("gains_db", "compressor", "soft_clip")}
    return {
        "key": hashlib.sha256(json.dumps(timeless, sort_keys=True).encode()).hexdigest(),
        "song": check_label(record["song"], "song"),
        "listener": check_label(record["listener"], "listener"),
        "separation": check_label(record["system"], "system"),
        "excerpt": json.dumps(record.get("segments")) if record.get("segments") else "",
        "settings": settings,
        "levels": {"clipped": record.get("remix_samples_beyond_full_scale")},
        "record": record,
    }


def _add_remix(connection: Connection, row: dict[str, Any], system: str, facts: Mapping[str, str]) -> bool:
    key = hashlib.sha256(f"{system}\n{row['key']}".encode()).hexdigest()
    if connection.execute(select(schema.Remix.id).where(schema.Remix.key == key)).scalar() is not None:
        return False
    known = {**facts, "separation": facts.get("separation") or row["separation"]}
    values = {
        "key": key,
        "system_id": ids_of(connection, schema.System, [system], known)[system],
        "song_id": ids_of(connection, schema.Song, [row["song"]])[row["song"]],
        "listener_id": ids_of(connection, schema.Listener, [row["listener"]])[row["listener"]],
        **{name: row[name] for name in ("excerpt", "settings", "levels", "record")},
    }
    connection.execute(insert(schema.Remix).values(**values))
    return True


def remixes(store: Store) -> pd.DataFrame:
    """Give the stored remixes with their names, settings and levels."""
    remix, names = schema.Remix, (schema.System, schema.Song, schema.Listener)
    columns = (remix.excerpt, remix.settings, remix.levels, remix.record, remix.created)
    statement = select(*(model.name for model in names), *columns).select_from(remix)
    for model in names:
        statement = statement.join(model)
    with store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(statement.order_by(remix.id))]
    keys = ("system", "song", "listener", "excerpt", "settings", "levels", "record", "created")
    return pd.DataFrame(rows, columns=list(keys))


def import_presets(store: Store, folder: Path) -> ImportReport:
    """Import the presets that the studio keeps as files (``<home>/presets``).

    The same name for the same song and listener with other settings is a conflict: the stored one stays, and it is counted
    and listed.
    """
    added, unchanged = 0, 0
    conflicts: list[dict[str, Any]] = []
    bad: list[str] = []
    with store.writing() as connection:
        for content in _presets(folder, bad):
            song, listener = content["song"], content["listener"]
            song_id = ids_of(connection, schema.Song, [song])[song]
            listener_id = ids_of(connection, schema.Listener, [listener])[listener]
            where = {"song_id": song_id, "listener_id": listener_id, "name": content["name"]}
            stored = connection.execute(select(schema.Preset.settings).filter_by(**where)).scalar()
            if stored is None:
                values = {"settings": content["settings"], "saved": content["saved"]}
                connection.execute(insert(schema.Preset).values(**where, **values))
                added += 1
            elif stored == content["settings"]:
                unchanged += 1
            else:
                given = {"stored": json.dumps(stored), "given": json.dumps(content["settings"])}
                conflicts.append({"song": song, "listener": listener, "preset": content["name"], **given})
    notes = (f"{len(bad)} presets could not be read: {'; '.join(bad[:_BAD_SHOWN])}",) if bad else ()
    return ImportReport(
        added, unchanged, conflicts=len(conflicts), conflict_rows=pd.DataFrame(conflicts), notes=notes, what="presets"
    )


def _presets(folder: Path, bad: list[str]) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*/*.json")):
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            yield {
                "song": check_label(content["song"], "song"),
                "listener": check_label(content["listener"], "listener"),
                "name": check_label(content["name"], "preset"),
                "settings": MixSettings.from_mixer(content["settings"]).as_mixer(),
                "saved": float(content["saved"]),
            }
        except (OSError, ValueError, KeyError, TypeError, CadenzaError) as error:
            bad.append(f"{path.name} ({error})")
