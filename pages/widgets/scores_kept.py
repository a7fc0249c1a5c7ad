"""From the studio's scores to the database."""

from dataclasses import replace

from cadenza_core import __version__
from cadenza_core.quality.excerpt import ExcerptScores
from cadenza_core.remix import EARS, Gains
from cadenza_core.separation import get_system
from cadenza_core.store import Origin, ScoredSystem, excerpt_frames
from cadenza_core.store.names import learn

from .selection import Selection
from .services import services

__all__ = ["keep_scores"]

#: The evaluation set of what is scored in the studio.
SET = "studio"


def keep_scores(selection: Selection, gains: Gains, scores: ExcerptScores) -> str:
    """Store an excerpt's scores: the stems' under the system, the remix's under it with its gains. Say what became of it.

    Raises
    ------
    CadenzaError
        If the database cannot be written.
    """
    store = services().scores.store
    info = get_system(selection.system, services().settings).info
    data = "oracle" if info.oracle else "closed" if info.cad1_closed else "open"
    system = ScoredSystem(info.id, description=info.title, separation=info.id, prescription="NAL-R", allowed_data=data)
    remixed = system if gains.is_unity else replace(system, name=f"{info.id}, {_gains(gains)}"[:200])
    origin = Origin("studio", "the studio", "cadenza", __version__, {"gains_db": gains.as_dict()})
    stems, remix = excerpt_frames(selection.song.name, selection.listener.id, scores, str(selection.excerpt))
    report = store.add_scores(stems, evaluation_set=SET, system=system, origin=replace(origin, configuration={}))
    report = report.joined(store.add_scores(remix, evaluation_set=SET, system=remixed, origin=origin))
    learn(store, [selection.listener], [selection.song])
    return report.text


def _gains(gains: Gains) -> str:
    texts = []
    for stem, ears in gains.as_dict().items():
        left, right = ("silent" if ears[ear] is None else f"{ears[ear]:+.1f}" for ear in EARS)
        if (left, right) != ("+0.0", "+0.0"):
            texts.append(f"{stem} {left if left == right else f'{left}/{right}'}")
    return ", ".join(texts) + " dB"
