"""Two dimensions of an embedding space, to look at: PCA, or UMAP where it is installed.

PCA (principal components, `scikit-learn`) is linear: far stays far. UMAP (McInnes, Healy & Melville, arXiv:1802.03426;
package ``umap-learn``) keeps neighbourhoods. Distances are never taken from a map: neighbours are searched in the space.
"""

import importlib.util
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file
from ..progress import Progress, silent
from ..settings import Settings
from .collection import Collection
from .store import spaces_folder

__all__ = ["METHODS", "SpaceMap", "draw_map", "methods"]

METHODS = {"pca": "PCA", "umap": "UMAP"}


@dataclass(frozen=True, eq=False)
class SpaceMap:
    """Where the items of a collection are drawn.

    Parameters
    ----------
    points : np.ndarray [shape=(n, 2), dtype=float32]
    method : str
    shown : float
        Share of the variance that the two axes show, 0 to 1; NaN for UMAP, which has none.
    """

    points: np.ndarray
    method: str
    shown: float


def methods() -> list[str]:
    """Give the methods that can be used here."""
    return ["pca", *(["umap"] if importlib.util.find_spec("umap") else [])]


def draw_map(collection: Collection, settings: Settings, method: str = "pca", progress: Progress = silent) -> SpaceMap:
    """Compute a map, or take it from the cache.

    Raises
    ------
    CadenzaError
        If the method is not there.
    """
    if method not in methods():
        extra = " Install it with `pip install umap-learn`." if method == "umap" else ""
        raise CadenzaError(f"There is no map {method!r} here: {', '.join(methods())} are accepted.{extra}")
    path = spaces_folder(settings) / collection.space / "maps" / f"{collection.key}-{method}.npz"
    try:
        with np.load(path, allow_pickle=False) as content:
            points, shown = content["points"], float(content["shown"])
        if points.shape == (len(collection), 2):
            return SpaceMap(points, method, shown)
    except Exception:  # not there, or damaged
        progress(0.0, f"computing the map of {len(collection)} points")
    points, shown = _pca(collection.vectors) if method == "pca" else (_umap(collection.vectors), float("nan"))
    with atomic_file(path) as temporary:
        np.savez(temporary, points=points, shown=np.array(shown))
    return SpaceMap(points, method, shown)


def _pca(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    count = min(2, len(vectors) - 1, vectors.shape[1])
    if count < 1:
        return np.zeros((len(vectors), 2), np.float32), float("nan")
    from sklearn.decomposition import PCA

    pca = PCA(count, svd_solver="randomized" if min(vectors.shape) > 200 else "full", random_state=0)
    points = pca.fit_transform(vectors)
    ratios = pca.explained_variance_ratio_
    shown = float(np.sum(ratios)) if np.isfinite(ratios).all() else float("nan")
    return np.pad(points, ((0, 0), (0, 2 - count))).astype(np.float32), shown


def _umap(vectors: np.ndarray) -> np.ndarray:
    if len(vectors) < 5:
        return _pca(vectors)[0]
    from umap import UMAP

    neighbours = min(15, len(vectors) - 1)
    points: np.ndarray = UMAP(n_neighbors=neighbours, metric="manhattan", random_state=0, n_jobs=1).fit_transform(
        vectors
    )
    return points.astype(np.float32)
