"""The tables of the database.

A *score* is one number: what a system got for a song and a listener in one evaluation set, by one metric, for a stem and an
ear. Its key is everything but the value; the run that it came from says with which engine and settings it was computed.
Scores of different evaluation sets are never mixed, so the set leads the key.

The tables are changed only together with a migration in `migrations/versions` (see `docs/scores.md`).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Double, ForeignKey, Index, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Base",
    "EvaluationSet",
    "Listener",
    "ListeningTest",
    "Participant",
    "Preset",
    "Rating",
    "Remix",
    "Result",
    "Run",
    "Score",
    "Song",
    "State",
    "System",
    "TrialAnswer",
]


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables; constraints have names, so that a migration can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way
        dict[str, Any]: JSON,
        datetime: DateTime(timezone=True),
        float: Double,
    }


class State(Base):
    """One row: a number that grows with each change, so that what was computed from the tables can be kept."""

    __tablename__ = "state"
    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]


class EvaluationSet(Base):
    """Songs, excerpts and listeners that scores can be compared on, such as CAD1's evaluation set."""

    __tablename__ = "evaluation_sets"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created: Mapped[datetime] = mapped_column(default=_now)


class System(Base):
    """What was scored: a separation and what follows it."""

    __tablename__ = "systems"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    team: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    separation: Mapped[str] = mapped_column(default="")
    prescription: Mapped[str] = mapped_column(default="")
    #: What it was trained on and may be trained on: "closed" (the challenge's data only), "open", "oracle" or a sentence.
    allowed_data: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=_now)


class Song(Base):
    """A song by the challenge's track name."""

    __tablename__ = "songs"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(500), unique=True)
    genre: Mapped[str] = mapped_column(default="")
    split: Mapped[str] = mapped_column(default="")


class Listener(Base):
    """A listener; the audiogram is empty until it is known.

    ``{"frequencies": [Hz], "left": [dB HL], "right": [dB HL]}``.
    """

    __tablename__ = "listeners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    audiogram: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Run(Base):
    """One import or computation: where scores came from, by which engine, with which configuration."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 of all that follows but the date: the same run is stored once.
    key: Mapped[str] = mapped_column(String(64), unique=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("systems.id"))
    evaluation_set_id: Mapped[int] = mapped_column(ForeignKey("evaluation_sets.id"))
    kind: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(default="")
    engine: Mapped[str] = mapped_column(String(80), default="")
    engine_version: Mapped[str] = mapped_column(String(80), default="")
    configuration: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=_now)


class Score(Base):
    """One number. An empty ear means both ears together, an empty stem all stems, an empty excerpt the set's own."""

    __tablename__ = "scores"
    __table_args__ = ({"sqlite_with_rowid": False},)
    evaluation_set_id: Mapped[int] = mapped_column(ForeignKey("evaluation_sets.id"), primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("systems.id"), primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"), primary_key=True)
    listener_id: Mapped[int] = mapped_column(ForeignKey("listeners.id"), primary_key=True)
    excerpt: Mapped[str] = mapped_column(String(200), primary_key=True)
    metric: Mapped[str] = mapped_column(String(40), primary_key=True)
    stem: Mapped[str] = mapped_column(String(40), primary_key=True)
    ear: Mapped[str] = mapped_column(String(8), primary_key=True)
    value: Mapped[float]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))


class Result(Base):
    """A figure of a whole system as somebody published it, with its source."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("evaluation_set", "system", "measure"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    evaluation_set: Mapped[str] = mapped_column(String(200))
    system: Mapped[str] = mapped_column(String(200))
    team: Mapped[str] = mapped_column(default="")
    measure: Mapped[str] = mapped_column(String(40))
    value: Mapped[float]
    paper: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")
    published: Mapped[str] = mapped_column(String(40), default="")
    #: Decimals that were published.
    digits: Mapped[int] = mapped_column(default=4, server_default="4")


class Remix(Base):
    """A remix that was rendered or exported: settings, what they were applied to, and levels of the result."""

    __tablename__ = "remixes"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 of what made it: the same remix is stored once.
    key: Mapped[str] = mapped_column(String(64), unique=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("systems.id"))
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"), index=True)
    listener_id: Mapped[int] = mapped_column(ForeignKey("listeners.id"))
    excerpt: Mapped[str] = mapped_column(String(200), default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    levels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    record: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=_now)


class Preset(Base):
    """Settings of the mixer under a name, for a song and a listener."""

    __tablename__ = "presets"
    __table_args__ = (UniqueConstraint("song_id", "listener_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listeners.id"))
    name: Mapped[str] = mapped_column(String(80))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    saved: Mapped[float] = mapped_column(default=0.0)


class Rating(Base):
    """One answer of a listening test: what a participant gave one condition of a trial on one scale.

    The condition is a system, or an anchor or reference by its name; the rest of what was logged (play counts, switch
    times, order, seed) is in `details`.
    """

    __tablename__ = "ratings"
    __table_args__ = (
        UniqueConstraint("test", "participant", "trial", "condition", "scale"),
        Index(None, "test", "participant"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    test: Mapped[str] = mapped_column(String(200))
    participant: Mapped[str] = mapped_column(String(200))
    trial: Mapped[str] = mapped_column(String(200))
    condition: Mapped[str] = mapped_column(String(200))
    scale: Mapped[str] = mapped_column(String(80))
    value: Mapped[float]
    song_id: Mapped[int | None] = mapped_column(ForeignKey("songs.id"))
    listener_id: Mapped[int | None] = mapped_column(ForeignKey("listeners.id"))
    system_id: Mapped[int | None] = mapped_column(ForeignKey("systems.id"))
    excerpt: Mapped[str] = mapped_column(String(200), default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=_now)


class ListeningTest(Base):
    """A listening test that participants can be invited to."""

    __tablename__ = "listening_tests"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(String(20))
    #: The design as it was written: ``{"yaml": text, "folder": where its relative paths begin}``.
    design: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Secret: what a participant's browser sees is derived from it, so that nothing can be guessed from it.
    key: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(default=_now)


class Participant(Base):
    """Somebody who takes part, known by a random code only; `number` is the place in the balanced orders, from 0."""

    __tablename__ = "participants"
    __table_args__ = (UniqueConstraint("test_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    test_id: Mapped[int] = mapped_column(ForeignKey("listening_tests.id"))
    code: Mapped[str] = mapped_column(String(40), unique=True)
    number: Mapped[int]
    listener: Mapped[str] = mapped_column(String(200), default="")
    #: The browser tab that may answer: the last one that was opened.
    tab: Mapped[str] = mapped_column(String(40), default="")
    #: Consent, listening level and headphone check, with their times.
    steps: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    created: Mapped[datetime] = mapped_column(default=_now)


class TrialAnswer(Base):
    """One trial as a participant has done it; what was answered is in `ratings`."""

    __tablename__ = "trial_answers"
    __table_args__ = (UniqueConstraint("participant_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participants.id"))
    trial: Mapped[str] = mapped_column(String(200))
    #: In the order shown, from 1.
    number: Mapped[int]
    phase: Mapped[str] = mapped_column(String(20))
    #: SHA-256 of what was answered: the same again, because an acknowledgement was lost, changes nothing.
    digest: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float]
    comment: Mapped[str] = mapped_column(default="")
    #: Which sound was where, every switch, and what else the page noted.
    log: Mapped[dict[str, Any]] = mapped_column(default=dict)
    browser: Mapped[str] = mapped_column(default="")
    output_rate: Mapped[float]
    created: Mapped[datetime] = mapped_column(default=_now)
