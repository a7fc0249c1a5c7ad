"""Post-screening of assessors by ITU-R BS.1534-3 (10/2015), section 4.1.2.

A participant is left out who rates the hidden reference below 90 for more than 15 % of the items, or the mid-range anchor
(7 kHz) above 90 for more than 15 % of the items. An item whose mid-range anchor more than 25 % of all participants rate above
90 was perhaps hardly degraded by it: nobody is left out for that item.
"""

import pandas as pd

from ...errors import CadenzaError
from .tidy import MID_ANCHOR, Answers

__all__ = ["RULE", "excused_items", "screened", "screening", "screening_scale"]

RULE = (
    "Post-screening of ITU-R BS.1534-3, section 4.1.2: left out is who rates the hidden reference below 90 for more than 15 % "
    "of the items, or the mid-range anchor (7 kHz) above 90 for more than 15 %; items whose anchor more than 25 % of the "
    "participants rate above 90 do not count for the latter"
)
_LIMIT, _SHARE, _EXCUSED = 90.0, 0.15, 0.25


def screening_scale(answers: Answers) -> str:
    """Give the scale that the rule is about: basic audio quality, or quality, or the only one.

    Raises
    ------
    CadenzaError
        If there is no such scale, or no hidden reference was rated.
    """
    named = [name for name in ("basic_audio_quality", "quality") if name in answers.scales]
    if not answers.has_reference or not (named or len(answers.scales) == 1):
        raise CadenzaError(
            "The post-screening of BS.1534-3 needs ratings of a hidden reference for basic audio quality, 0 to 100; this test "
            "has none."
        )
    return named[0] if named else answers.scales[0]


def screening(answers: Answers) -> pd.DataFrame:
    """Say of each participant what the rule finds.

    Returns
    -------
    pd.DataFrame
        `participant`, `reference_items`, `reference_low` (items rated below 90), `reference_share`, `anchor_items`,
        `anchor_high` (above 90), `anchor_share`, `left_out`, `why`; who is left out first.

    Raises
    ------
    CadenzaError
        As :func:`screening_scale`.
    """
    rows = answers.of(screening_scale(answers))
    reference = _per_item(rows[rows["role"] == "reference"])
    excused = excused_items(answers)
    anchor = _per_item(rows[rows["condition"] == MID_ANCHOR])
    anchor = anchor[~anchor["item"].isin(excused)]
    found = []
    for participant in answers.participants:
        own = reference.loc[reference["participant"] == participant, "value"]
        mid = anchor.loc[anchor["participant"] == participant, "value"]
        low, high = int((own < _LIMIT).sum()), int((mid > _LIMIT).sum())
        shares = (low / len(own) if len(own) else 0.0, high / len(mid) if len(mid) else 0.0)
        why = [f"reference below 90 for {low} of {len(own)} items"] if shares[0] > _SHARE else []
        why += [f"7 kHz anchor above 90 for {high} of {len(mid)} items"] if shares[1] > _SHARE else []
        found.append(
            {
                "participant": participant,
                "reference_items": len(own),
                "reference_low": low,
                "reference_share": shares[0],
                "anchor_items": len(mid),
                "anchor_high": high,
                "anchor_share": shares[1],
                "left_out": bool(why),
                "why": "; ".join(why),
            }
        )
    frame = pd.DataFrame(found)
    return frame.sort_values(["left_out", "participant"], ascending=[False, True], kind="stable").reset_index(drop=True)


def excused_items(answers: Answers) -> list[str]:
    """Give the items whose mid-range anchor more than 25 % of the participants rate above 90."""
    rows = answers.of(screening_scale(answers))
    anchor = _per_item(rows[rows["condition"] == MID_ANCHOR])
    shares = anchor.assign(high=anchor["value"] > _LIMIT).groupby("item")["high"].mean()
    return [str(item) for item in shares.index[shares > _EXCUSED]]


def screened(answers: Answers) -> Answers:
    """Give the answers of those whom the rule keeps; who is left out, and why, is in the notes.

    Raises
    ------
    CadenzaError
        If it leaves nobody, or as :func:`screening_scale`.
    """
    frame = screening(answers)
    out = frame[frame["left_out"]]
    if len(out) == len(frame):
        raise CadenzaError(
            "The post-screening of BS.1534-3 leaves nobody: look at the view Screening, or do without it."
        )
    named = "; ".join(f"{row.participant} ({row.why})" for row in out.itertuples())
    note = f"post-screening (BS.1534-3) leaves out {len(out)} of {len(frame)} participants"
    return answers.without(set(out["participant"]), f"{note}: {named}" if len(out) else note)


def _per_item(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["participant", "item"])["value"].mean().reset_index()
