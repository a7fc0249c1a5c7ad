"""A shared link: song, excerpt, listener, system and mixer settings in a URL's query, short and readable.

``song=demo&part=8-20&listener=N3&system=preview&vocals=3&drums=-6,-3m&master=-2&limiter=off&hear=aided&match=on``,
``prescription=camfit``, ``calibration=94``, ``simulation=both``, ``extract=crowd~speech@3-8;tambourine``,
``follow=lass-32k``, ``rest=one``: a stem's gain in dB, or left and right with a comma, ``silent`` for none, followed by
``m`` (mute) or ``s`` (solo); what was extracted by description has lanes named ``x_...``. What is at its default is left
out. Reading never fails: what makes no sense is named, and its default is taken.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..audio import STEMS
from ..catalog import Excerpt
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, get_prescription
from ..hearing.thresholds import CALIBRATION_DB_SPL, CALIBRATION_RANGE, check_calibration
from ..separation.lass.prompt import Prompt, format_prompts, parse_prompts
from .gains import MAX_GAIN, MIN_GAIN, is_lane, ordered_lanes
from .settings import HEAR, SIMULATIONS, Lane, MixSettings

__all__ = ["SETTING_NAMES", "Link", "extraction_query", "settings_query"]

_GAIN = re.compile(r"(?P<left>[^,ms]+)(?:,(?P<right>[^,ms]+))?(?P<flags>[ms]{0,2})")
_FLAGS = {"on": True, "off": False}
#: Names in the query that are the mixer's.
SETTING_NAMES = (*STEMS, "master", "limiter", "hear", "match", "prescription", "calibration", "simulation")


@dataclass(frozen=True)
class Link:
    """What a link asks for; empty or None: it does not say.

    Parameters
    ----------
    song, listener, system : str
        Ids, not yet known to be there.
    excerpt : Excerpt or None
    settings : MixSettings or None
    prompts : tuple of Prompt
        What is to be extracted by description.
    follow : str
        Id of the model that does it.
    one_rest : bool
        Whether what is left is one lane rather than the stems.
    faults : tuple of str
        A sentence for each value that made no sense.
    """

    song: str = ""
    listener: str = ""
    system: str = ""
    excerpt: Excerpt | None = None
    settings: MixSettings | None = None
    prompts: tuple[Prompt, ...] = ()
    follow: str = ""
    one_rest: bool = False
    faults: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Link":
        """Read a query."""
        faults: list[str] = []
        excerpt = None
        if text := query.get("part", "")[:80]:
            try:
                excerpt = Excerpt.parse(text)
            except CadenzaError as error:
                faults.append(str(error))
        is_set = any(name in SETTING_NAMES or is_lane(name) for name in query)
        settings = _read_settings(query, faults) if is_set else None
        prompts, misread = parse_prompts(query.get("extract", "")[:4000])
        faults += misread
        names = {name: query.get(name, "")[:500] for name in ("song", "listener", "system", "follow")}
        one_rest = query.get("rest") == "one"
        return cls(
            **names, excerpt=excerpt, settings=settings, prompts=tuple(prompts), one_rest=one_rest, faults=tuple(faults)
        )


def extraction_query(prompts: Sequence[Prompt], follow: str, one_rest: bool) -> dict[str, str]:
    """Give the part of the query that holds what is extracted by description."""
    if not prompts:
        return {}
    query = {"extract": format_prompts(prompts), "follow": follow}
    return {**query, "rest": "one"} if one_rest else query


def settings_query(settings: MixSettings) -> dict[str, str]:
    """Give the part of the query that holds the mixer's settings."""
    query = {}
    for name in ordered_lanes(settings.lanes):
        lane = settings.lane(name)
        flags = ("m" if lane.mute else "") + ("s" if lane.solo else "")
        if lane.left == lane.right and (lane.left or flags):
            query[name] = _decibels(lane.left) + flags
        elif lane.left != lane.right:
            query[name] = f"{_decibels(lane.left)},{_decibels(lane.right)}{flags}"
    if settings.master_db:
        query["master"] = _decibels(settings.master_db)
    if not settings.limiter:
        query["limiter"] = "off"
    query["hear"] = settings.hear
    if settings.match_loudness:
        query["match"] = "on"
    if settings.prescription != DEFAULT_PRESCRIPTION:
        query["prescription"] = settings.prescription
    if settings.calibration_db_spl != CALIBRATION_DB_SPL:
        query["calibration"] = f"{settings.calibration_db_spl:g}"
    if settings.simulation != "off":
        query["simulation"] = settings.simulation
    return query


def _decibels(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "silent"


def _read_settings(query: Mapping[str, str], faults: list[str]) -> MixSettings:
    lanes = {}
    for name in filter(is_lane, query):
        if text := query[name]:
            lane = _read_lane(text)
            if lane is None:
                faults.append(
                    f"The link's gain of {name}, {text[:40]!r}, is none: {MIN_GAIN:g} to {MAX_GAIN:g} dB is accepted."
                )
            else:
                lanes[name] = lane
    master = _number(query.get("master", "0"))
    if master is None or not math.isfinite(master):
        faults.append(f"The link's master gain, {query['master'][:40]!r}, is none.")
        master = 0.0
    flags = {}
    for name, otherwise in (("limiter", True), ("match", False)):
        text = query.get(name, "")
        if text and text not in _FLAGS:
            faults.append(f"The link says {text[:40]!r} for {name}; on or off is accepted.")
        flags[name] = _FLAGS.get(text, otherwise)
    hear = query.get("hear", "remix")
    if hear not in HEAR:
        faults.append(f"The link asks to hear {hear[:40]!r}; {', '.join(HEAR)} are accepted.")
        hear = "remix"
    hearing = _read_prescription(query, faults), _read_calibration(query, faults), _read_simulation(query, faults)
    return MixSettings(lanes, master, flags["limiter"], hear, flags["match"], *hearing)


def _read_prescription(query: Mapping[str, str], faults: list[str]) -> str:
    try:
        return get_prescription(query.get("prescription", DEFAULT_PRESCRIPTION)).id
    except CadenzaError as error:
        faults.append(f"{error} {get_prescription(DEFAULT_PRESCRIPTION).title} is used.")
        return DEFAULT_PRESCRIPTION


def _read_calibration(query: Mapping[str, str], faults: list[str]) -> float:
    text = query.get("calibration", str(CALIBRATION_DB_SPL))
    try:
        return check_calibration(float(text))
    except (ValueError, CadenzaError):
        faults.append(
            f"The link's calibration, {text[:40]!r}, is no level in dB SPL from {CALIBRATION_RANGE[0]:g} to "
            f"{CALIBRATION_RANGE[1]:g}; {CALIBRATION_DB_SPL:g} is used."
        )
        return CALIBRATION_DB_SPL


def _read_simulation(query: Mapping[str, str], faults: list[str]) -> str:
    text = query.get("simulation", "off")
    if text in SIMULATIONS:
        return text
    faults.append(f"The link says {text[:40]!r} for simulation; {', '.join(SIMULATIONS)} are accepted.")
    return "off"


def _read_lane(text: str) -> Lane | None:
    found = _GAIN.fullmatch(text.replace("silent", "i"))
    if not found:
        return None
    left = _number(found["left"])
    right = left if found["right"] is None else _number(found["right"])
    if left is None or right is None:
        return None
    return Lane(left, right, left == right, "m" in found["flags"], "s" in found["flags"])


def _number(text: str) -> float | None:
    if text == "i":
        return -math.inf
    try:
        value = float(text)
    except ValueError:
        return None
    return value if MIN_GAIN <= value <= MAX_GAIN else None
