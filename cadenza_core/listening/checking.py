"""What a participant's browser sends, checked: nothing forged, nothing out of range, nothing unheard."""

import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import Any

from .kinds import REFERENCE
from .orders import Trial
from .panels import Panel
from .refusal import Refused
from .rendering import MIXTURE

__all__ = [
    "COMMENT",
    "OPEN",
    "asked_trial",
    "checked_log",
    "checked_number",
    "checked_ratings",
    "checked_step",
    "checked_text",
    "needed_s",
    "places_of",
    "secret",
    "trial_id",
]

#: Most characters of a comment, and most switches of one trial.
COMMENT, SWITCHES = 2000, 20_000
#: Share of the time asked for that counts as all of it: browsers' clocks and the sound's differ a little.
_ENOUGH = 0.95
#: What is shown beside the sounds that are judged: its place, what it is called there, and what it is.
OPEN = {"mushra": ("0", "Reference", REFERENCE), "relovl": ("0", "Mixture", MIXTURE)}


def trial_id(panel: Panel, trial: Trial) -> str:
    """Give a trial's id: the same for all participants, and saying nothing."""
    return secret(panel, "trial", trial.identity)[:12]


def secret(panel: Panel, *facts: object) -> str:
    """Give what only the server can make of some facts."""
    return hmac.new(panel.key.encode(), "\n".join(map(str, facts)).encode(), hashlib.sha256).hexdigest()


def places_of(panel: Panel, trial: Trial) -> dict[str, str]:
    """Tell which condition is at which place of the page."""
    kind = panel.design.kind.name
    places = {"0": OPEN[kind][2]} if kind in OPEN else {}
    places |= {str(number): name for number, name in enumerate(trial.conditions, 1)}
    if trial.x is not None:
        places["3"] = trial.conditions[trial.x]
    return places


def needed_s(panel: Panel, duration: float) -> float:
    """Give the seconds that each sound must be heard for."""
    return duration if panel.design.hear_s is None else min(panel.design.hear_s, duration)


def asked_trial(panel: Panel, trials: tuple[Trial, ...], content: Mapping[str, Any]) -> Trial:
    """Give the trial that is answered, if it is one of this participant's."""
    number = content.get("number")
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= len(trials):
        trial = trials[number - 1]
        if trial_id(panel, trial) == content.get("trial"):
            return trial
    raise Refused(404, "trial", "There is no such question in this test. Reload the page to go on.")


def checked_ratings(panel: Panel, trial: Trial, given: Any) -> dict[str, dict[str, float]]:
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
            value = checked_number(values[scale.name], low, high, scale.title)
            if (kind.pairs or kind.name == "relovl") and value != int(value):
                raise Refused(422, "range", f"{scale.title}: a whole number is wanted.")
            checked[place][scale.name] = value
    if kind.name == "preference" and sum(values["preference"] for values in checked.values()) != 1:
        raise Refused(422, "range", "One of the two is preferred, and one only.")
    return checked


def checked_log(panel: Panel, trial: Trial, given: Any, duration: float) -> dict[str, Any]:
    """Check what was heard: everything, for long enough."""
    if not isinstance(given, Mapping):
        raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
    places = places_of(panel, trial)
    plays: dict[str, Any] = {}
    heard: dict[str, Any] = {}
    switches = []
    for name, into in (("plays", plays), ("heard_s", heard)):
        values = given.get(name)
        if not isinstance(values, Mapping) or not set(values) <= set(places):
            raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
        into |= {place: checked_number(value, 0.0, 1e6, name) for place, value in values.items()}
    needed = needed_s(panel, duration)
    if missing := [place for place in places if heard.get(place, 0.0) < _ENOUGH * needed - 0.05]:
        raise Refused(422, "unheard", f"{len(missing)} of the sounds were not heard for long enough yet.")
    entries = given.get("switches", [])
    if not isinstance(entries, list) or len(entries) > SWITCHES:
        raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
    for entry in entries:
        if not isinstance(entry, Mapping) or not {entry.get("from"), entry.get("to")} <= set(places):
            raise Refused(422, "log", "The page did not tell what was heard. Reload it.")
        numbers = {name: checked_number(entry.get(name), 0.0, 1e12, name) for name in ("at_ms", "position_s")}
        switches.append({**numbers, "from": entry["from"], "to": entry["to"]})
    return {"plays": plays, "heard_s": heard, "switches": switches}


def checked_step(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Check what was found before the trials."""
    if name == "consent":
        return {}
    if name == "level":
        return {"db": checked_number(content.get("db"), -120.0, 0.0, "level")}
    if name == "headphones":
        sides = content.get("sides")
        if not isinstance(sides, bool):
            raise Refused(422, "range", "Whether left and right were told apart is not known.")
        return {"sides": sides, "right": int(checked_number(content.get("right"), 0, 6, "headphones"))}
    raise Refused(404, "step", "There is no such step in this test.")


def checked_number(value: Any, low: float, high: float, what: str) -> float:
    """Check a number: finite and within its range."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise Refused(422, "range", f"{what}: a number from {low:g} to {high:g} is wanted, not {str(value)[:40]}.")
    return float(value)


def checked_text(value: Any, longest: int) -> str:
    """Check a text, and take out what cannot be printed."""
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, "range", f"A comment has {longest:,} characters at most.")
    return "".join(char for char in value if char.isprintable() or char in "\n\t").strip()
