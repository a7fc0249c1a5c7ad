"""Files of weights that belong together, for what is no system of stems: offered by the rooms that use them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .weights import WeightFile

__all__ = ["WeightSet", "find_set", "offer_set", "weight_sets"]


@dataclass(frozen=True)
class WeightSet:
    """Files that are fetched, listed and removed together, for what is no system of stems.

    Parameters
    ----------
    id, title, licence, trained_on, source, note : str
        As of a :class:`~.base.SystemInfo`.
    files : tuple of WeightFile
        Several sets may share one.
    """

    id: str
    title: str
    files: tuple["WeightFile", ...]
    licence: str = ""
    trained_on: str = ""
    source: str = ""
    note: str = ""

    @property
    def size_mb(self) -> float:
        """Download size, MB."""
        return sum(file.size for file in self.files) / 1e6


_SETS: dict[str, WeightSet] = {}


def offer_set(files: WeightSet) -> None:
    """Let `fetch`, `status` and `remove` know a set by its id."""
    _SETS[files.id] = files


def find_set(set_id: str) -> WeightSet | None:
    """Give the set of an id, if there is one."""
    return _SETS.get(set_id)


def weight_sets() -> list[WeightSet]:
    """Give all sets that are offered."""
    return list(_SETS.values())
