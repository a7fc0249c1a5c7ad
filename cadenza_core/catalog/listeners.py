"""Listeners: from Cadenza's JSON files, and the built-in standard audiograms.

A listener is pyclarity's `Listener`: an audiogram (dB HL at frequencies in Hz) for each ear. Files are checked when they
are read: what NAL-R and HAAQI would otherwise interpolate, or choke on much later, is refused with a sentence.
"""

import importlib.resources
import itertools
import json
import numbers
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Audiogram, Listener

from ..errors import CadenzaError
from ..files import check_name, expand

__all__ = [
    "FREQUENCIES",
    "LEVELS",
    "NEEDED_FREQUENCIES",
    "all_listeners",
    "find_listener",
    "make_listener",
    "pure_tone_average",
    "read_listeners",
    "standard_listeners",
]

#: Accepted hearing levels, dB HL: the range of a diagnostic audiometer, with a margin above.
LEVELS = (-20.0, 120.0)
#: Frequencies in Hz that both NAL-R and HAAQI use; an audiogram must have them all.
NEEDED_FREQUENCIES = (250, 500, 1000, 2000, 4000, 6000)
#: Accepted frequencies, Hz: those of hearing.
FREQUENCIES = (20.0, 20000.0)
_HUGE = 1e9  # beyond this a value is taken for nonsense
_SEPARATOR = "-"
_FORM = 'A Cadenza listener file holds {"L0001": {"name": "L0001", "audiogram_cfs": [...], ...}, ...}'


def read_listeners(path: Path) -> dict[str, Listener]:
    """Read a Cadenza listener file: ``{id: {name, audiogram_cfs, audiogram_levels_l, audiogram_levels_r}}``.

    Raises
    ------
    CadenzaError
        If the file is not there, not JSON of that form, names a listener twice, or an audiogram has missing, unsorted or
        repeated frequencies, null or non-numeric values, or levels outside -20 to 120 dB HL.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_no_repetition)
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no listener file {path}.") from error
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}. A listener file is wanted.") from error
    except (ValueError, RecursionError) as error:
        raise CadenzaError(f"{path} is not a JSON text file in UTF-8 ({error}). {_FORM}.") from error
    if not isinstance(content, dict) or not content:
        raise CadenzaError(f"{path} holds no listeners. {_FORM}.")
    listeners = {key: _from_entry(key, entry, path) for key, entry in content.items()}
    owners: dict[str, str] = {}
    for key, listener in listeners.items():
        if (owner := owners.setdefault(listener.id, key)) != key:
            raise CadenzaError(
                f"{path}: {owner!r} and {key!r} both have the name {listener.id!r}, and their results would overwrite each "
                "other. Every name must be there once."
            )
    return listeners


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object; by itself, `json` would keep only the last of two entries with the same key."""
    if len(content := dict(pairs)) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{repeated!r} is in it twice")
    return content


def _from_entry(key: str, entry: Any, path: Path) -> Listener:
    where = f"{path}, listener {reprlib.repr(key)}"
    _check_id(key, where)
    if not isinstance(entry, Mapping):
        raise CadenzaError(f"{where}: an object is wanted, not {reprlib.repr(entry)}. {_FORM}.")
    for field in ("name", "audiogram_cfs", "audiogram_levels_l", "audiogram_levels_r"):
        if field not in entry:
            raise CadenzaError(f"{where}: {field!r} is missing. {_FORM}.")
    if not isinstance(entry["name"], str):
        raise CadenzaError(f"{where}: the name must be a text, not {reprlib.repr(entry['name'])}.")
    levels = {"left": entry["audiogram_levels_l"], "right": entry["audiogram_levels_r"]}
    return make_listener(entry["name"], entry["audiogram_cfs"], levels["left"], levels["right"], where=where)


def _check_id(name: str, where: str) -> None:
    try:
        check_name(name, "listener")
    except CadenzaError as error:
        raise CadenzaError(f"{where}: {error}") from error


def make_listener(name: str, frequencies: Any, left: Any, right: Any, *, where: str = "") -> Listener:
    """Make a listener from an audiogram's numbers, checked.

    Parameters
    ----------
    name : str
        Becomes part of file names.
    frequencies : sequence of float
        Hz, ascending, with 250, 500, 1000, 2000, 4000 and 6000 among them.
    left, right : sequence of float
        Hearing levels, dB HL, -20 to 120, one for each frequency.
    where : str
        Put before the message of an error.

    Raises
    ------
    CadenzaError
        As :func:`read_listeners`.
    """
    where = where or f"Listener {name!r}"
    _check_id(name, where)
    hertz = _numbers(frequencies, f"{where}: frequencies")
    if outside := [frequency for frequency in hertz if not FREQUENCIES[0] <= frequency <= FREQUENCIES[1]]:
        raise CadenzaError(f"{where}: {_list(outside)} Hz; {_list(FREQUENCIES)} Hz are the limits of what is accepted.")
    if any(high <= low for low, high in itertools.pairwise(hertz)):
        raise CadenzaError(f"{where}: the frequencies must ascend and not repeat; given are {_list(hertz)} Hz.")
    if missing := [f for f in NEEDED_FREQUENCIES if f not in hertz]:
        raise CadenzaError(
            f"{where}: the audiogram lacks {_list(missing)} Hz; {_list(NEEDED_FREQUENCIES)} Hz are needed. "
            "Measure them or fill them in yourself: nothing is interpolated silently."
        )
    ears = {}
    for side, values in (("left", left), ("right", right)):
        levels = _numbers(values, f"{where}: {side} levels")
        if len(levels) != len(hertz):
            raise CadenzaError(f"{where}: {len(hertz)} frequencies, but {len(levels)} levels for the {side} ear.")
        for frequency, level in zip(hertz, levels, strict=True):
            if not LEVELS[0] <= level <= LEVELS[1]:
                raise CadenzaError(
                    f"{where}: {level:g} dB HL at {frequency:g} Hz ({side} ear); {LEVELS[0]:g} to {LEVELS[1]:g} is accepted."
                )
        ears[side] = Audiogram(levels=levels, frequencies=hertz)
    return Listener(ears["left"], ears["right"], name)


def _numbers(values: Any, what: str) -> list[float]:
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, list | tuple) or not values:
        raise CadenzaError(f"{what}: a list of numbers is wanted, not {reprlib.repr(values)}.")
    for value in values:
        if not _is_number(value):
            shown = reprlib.repr(value)
            raise CadenzaError(f"{what}: {shown} is not a number. Every value must be given; null is not accepted.")
    return list(values)


def _is_number(value: Any) -> bool:
    number: Any = value  # an int may be too large for a float: compared, not converted
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and bool(-_HUGE < number < _HUGE)


def _list(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values)


def standard_listeners() -> dict[str, Listener]:
    """Give the standard audiograms, the same in both ears: NH, N1 to N7 (flat and moderately sloping), S1 to S3 (steep).

    Source: Bisgaard, Vlaming & Dahlquist 2010, "Standard audiograms for the IEC 60118-15 measurement procedure", Trends
    in Amplification 14(2), 113-120; NH is 0 dB HL throughout.
    """
    text = importlib.resources.files(__package__).joinpath("bisgaard.json").read_text(encoding="utf-8")
    content = json.loads(text)
    hertz = content["frequencies"]
    return {name: make_listener(name, hertz, levels, levels) for name, levels in content["levels"].items()}


def find_listener(name: str, files: tuple[Path, ...] = ()) -> Listener:
    """Find a listener by what a user typed.

    Parameters
    ----------
    name : str
        ``FILE.json:ID``, the id of a listener in one of `files`, a standard audiogram (``N3``), or two of them with a
        hyphen, left ear first (``N2-S1``).
    files : tuple of Path
        Listener files of the settings.

    Raises
    ------
    CadenzaError
        If there is none, or two files have different listeners of that id.
    """
    file, colon, listener_id = name.rpartition(":")
    if colon and file.endswith(".json"):
        listeners = read_listeners(expand(Path(file)))
        if listener_id not in listeners:
            raise CadenzaError(f"{file} has no listener {listener_id!r}; it has {_some(listeners)}.")
        return listeners[listener_id]
    standard = standard_listeners()
    if name in standard:  # these need no file, and no file can replace them
        return standard[name]
    catalog = all_listeners(files)
    if name in catalog:
        return catalog[name]
    if rivals := [key for key in catalog if key.endswith(f":{name}")]:
        raise CadenzaError(f"Several files have different listeners {name!r}. Ask for one of: {', '.join(rivals)}.")
    left, hyphen, right = name.partition(_SEPARATOR)
    if hyphen and left in standard and right in standard:
        return Listener(standard[left].audiogram_left, standard[right].audiogram_right, name)
    raise CadenzaError(
        f"There is no listener {name!r}. Known are {_some(catalog)}. Give one of them, two standard audiograms such as "
        "N2-S1 (left-right), or FILE.json:ID."
    )


def all_listeners(files: tuple[Path, ...] = ()) -> dict[str, Listener]:
    """Give the standard listeners and those of `files`, by id.

    Where an id stands for different audiograms in different files, each is listed as ``FILE.json:ID`` instead.

    Raises
    ------
    CadenzaError
        If a file is faulty.
    """
    found: dict[str, dict[str, Listener]] = {key: {key: one} for key, one in standard_listeners().items()}
    for file in files:
        for key, listener in read_listeners(file).items():
            rivals = found.setdefault(key, {})
            if not any(_same(listener, other) for other in rivals.values()):
                rivals[f"{file}:{key}"] = listener
    listeners = {}
    for key, rivals in found.items():
        listeners.update({key: next(iter(rivals.values()))} if len(rivals) == 1 else rivals)
    return listeners


def _same(one: Listener, other: Listener) -> bool:
    def numbers(listener: Listener) -> list[list[float]]:
        ears = (listener.audiogram_left, listener.audiogram_right)
        return [array.tolist() for ear in ears for array in (ear.frequencies, ear.levels)]

    return numbers(one) == numbers(other)


def _some(names: Mapping[str, object]) -> str:
    names_list = list(names)
    return ", ".join(names_list[:12]) + (f" and {len(names_list) - 12} more" if len(names_list) > 12 else "")


def pure_tone_average(audiogram: Audiogram) -> float:
    """Give the mean hearing level at 500, 1000, 2000 and 4000 Hz, dB HL (WHO's four-frequency average)."""
    return float(audiogram.resample([500, 1000, 2000, 4000]).levels.mean())
