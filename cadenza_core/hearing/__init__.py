"""What an ear needs: the prescription of gain for an audiogram."""

from .prescription import (
    NFIR,
    Compressor,
    Spectra,
    amplify,
    compensate_delay,
    ear_of,
    nalr_filter,
    process_stems,
)

__all__ = ["NFIR", "Compressor", "Spectra", "amplify", "compensate_delay", "ear_of", "nalr_filter", "process_stems"]
