"""A test while it runs: what a participant's browser is told, and what it may answer. Blind, and each answer stored at once.

The browser knows sounds by their place on the page and by an address that is made with the test's secret; which system is
where is known here only. A trial is answered once, in order, from the tab that was opened last; the same answer sent again,
because its acknowledgement was lost, is acknowledged again and changes nothing.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ..settings import Settings
from ..store import Store, schema
from ..store.staging import ids_of
from .checking import (
    COMMENT,
    OPEN,
    asked_trial,
    checked_log,
    checked_number,
    checked_ratings,
    checked_step,
    checked_text,
    needed_s,
    places_of,
    secret,
    trial_id,
)
from .orders import Trial
from .panels import Panel, load_panel, plan
from .refusal import Refused
from .rendering import stimuli_folder
from .stimuli import Group, read_group

__all__ = ["Running"]

_A_DAY = 86400.0
_AB = ("A", "B")


class Running:
    """The tests that participants take.

    Parameters
    ----------
    store : Store
    settings : Settings
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def open(self, code: str) -> dict[str, Any]:
        """Begin or go on, in the tab that asks: from now on, no other one may answer.

        Raises
        ------
        Refused
            If nobody was invited by that code.
        """
        person = schema.Participant
        tab = secrets.token_hex(16)
        with self.store.writing() as connection:
            found = self._person(connection, code)
            started = found.started or datetime.now(UTC)
            connection.execute(update(person).where(person.id == found.id).values(tab=tab, started=started))
            return {**self._state(connection, code), "tab": tab}

    def step(self, code: str, tab: str, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Note a step before the trials: ``consent``, ``level`` (``db``), ``headphones`` (``sides``, ``right`` of 6)."""
        checked = checked_step(name, content)
        person = schema.Participant
        with self.store.writing() as connection:
            found = self._person(connection, code, tab)
            steps = {**found.steps, name: {**checked, "at": datetime.now(UTC).isoformat(timespec="seconds")}}
            connection.execute(update(person).where(person.id == found.id).values(steps=steps))
            return self._state(connection, code)

    def answer(self, code: str, tab: str, content: Mapping[str, Any], browser: str = "") -> dict[str, Any]:
        """Store the answer of a trial; give what comes next.

        Parameters
        ----------
        content : mapping
            ``trial`` and ``number``; ``ratings``: ``{place: {scale: value}}``; ``comment``; ``seconds`` on the trial;
            ``output_rate`` (Hz); ``log`` as the player reports it: ``plays``, ``heard_s``, ``switches``.

        Raises
        ------
        Refused
            404: no such participant or trial; 409: answered otherwise already, out of order, or from an old tab; 422: out
            of range, not complete, or not everything was heard.
        """
        done = schema.TrialAnswer
        with self.store.writing() as connection:
            found = self._person(connection, code)
            panel = load_panel(connection, found.test_id)
            trials = plan(panel, found.number)
            trial = asked_trial(panel, trials, content)
            ratings = checked_ratings(panel, trial, content.get("ratings"))
            comment = checked_text(content.get("comment", ""), COMMENT)
            digest = hashlib.sha256(json.dumps([ratings, comment], sort_keys=True).encode()).hexdigest()
            here = (done.participant_id == found.id) & (done.number == trial.number)
            before = connection.execute(select(done.digest).where(here)).scalar()
            if before is not None:
                if before != digest:
                    raise Refused(409, "answered", "This one was answered already. The first answer stays.")
                return self._state(connection, code)
            if found.tab != tab:
                raise _other_tab()
            if trial.number != self._count(connection, found.id) + 1:
                raise Refused(409, "order", "Another one comes before this one. Reload the page to go on there.")
            group = self._group(panel, found.listener, trial)
            log = checked_log(panel, trial, content.get("log"), group.frames / group.rate)
            row = {
                "participant_id": found.id,
                "trial": trial_id(panel, trial),
                "number": trial.number,
                "phase": trial.phase,
                "digest": digest,
                "seconds": checked_number(content.get("seconds"), 0.0, _A_DAY, "seconds"),
                "comment": comment,
                "log": {**log, "places": places_of(panel, trial)},
                "browser": browser[:400],
                "output_rate": checked_number(content.get("output_rate"), 0.0, 1e6, "output_rate"),
            }
            connection.execute(insert(done).values(row))
            self._rate(connection, panel, found, trial, ratings, log)
            if trial.number == len(trials):
                person = schema.Participant
                connection.execute(update(person).where(person.id == found.id).values(finished=datetime.now(UTC)))
            return self._state(connection, code)

    def sound(self, code: str, number: int, place: str, mac: str) -> Path | None:
        """Give the file of a sound, if its address is one that this participant was given."""
        with self.store.reading() as connection:
            try:
                found = self._person(connection, code)
            except Refused:
                return None
            panel = load_panel(connection, found.test_id)
        trials = plan(panel, found.number)
        if not 1 <= number <= len(trials) or not hmac.compare_digest(mac, _sound_mac(panel, code, number, place)):
            return None
        trial = trials[number - 1]
        condition = places_of(panel, trial).get(place)
        return self._group(panel, found.listener, trial).path(condition) if condition else None

    # ---- parts --------------------------------------------------------------------------------------------------------

    def _person(self, connection: Connection, code: str, tab: str | None = None) -> Any:
        person = schema.Participant
        found = connection.execute(select(*person.__table__.columns).where(person.code == code)).one_or_none()
        if found is None:
            raise Refused(404, "unknown", "This link is not known. Please ask for a new one where you got it.")
        if tab is not None and found.tab != tab:
            raise _other_tab()
        return found

    def _count(self, connection: Connection, participant: int) -> int:
        done = schema.TrialAnswer
        return int(connection.execute(select(func.count()).where(done.participant_id == participant)).scalar_one())

    def _group(self, panel: Panel, listener: str, trial: Trial) -> Group:
        key = panel.groups.get((listener, trial.excerpt))
        group = read_group(stimuli_folder(self.settings) / panel.design.name / key) if key else None
        if group is None:
            raise Refused(
                500, "gone", "A sound of this test is missing on the server. Please tell the person who sent the link."
            )
        return group

    def _state(self, connection: Connection, code: str) -> dict[str, Any]:
        """Give all that the page shows."""
        found = self._person(connection, code)
        panel = load_panel(connection, found.test_id)
        design, trials = panel.design, plan(panel, found.number)
        done = self._count(connection, found.id)
        training = sum(trial.phase == "training" for trial in trials)
        state = {
            "title": design.title,
            "kind": design.kind.name,
            "task": design.kind.task,
            "texts": {"consent": design.consent, "instructions": design.instructions, "thanks": design.thanks},
            "scales": [
                {
                    "name": one.name,
                    "title": one.title,
                    "low": one.low,
                    "high": one.high,
                    "words": one.words,
                    "help": one.help,
                }
                for one in design.kind.scales
            ],
            "steps": found.steps,
            "headphone_check": design.headphone_check,
            "comments": design.comments,
            "highest_db": min(0.0, design.ceiling - design.calibration),
            "done": done,
            "total": len(trials),
            "training": training,
            "level": self._trial(panel, found, trials[0], only_first=True),
            "trial": None,
            "ahead": [],
        }
        if done < len(trials):
            state["trial"] = self._trial(panel, found, trials[done])
        if done + 1 < len(trials):
            state["ahead"] = [sound["url"] for sound in self._sounds(panel, found, trials[done + 1])]
        return state

    def _trial(self, panel: Panel, person: Any, trial: Trial, *, only_first: bool = False) -> dict[str, Any]:
        group = self._group(panel, person.listener, trial)
        return {
            "id": trial_id(panel, trial),
            "number": trial.number,
            "phase": trial.phase,
            "query": panel.design.excerpt(trial.excerpt).query,
            "rate": group.rate,
            "frames": group.frames,
            "hear_s": needed_s(panel, group.frames / group.rate),
            "sounds": self._sounds(panel, person, trial)[: 1 if only_first else None],
        }

    def _sounds(self, panel: Panel, person: Any, trial: Trial) -> list[dict[str, str]]:
        kind = panel.design.kind
        labels = {"0": OPEN[kind.name][1]} if kind.name in OPEN else {}
        for number in range(len(trial.conditions)):
            single = "The extracted sound" if kind.name == "relovl" else "The sound"
            labels[str(number + 1)] = _AB[number] if kind.pairs else str(number + 1) if kind.together else single
        if trial.x is not None:
            labels["3"] = "X"
        return [
            {
                "id": place,
                "label": label,
                "url": f"/listen/{person.code}/{trial.number}/{place}/{_sound_mac(panel, person.code, trial.number, place)}",
            }
            for place, label in labels.items()
        ]

    def _rate(
        self,
        connection: Connection,
        panel: Panel,
        person: Any,
        trial: Trial,
        ratings: Mapping[str, Mapping[str, float]],
        log: Mapping[str, Any],
    ) -> None:
        """Store the numbers: see :func:`~cadenza_core.listening.answers.answers_frame` for what a row is."""
        design = panel.design
        passage = design.excerpt(trial.excerpt)
        places = places_of(panel, trial)
        title = panel.songs.get(passage.song, "")
        song = ids_of(connection, schema.Song, [title]) if title else {}
        listener = ids_of(connection, schema.Listener, [person.listener]) if person.listener else {}
        names = [one for one in trial.conditions if design.role(one) == "system"]
        systems = ids_of(connection, schema.System, names)
        rows = []
        for place, values in ratings.items():
            condition = places[place]
            details = {
                "role": design.role(condition),
                "query": passage.query,
                "place": place,
                "plays": int(log["plays"].get(place, 0)),
                "heard_s": float(log["heard_s"].get(place, 0.0)),
                "seed": design.seed,
            }
            for scale, value in values.items():
                right = float(value == (trial.x or 0) + 1) if trial.x is not None else value
                rows.append(
                    {
                        "test": design.name,
                        "participant": person.code,
                        "trial": trial_id(panel, trial),
                        "condition": condition,
                        "scale": scale,
                        "value": right,
                        "song_id": song.get(title),
                        "listener_id": listener.get(person.listener),
                        "system_id": systems.get(condition),
                        "excerpt": trial.excerpt,
                        "details": details,
                    }
                )
        connection.execute(insert(schema.Rating), rows)


def _other_tab() -> Refused:
    return Refused(409, "tab", "The test was opened in another window. Go on there, or take it back here.")


def _sound_mac(panel: Panel, code: str, number: int, place: str) -> str:
    return secret(panel, "sound", code, number, place)[:32]
