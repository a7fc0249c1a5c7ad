"""The prescriptions: ways from an audiogram to amplification, one registry; NAL-R is the challenge's and the default.

A linear prescription is a filter for each ear, so the mixer can apply it live. One that depends on the level (a compressor)
is rendered: in `cadenza remix`, exports and scores. Scores: HAAQI compares with a reference of its own that NAL-R amplifies,
whatever amplified the signal (Kates & Arehart 2016, and the challenge's recipe); :data:`HAAQI_NOTE` says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from clarity.utils.audiogram import Audiogram, Listener

from ..audio import RATE
from ..errors import CadenzaError
from .audibility import EARS, fir_gain
from .multiband import multiband_compressor
from .prescription import NFIR, Compressor, amplify, check_compressor, ear_of, nalr_filter
from .rules import camfit_filter, half_gain_filter

__all__ = [
    "DEFAULT_PRESCRIPTION",
    "HAAQI_NOTE",
    "Prescription",
    "ear_responses",
    "get_prescription",
    "prescriptions",
    "process_stems",
    "register",
]

DEFAULT_PRESCRIPTION = "nalr"
#: Said with a score; to be formatted with the title of the prescription.
HAAQI_NOTE = (
    "HAAQI compares with its own NAL-R reference, as the challenge prescribes; what is scored is amplified by {}"
)


@dataclass(frozen=True)
class Prescription:
    """One way to amplify for an ear: a filter, or what changes with the level.

    Parameters
    ----------
    id, title : str
        Name in commands and links; name for people.
    source : str
        Paper or recipe that it comes from.
    fir : function (audiogram, sample rate, order) -> np.ndarray [shape=(order + 1,)], optional
        A linear-phase filter that delays by half its order.
    compress : function (signal [shape=(n,)], audiogram, sample rate) -> np.ndarray [shape=(n,)], optional
        Amplification without delay, where there is no filter.
    note : str
        What a user should know.
    """

    id: str
    title: str
    source: str
    fir: Callable[[Audiogram, int, int], np.ndarray] | None = field(default=None, repr=False)
    compress: Callable[[np.ndarray, Audiogram, int], np.ndarray] | None = field(default=None, repr=False)
    note: str = ""

    @property
    def is_linear(self) -> bool:
        """Whether it is a filter, the same at all levels."""
        return self.fir is not None

    def amplify(self, signal: np.ndarray, audiogram: Audiogram, rate: int = RATE, nfir: int = NFIR) -> np.ndarray:
        """Amplify a signal for an ear.

        Parameters
        ----------
        signal : np.ndarray [shape=(n,)]
        audiogram : Audiogram
        rate : int
            Sample rate, Hz.
        nfir : even int

        Returns
        -------
        np.ndarray [shape=(n + nfir,), dtype=float64]
            Delayed by ``nfir / 2`` samples.
        """
        if self.fir is not None:
            return amplify(signal, self.fir(audiogram, rate, nfir))
        assert self.compress is not None
        return np.pad(self.compress(np.pad(signal, (0, nfir // 2)), audiogram, rate), (nfir // 2, 0))

    def record(self) -> dict[str, str]:
        """Give what a record of exported files says of it."""
        return {"id": self.id, "title": self.title, "source": self.source}


_REGISTRY: dict[str, Prescription] = {}


def register(prescription: Prescription) -> None:
    """Offer a prescription under its id."""
    if prescription.id in _REGISTRY:
        raise ValueError(f"prescription {prescription.id!r} is registered twice")
    if (prescription.fir is None) == (prescription.compress is None):
        raise ValueError(f"prescription {prescription.id!r} needs either a filter or a function that compresses")
    _REGISTRY[prescription.id] = prescription


def prescriptions() -> list[Prescription]:
    """Give all of them, in the order of registration: the challenge's first."""
    return list(_REGISTRY.values())


def get_prescription(prescription_id: str) -> Prescription:
    """Give a prescription by id.

    Raises
    ------
    CadenzaError
        If there is none of that id.
    """
    if prescription_id not in _REGISTRY:
        raise CadenzaError(f"There is no prescription {prescription_id[:40]!r}. Known are {', '.join(_REGISTRY)}.")
    return _REGISTRY[prescription_id]


register(
    Prescription(
        "nalr",
        "NAL-R",
        "Byrne & Dillon 1986, Ear & Hearing 7(4); the filter of CAD1's recipe",
        fir=nalr_filter,
    )
)
register(
    Prescription(
        "half-gain",
        "Half-gain rule",
        "Lybarger 1944, U.S. patent application SN 543,278",
        fir=half_gain_filter,
        note="Half of the hearing level at every frequency: more in the bass than other rules.",
    )
)
register(
    Prescription(
        "camfit",
        "CAMFIT (linear)",
        "Moore & Glasberg 1998, Brit. J. Audiol. 32, 317-335",
        fir=camfit_filter,
        note="The Cambridge formula for linear aids.",
    )
)
register(
    Prescription(
        "camfit-compressor",
        "CAMFIT compressor",
        "Moore et al. 1999, Brit. J. Audiol. 33, 157-170, in CAD2's multiband compressor",
        compress=multiband_compressor,
        note="Its gain follows the level, so it is heard in exports and renders, not live in the mixer. It works on the "
        "whole mix; in the challenge's files on each stem.",
    )
)


def ear_responses(listener: Listener, prescription: str, rate: int = RATE) -> np.ndarray:
    """Give the amplification of each ear in each band, as :class:`~.audibility.AudibilityModel` takes it.

    Returns
    -------
    np.ndarray [shape=(2, 25)]
        dB.

    Raises
    ------
    CadenzaError
        If the prescription is unknown, or its gain depends on the level.
    """
    chosen = get_prescription(prescription)
    if chosen.fir is None:
        linear = ", ".join(one.id for one in prescriptions() if one.is_linear)
        raise CadenzaError(
            f"The gain of {chosen.title} follows the level, so what is audible with it is not known beforehand. Take one of "
            f"{linear}, or look at what is heard without amplification."
        )
    return np.stack([fir_gain(chosen.fir(ear_of(listener, ear), rate, NFIR), rate) for ear in EARS])


def process_stems(
    stems: Mapping[str, np.ndarray],
    listener: Listener,
    rate: int = RATE,
    *,
    prescription: str = DEFAULT_PRESCRIPTION,
    compressor: Compressor | None = None,
    nfir: int = NFIR,
) -> dict[str, np.ndarray]:
    """Amplify mono stems for a listener: the recipe's `process_stems_for_listener`.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(n,)]
        Names start with ``left_`` or ``right_``, which tells the ear.
    listener : Listener
        pyclarity's; its audiograms in dB HL.
    rate : int
        Sample rate, Hz.
    prescription : str
        Id of a prescription; the recipe's is NAL-R.
    compressor : Compressor, optional
        Applied after the prescription, to each stem by itself.

    Returns
    -------
    dict of str to np.ndarray [shape=(n + nfir,), dtype=float64]
        In the order of `stems`, not delay-compensated.

    Raises
    ------
    CadenzaError
        If a stem's name does not tell the ear, the prescription is unknown, or the compressor was made for another sample
        rate.
    """
    check_compressor(compressor, rate)
    chosen = get_prescription(prescription)
    processed = {}
    for name, signal in stems.items():
        ear = name.split("_", 1)[0]
        if ear not in EARS:
            raise CadenzaError(f"The stem {name!r} does not tell its ear: left_... or right_... is needed.")
        out = chosen.amplify(signal, ear_of(listener, ear), rate, nfir)
        processed[name] = out if compressor is None else compressor(out)
    return processed
