"""A test while it runs: what a participant's browser is told, and what it may answer. Blind, and each answer stored at once.

The browser knows sounds by their place on the page and by an address that is made with the test's secret; which system is
where is known here only. A trial is answered once, in order, from the tab that was opened last; the same answer sent again,
because its acknowledgement was lost, is acknowledged again and changes nothing.
"""

import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ..settings import Settings
from ..store import Store, schema
from ..store.staging import ids_of
from .kinds import REFERENCE
from .orders import Trial
from .panels import Panel, load_panel, plan
from .refusal import Refused
from .rendering import MIXTURE, stimuli_folder
from .stimuli import Group, read_group

__all__ = ["Running", "trial_id"]

#: Most characters of a comment, and most switches of one trial.
COMMENT, SWITCHES = 2000, 20_000
#: Share of the time asked for that counts as all of it: browsers' clocks and the sound's differ a little.
_ENOUGH = 0.95
_A_DAY = 86400.0
_OPEN = {"mushra": ("0", "Reference", REFERENCE), "relovl": ("0", "Mixture", MIXTURE)}
_AB = ("A", "B")


def trial_id(panel: Panel, trial: Trial) -> str:
    """Give a trial's id: the same for all participants, and saying nothing."""
    return _mac(panel, "trial", trial.identity)[:12]


def _mac(panel: Panel, *facts: object) -> str:
    return hmac.new(panel.key.encode(), "\n".join(map(str, facts)).encode(), hashlib.sha256).hexdigest()


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
        checked = _step(name, content)
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
            trial = _asked(panel, trials, content)
            ratings = _ratings(panel, trial, content.get("ratings"))
            comment = _text(content.get("comment", ""), COMMENT)
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
            log = _log(panel, trial, content.get("log"), group.frames / group.rate)
            row = {
                "participant_id": found.id,
                "trial": trial_id(panel, trial),
                "number": trial.number,
                "phase": trial.phase,
                "digest": digest,
                "seconds": _number(content.get("seconds"), 0.0, _A_DAY, "seconds"),
                "comment": comment,
                "log": {**log, "places": _places(panel, trial)},
                "browser": browser[:400],
                "output_rate": _number(content.get("output_rate"), 0.0, 1e6, "output_rate"),
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
        condition = _places(panel, trial).get(place)
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
            "hear_s": _needed(panel, group.frames / group.rate),
            "sounds": self._sounds(panel, person, trial)[: 1 if only_first else None],
        }

    def _sounds(self, panel: Panel, person: Any, trial: Trial) -> list[dict[str, str]]:
        kind = panel.design.kind
        labels = {"0": _OPEN[kind.name][1]} if kind.name in _OPEN else {}
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
        places = _places(panel, trial)
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
    return _mac(panel, "sound", code, number, place)[:32]


def _places(panel: Panel, trial: Trial) -> dict[str, str]:
    """Tell which condition is at which place of the page."""
    kind = panel.design.kind.name
    places = {"0": _OPEN[kind][2]} if kind in _OPEN else {}
    places |= {str(number): name for number, name in enumerate(trial.conditions, 1)}
    if trial.x is not None:
        places["3"] = trial.conditions[trial.x]
    return places


def _needed(panel: Panel, duration: float) -> float:
    """Give the seconds that each sound must be heard for."""
    return duration if panel.design.hear_s is None else min(panel.design.hear_s, duration)


def _asked(panel: Panel, trials: tuple[Trial, ...], content: Mapping[str, Any]) -> Trial:
    number = content.get("number")
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= len(trials):
        trial = trials[number - 1]
        if trial_id(panel, trial) == content.get("trial"):
            return trial
    raise Refused(404, "trial", "There is no such question in this test. Reload the page to go on.")


def _ratings(panel: Panel, trial: Trial, given: Any) -> dict[str, dict[str, float]]:
    """Check the answers: all of them, no others, each within its range."""
    kind = panel.design.kind
    wanted = ["3"] if trial.x is not None else [str(number) for number in range(1, len(trial.conditions) + 1)]
    names = {one.name for one in kind.scales}
    if not isinstance(given, Mapping) or set(given) != set(wanted):
        raise Refused(422, "incomplete", "Not every sound has its answer yet.")
    checked: dict[str, dict[str, float]] = {}
    for place in wanted:
        values = given[place]
        if not isinstance(values, Mapping) or set(values) != names:
            raise Refused(422, "incomplete", "Not every question has its answer yet.")
        checked[place] = {}
        for scale in kind.scales:
            low, high = (1.0, 2.0) if trial.x is not None else (scale.low, scale.high)
            value = _number(values[scale.name], low, high, scale.title)
            if (kind.pairs or kind.name == "relovl") and value != int(value):
                raise Refused(422, "range", f"{scale.title}: a whole number is wanted.")
            checked[place][scale.name] = value
    if kind.name == "preference" and sum(values["preference"] for values in checked.values()) != 1:
        raise Refused(422, "range", "One of the two is preferred, and one only.")
    return checked


def _log(panel: Panel, trial: Trial, given: Any, duration: float) -> dict[str, Any]:
    """Check what was heard: everything, for long enough."""
    if not isinstance(given, Mapping):
        raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
    places = _places(panel, trial)
    plays, heard, switches = ({}, {}, [])
    for name, into in (("plays", plays), ("heard_s", heard)):
        values = given.get(name)
        if not isinstance(values, Mapping) or not set(values) <= set(places):
            raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
        into |= {place: _number(value, 0.0, 1e6, name) for place, value in values.items()}
    needed = _needed(panel, duration)
    if missing := [place for place in places if heard.get(place, 0.0) < _ENOUGH * needed - 0.05]:
        raise Refused(422, "unheard", f"{len(missing)} of the sounds were not heard for long enough yet.")
    entries = given.get("switches", [])
    if not isinstance(entries, list) or len(entries) > SWITCHES:
        raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
    for entry in entries:
        if not isinstance(entry, Mapping) or not {entry.get("from"), entry.get("to")} <= set(places):
            raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
        numbers = {name: _number(entry.get(name), 0.0, 1e12, name) for name in ("at_ms", "position_s")}
        switches.append({**numbers, "from": entry["from"], "to": entry["to"]})
    return {"plays": plays, "heard_s": heard, "switches": switches}


def _step(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    if name == "consent":
        return {}
    if name == "level":
        return {"db": _number(content.get("db"), -120.0, 0.0, "level")}
    if name == "headphones":
        sides = content.get("sides")
        if not isinstance(sides, bool):
            raise Refused(422, "range", "Whether left and right were told apart is not known.")
        return {"sides": sides, "right": int(_number(content.get("right"), 0, 6, "headphones"))}
    raise Refused(404, "step", "There is no such step in this test.")


def _number(value: Any, low: float, high: float, what: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise Refused(422, "range", f"{what}: a number from {low:g} to {high:g} is wanted, not {str(value)[:40]}.")
    return float(value)


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, "range", f"A comment has {longest:,} characters at most.")
    return "".join(char for char in value if char.isprintable() or char in "\n\t").strip()
