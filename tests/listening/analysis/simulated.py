"""Answers of simulated participants, in the form of the tidy table."""

import numpy as np
import pandas as pd
from sqlalchemy import insert, select

from cadenza_core.listening.answers import COLUMNS
from cadenza_core.store import schema

#: True quality of the systems, 0 to 100.
SYSTEMS = {"alpha": 70.0, "beta": 55.0, "gamma": 52.0, "delta": 30.0}
PANEL = ("basic_audio_quality", "clarity", "harshness", "distortion", "frequency_balance", "liking")


def rated(design="panel", people=10, songs=5, scales=PANEL, seed=1, systems=SYSTEMS):
    """Ratings: true quality, plus what a participant, a song and chance add; MUSHRA with reference and anchors."""
    rng = np.random.default_rng(seed)
    extra = {"reference": 99.0, "anchor70": 60.0, "anchor35": 20.0} if design == "mushra" else {}
    low, high = (1.0, 5.0) if design == "relovl" else (0.0, 100.0)
    person, song = rng.normal(0, 6, people), rng.normal(0, 5, songs)
    rows = []
    for p in range(people):
        for s in range(songs):
            for condition, quality in {**systems, **extra}.items():
                role = "system" if condition in systems else condition.rstrip("0123456789")
                for scale in scales:
                    value = quality + person[p] + song[s] + rng.normal(0, 5)
                    if role == "reference":
                        value = 95.0 + rng.uniform(0, 5)
                    if design == "relovl":
                        value = 1.0 + np.round(value / 25.0)
                    trial = f"t{s}" if design == "mushra" else f"t{s}-{condition}"
                    rows.append((f"p{p:02d}", f"L{p % 2}", trial, f"Song {s}", condition, role, scale, value))
    names = ["participant", "listener", "trial", "song", "condition", "role", "scale", "value"]
    frame = pd.DataFrame(rows, columns=names)
    frame["value"] = frame["value"].clip(low, high)
    return complete(frame, design)


def chosen(people=12, songs=4, seed=2, systems=SYSTEMS):
    """A/B answers: the better one is chosen with the odds of the difference in quality."""
    rng = np.random.default_rng(seed)
    rows = []
    names = list(systems)
    for p in range(people):
        for s in range(songs):
            for i, one in enumerate(names):
                for other in names[i + 1 :]:
                    first = rng.uniform() < 1 / (1 + np.exp((systems[other] - systems[one]) / 20))
                    for condition, value in ((one, float(first)), (other, float(not first))):
                        rows.append((f"p{p:02d}", f"t{s}-{one}-{other}", f"Song {s}", condition, "preference", value))
    frame = pd.DataFrame(rows, columns=["participant", "trial", "song", "condition", "scale", "value"])
    return complete(frame, "preference")


def identified(people=6, trials=16, seed=3, systems=("alpha", "beta")):
    """ABX answers, right with a probability of 0.75."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"p{p:02d}", f"t{t}", "Song 0", systems[(p + t) % len(systems)], "correct", float(rng.uniform() < 0.75))
        for p in range(people)
        for t in range(trials)
    ]
    return complete(pd.DataFrame(rows, columns=["participant", "trial", "song", "condition", "scale", "value"]), "abx")


def complete(frame, design):
    """Fill in the columns that are the same everywhere."""
    known = {"test": "sim", "design": design, "phase": "main", "role": "system", "plays": 2, "seed": 7, "number": 1}
    for name in COLUMNS:
        if name not in frame:
            frame[name] = known.get(name, "")
    frame["system"] = frame["condition"].where(frame["role"] == "system", "")
    return frame[list(COLUMNS)]


def store_answers(store, frame, name="sim"):
    """Put answers into a database as the running test does: participants, trials, ratings. New participants are added."""
    with store.writing() as connection:
        test = connection.execute(select(schema.ListeningTest.id).where(schema.ListeningTest.name == name)).scalar()
        if test is None:
            kind = frame["design"].iloc[0]
            test = _added(connection, schema.ListeningTest, name=name, title=name, kind=kind, key="k", design={})
        songs = {row.name: row.id for row in connection.execute(select(schema.Song.id, schema.Song.name))}
        for song in sorted(set(frame["song"]) - set(songs)):
            songs[song] = _added(connection, schema.Song, name=song)
        count = len(connection.execute(select(schema.Participant.id)).all())
        for place, (code, own) in enumerate(frame.groupby("participant"), count):
            person = _added(
                connection, schema.Participant, test_id=test, code=code, number=place, listener=own["listener"].iloc[0]
            )
            for number, (trial, part) in enumerate(own.groupby("trial", sort=False), 1):
                about = {"participant_id": person, "trial": trial, "number": number, "phase": "main", "digest": "d"}
                _added(connection, schema.TrialAnswer, **about, seconds=20.0, output_rate=44100.0)
                details = {"plays": 1, "heard_s": 9.0, "seed": 7}
                connection.execute(
                    insert(schema.Rating),
                    [
                        {
                            "test": name,
                            "participant": code,
                            "trial": trial,
                            "condition": row.condition,
                            "scale": row.scale,
                            "value": row.value,
                            "song_id": songs[row.song],
                            "details": {**details, "role": row.role},
                        }
                        for row in part.itertuples()
                    ],
                )


def _added(connection, model, **values):
    return connection.execute(insert(model).values(**values)).inserted_primary_key[0]
