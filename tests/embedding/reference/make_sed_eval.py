"""Write sed_eval.json: sed_eval's scores of the cases in `cases.py`, called as hear-eval-kit 2021.1.3 calls it.

Needs sed_eval 0.2.1 and dcase_util in an environment of its own (they want setuptools below 81). From the project's root:
``PYTHONPATH=. python tests/embedding/reference/make_sed_eval.py``.
"""

import json
import math
from collections import ChainMap
from pathlib import Path

from cases import LABELS, event_case
from dcase_util.containers import MetaDataContainer
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

ONSET = {"evaluate_onset": True, "evaluate_offset": False}
SCORES = {
    "event_onset_200ms_fms": (EventBasedMetrics, {**ONSET, "t_collar": 0.2}),
    "event_onset_50ms_fms": (EventBasedMetrics, {**ONSET, "t_collar": 0.05}),
    "event_onset_offset_50ms_20perc_fms": (
        EventBasedMetrics,
        {"evaluate_onset": True, "evaluate_offset": True, "t_collar": 0.05, "percentage_of_length": 0.2},
    ),
    "segment_1s_er": (SegmentBasedMetrics, {"time_resolution": 1.0}),
}


def container(files):
    rows = []
    for name, events in files.items():
        for event in events:
            row = {"event_label": event.label, "event_onset": event.start / 1000.0, "event_offset": event.end / 1000.0}
            rows.append({**row, "file": name})
    return MetaDataContainer(rows)


def scores(seed):
    estimated, reference = event_case(seed)
    found, true = container(estimated), container(reference)
    numbers = {}
    for name, (metric, options) in SCORES.items():
        made = metric(event_label_list=list(LABELS), **options)
        for file in estimated:
            made.evaluate(
                reference_event_list=true.filter(filename=file), estimated_event_list=found.filter(filename=file)
            )
        overall = dict(ChainMap(*made.results_overall_metrics().values()))
        for part in ("error_rate",) if name == "segment_1s_er" else ("f_measure", "precision", "recall"):
            numbers[f"{name}_{part}"] = None if math.isnan(overall[part]) else overall[part]
    return numbers


if __name__ == "__main__":
    rows = ",\n".join(json.dumps(scores(seed)) for seed in range(100))
    text = f'{{"made_with": "sed_eval 0.2.1", "cases": [\n{rows}\n]}}\n'
    (Path(__file__).parent / "sed_eval.json").write_text(text, encoding="utf-8")
