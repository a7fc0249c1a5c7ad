"""Judge embeddings without training: does the nearest sound have the same label?

Distances are unnormalised l1 (HEAR 2021's choice for tasks without training). Each sound of the test split asks for all others
of it; those that share a label with it are right answers. Sounds with no right answer are not asked, and are counted.
"""

import numpy as np

__all__ = ["l1_distances", "retrieval_scores"]

_BLOCK = 1 << 20  # numbers worked on at once: a few MB, which stay in the processor's cache


def l1_distances(query: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """Give the l1 distance of one embedding, shape (size,), to each of several, (n, size): float64, shape (n,)."""
    rows = max(1, _BLOCK // max(1, embeddings.shape[1]))
    out = np.empty(len(embeddings))
    buffer = np.empty((min(rows, len(embeddings)), embeddings.shape[1]), embeddings.dtype)
    for first in range(0, len(embeddings), rows):
        part = embeddings[first : first + rows]
        difference = np.subtract(part, query, out=buffer[: len(part)])
        np.abs(difference, out=difference)
        out[first : first + len(part)] = difference.sum(axis=1, dtype=np.float64)
    return out


def retrieval_scores(embeddings: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Score a ranking of sounds by distance.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, size)]
    targets : np.ndarray [shape=(n, n_labels)]
        0 and 1.

    Returns
    -------
    dict
        ``retrieval_mAP`` (mean over the queries of the average precision), ``retrieval_p_at_1`` (share whose nearest sound is
        right), ``retrieval_mrr`` (mean of 1 / rank of the first right one), ``queries`` and ``without_answer`` (counts). NaN
        where there is no query.
    """
    precisions, firsts, ranks = [], [], []
    for number, row in enumerate(embeddings):
        others = np.arange(len(embeddings)) != number
        right = (targets[others] @ targets[number]) > 0
        if not right.any():
            continue
        # equal distances keep the data's order
        ranked = right[np.argsort(l1_distances(row, embeddings)[others], kind="stable")]
        places = np.flatnonzero(ranked) + 1
        precisions.append(float(np.mean(np.arange(1, len(places) + 1) / places)))
        firsts.append(float(ranked[0]))
        ranks.append(1.0 / places[0])
    counts = {"queries": float(len(ranks)), "without_answer": float(len(embeddings) - len(ranks))}
    if not ranks:
        return {name: float("nan") for name in ("retrieval_mAP", "retrieval_p_at_1", "retrieval_mrr")} | counts
    means = (float(np.mean(values)) for values in (precisions, firsts, ranks))
    return dict(zip(("retrieval_mAP", "retrieval_p_at_1", "retrieval_mrr"), means, strict=True)) | counts
