"""What an ear needs and hears: prescriptions of gain for an audiogram, thresholds, audibility."""

from .prescription import NFIR, Compressor, Spectra, amplify, compensate_delay, ear_of, nalr_filter
from .prescriptions import DEFAULT_PRESCRIPTION, Prescription, get_prescription, prescriptions, process_stems

__all__ = [
    "DEFAULT_PRESCRIPTION",
    "NFIR",
    "Compressor",
    "Prescription",
    "Spectra",
    "amplify",
    "compensate_delay",
    "ear_of",
    "get_prescription",
    "nalr_filter",
    "prescriptions",
    "process_stems",
]
