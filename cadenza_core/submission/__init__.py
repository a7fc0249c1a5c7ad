"""CAD1's submission: from stems to its files and back (`export`), their names, writing, packing, checking.

::

    folder = enhanced_folder(Path("export"), evaluation=True)
    write_pair(folder, "L5040", "Al James - Schoolboy Facination", processed, 44100, segments=segments)
    validate(folder).ok
    pack(folder, "T001", Path("export"))
"""

from .export import Export, export_pair, find_prescription, find_segments, score_pair
from .layout import REMIX_RATE, STEM_NAMES, STEM_RATE, enhanced_folder, pair_complete, pair_folder, zip_name
from .pack import pack
from .read import read_stem
from .report import CODES, Fault, Report
from .validate import validate
from .write import PairReport, PairWriter, write_pair

__all__ = [
    "CODES",
    "REMIX_RATE",
    "STEM_NAMES",
    "STEM_RATE",
    "Export",
    "Fault",
    "PairReport",
    "PairWriter",
    "Report",
    "enhanced_folder",
    "export_pair",
    "find_prescription",
    "find_segments",
    "pack",
    "pair_complete",
    "pair_folder",
    "read_stem",
    "score_pair",
    "validate",
    "write_pair",
    "zip_name",
]
