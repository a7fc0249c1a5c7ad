"""What the user of mixer and desk has set, as plain data; the mixer's part as in `assets/mixer/settings.js`.

`MixSettings` is what a preset, a shared link and an export hold. It reads the mixer's own form
(:meth:`MixSettings.from_mixer`), and what arrives from elsewhere is completed and checked: nonsense is named, not passed on.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..audio import STEMS
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, get_prescription
from ..hearing.thresholds import CALIBRATION_DB_SPL, check_calibration
from .gains import EARS, MAX_GAIN, MIN_GAIN, Gains, is_lane, ordered_lanes

__all__ = ["HEAR", "SIMULATIONS", "Lane", "MixSettings"]

#: What can be heard: as it is, or (msbg) rendered as the listener hears it.
HEAR = ("original", "remix", "aided", "reference", "reference_aided", "msbg", "msbg_aided")
#: Which ears hear as the listener's do, by the live approximation.
SIMULATIONS = ("off", "both", "left", "right")


@dataclass(frozen=True)
class Lane:
    """One stem's settings: gains in dB (-inf: silent) of the left and right ear, mute, solo."""

    left: float = 0.0
    right: float = 0.0
    linked: bool = True
    mute: bool = False
    solo: bool = False

    def as_mixer(self) -> dict[str, Any]:
        """Give the mixer's form: None stands for silent."""
        ears = {ear: value if math.isfinite(value := getattr(self, ear)) else None for ear in EARS}
        return {**ears, "linked": self.linked and self.left == self.right, "mute": self.mute, "solo": self.solo}


@dataclass(frozen=True)
class MixSettings:
    """All settings of the mixer.

    Parameters
    ----------
    lanes : mapping of str to Lane
        By stem, or name of a further lane; what is not named is at 0 dB.
    master_db : float
        -60 to 24 dB.
    limiter : bool
    hear : str
        One of :data:`HEAR`.
    match_loudness : bool
    prescription : str
        Id of the amplification that the aided modes have (:mod:`cadenza_core.hearing.prescriptions`).
    calibration_db_spl : float
        Level of 0 dB FS at the ear, 60 to 130 dB SPL. It tells what is heard and how loud it is, and changes no sample of
        what is not simulated.
    simulation : str
        One of :data:`SIMULATIONS`.
    """

    lanes: Mapping[str, Lane] = field(default_factory=dict)
    master_db: float = 0.0
    limiter: bool = True
    hear: str = "remix"
    match_loudness: bool = False
    prescription: str = DEFAULT_PRESCRIPTION
    calibration_db_spl: float = CALIBRATION_DB_SPL
    simulation: str = "off"

    @property
    def is_rendered_simulation(self) -> bool:
        """Whether what is heard is MSBG's rendering: nothing simulates it once more."""
        return self.hear.startswith("msbg")

    @property
    def simulated_ears(self) -> tuple[str, ...]:
        """The ears that the live approximation works on."""
        if self.is_rendered_simulation:
            return ()
        return EARS if self.simulation == "both" else tuple(ear for ear in EARS if ear == self.simulation)

    def lane(self, name: str) -> Lane:
        """Give a stem's settings."""
        return self.lanes.get(name, Lane())

    @property
    def gains(self) -> Gains:
        """What counts for the sound: the gains with mute and solo applied (mute wins over solo)."""
        solo = any(lane.solo for lane in self.lanes.values())
        decibels: dict[tuple[str, str], float] = {}
        for name in ordered_lanes(self.lanes):
            lane = self.lane(name)
            on = not lane.mute and (lane.solo or not solo)
            decibels |= {(name, ear): getattr(lane, ear) if on else -math.inf for ear in EARS}
        return Gains(decibels)

    def only(self, names: Collection[str]) -> "MixSettings":
        """Give the same without the settings of lanes that are not there: their solo must not silence the others."""
        return replace(self, lanes={name: lane for name, lane in self.lanes.items() if name in names})

    def as_mixer(self) -> dict[str, Any]:
        """Give the mixer's form, with the four stems and whatever further lane is set."""
        return {
            "gains": {name: self.lane(name).as_mixer() for name in ordered_lanes(self.lanes)},
            "master_db": self.master_db,
            "limiter": self.limiter,
            "hear": self.hear,
            "match_loudness": self.match_loudness,
            "prescription": self.prescription,
            "calibration_db_spl": self.calibration_db_spl,
            "simulation": self.simulation,
        }

    @classmethod
    def from_mixer(cls, content: Any) -> "MixSettings":
        """Read the mixer's form, as the page sends it or a preset's file holds it; what is not there takes its default.

        Raises
        ------
        CadenzaError
            If a value is of a wrong type or out of range.
        """
        if not isinstance(content, Mapping) or not isinstance(content.get("gains", {}), Mapping):
            raise CadenzaError("These are not the settings of a mixer: an object with 'gains' is wanted.")
        lanes = {str(name): _lane(str(name), entry) for name, entry in content.get("gains", {}).items()}
        master = _gain(content.get("master_db", 0.0), "master gain")
        if not math.isfinite(master):
            raise CadenzaError("The master gain must be a number of dB; mute the stems to have silence.")
        hear = content.get("hear", "remix")
        if hear not in HEAR:
            raise CadenzaError(f"There is nothing called {str(hear)[:40]!r} to be heard: {', '.join(HEAR)}.")
        simulation = content.get("simulation", "off")
        if simulation not in SIMULATIONS:
            raise CadenzaError(f"The simulation is {str(simulation)[:40]!r}; {', '.join(SIMULATIONS)} are accepted.")
        return cls(
            lanes,
            master,
            _flag(content, "limiter", True),
            hear,
            _flag(content, "match_loudness", False),
            get_prescription(str(content.get("prescription", DEFAULT_PRESCRIPTION))).id,
            check_calibration(content.get("calibration_db_spl", CALIBRATION_DB_SPL)),
            simulation,
        )


def _lane(name: str, entry: Any) -> Lane:
    if not is_lane(name):
        raise CadenzaError(f"There is no stem {name[:40]!r}: {', '.join(STEMS)}.")
    if not isinstance(entry, Mapping):
        raise CadenzaError(f"The settings of {name} must be an object.")
    left, right = (_gain(entry.get(ear, 0.0), f"gain of {name}, {ear}") for ear in EARS)
    linked = _flag(entry, "linked", left == right) and left == right
    return Lane(left, right, linked, _flag(entry, "mute", False), _flag(entry, "solo", False))


def _gain(value: Any, what: str) -> float:
    if value is None:
        return -math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_GAIN <= value <= MAX_GAIN:
        raise CadenzaError(f"The {what} is {str(value)[:40]!r}; {MIN_GAIN:g} to {MAX_GAIN:g} dB is accepted.")
    return float(value)


def _flag(content: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    value = content.get(name, otherwise)
    if not isinstance(value, bool):
        raise CadenzaError(f"{name!r} is {str(value)[:40]!r}; true or false is accepted.")
    return value
