"""Published results: the same as the challenges' files to the digit, marked, and never overwritten."""

import json

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.store.published import MEASURES, SETS, import_results, published_results


def figures(evaluation_set):
    """Give {(system, measure): text with as many decimals as were published}."""
    found = published_results(evaluation_set)
    return {(row.system, row.measure): f"{row.value:.{row.digits}f}" for row in found.itertuples()}


def test_cad1_as_published():
    """Transcribed by hand from https://cadenzachallenge.org/docs/cadenza1/cc1_results."""
    found = figures("cad1-evaluation")
    assert len(found) == 40
    assert [found["Demucs", name] for name in ("haaqi", "haaqi_left", "haaqi_right", "baq")] == [
        "0.706",
        "0.703",
        "0.709",
        "41.676",
    ]
    assert found["E014", "haaqi"] == "0.530" and found["E016", "baq"] == "38.660"
    assert found["OpenUnmix", "baq"] == found["E015", "baq"] == "nan"  # not rated by the panel


def test_each_table_has_its_source_and_date():
    found = published_results()
    assert set(found["evaluation_set"]) == {
        "cad1-evaluation", "cad1-validation", "icassp-2024-evaluation", "clip1-evaluation", "clip1-validation",
        "lass-dcase-2024-validation", "lass-dcase-2024-evaluation",
        "lass-music", "lass-esc-50", "lass-audiocaps", "lass-clotho",
    }  # fmt: skip
    assert set(found["evaluation_set"]) <= set(SETS) and set(found["measure"]) <= set(MEASURES)
    own = found[~found["evaluation_set"].str.startswith("lass-")]
    assert own["source"].str.startswith("https://cadenzachallenge.org/").all()
    assert found["source"].str.startswith("https://").all()
    assert found["published"].str.fullmatch(r"20\d\d(-\d\d)?").all()
    assert figures("cad1-validation") == {("Demucs", "haaqi"): "0.2592", ("OpenUnmix", "haaqi"): "0.2273"}


def test_language_queried_separation_as_published():
    """Transcribed by hand from the pages of DCASE 2024 task 9 and from arXiv:2308.05037."""
    baseline = "Baseline (AudioSep, 16 kHz)"
    found = figures("lass-dcase-2024-validation")
    assert found == {(baseline, "sdr"): "5.708", (baseline, "sdri"): "5.673", (baseline, "si_sdr"): "3.862"}
    assert figures("lass-dcase-2024-evaluation") == {("Winner", "sdr"): "8.869", ("Winner", "rel_ovl"): "3.310"}
    sets = {"music": "10.508", "esc-50": "10.040", "audiocaps": "8.220", "clotho": "6.850"}
    for name, sdri in sets.items():
        assert figures(f"lass-{name}") == {("AudioSep (32 kHz)", "sdri"): sdri}


NAMES = {"HAAQI": "haaqi", "LHAAQI": "haaqi_left", "RHAAQI": "haaqi_right", "BAQ": "baq"}
TABLES = {
    "cad1_results.json": {"cad1-evaluation": NAMES},
    "icassp_2024_results.json": {"icassp-2024-evaluation": NAMES},
    "clip1_results.json": {
        "clip1-evaluation": {"eRMSE": "rmse", "ecorr": "correlation"},
        "clip1-validation": {"dRMSE": "rmse"},
    },
}


@pytest.mark.parametrize("file", TABLES)
def test_the_tables_are_those_of_the_challenges_own_files_to_the_digit(shared_data, file):
    rows = json.loads((shared_data / "results" / file).read_text())["data"]
    for evaluation_set, names in TABLES[file].items():
        found = published_results(evaluation_set).set_index(["system", "measure"])["value"]
        expected = {(row["id"], names[key]): value for row in rows for key, value in row.items() if key in names}
        assert len(found) == len(expected)
        for key, value in expected.items():
            if key[1] == "baq" and value == 0:
                assert found[key] != found[key]
            else:
                assert found[key] == value, key


def test_a_table_in_the_challenges_form_is_imported_once_and_conflicts_are_shown(file_store, tmp_path):
    path = tmp_path / "results.json"
    rows = [{"id": "E001", "team": "T", "HAAQI": 0.250, "rank": 1, "paper": "https://x"}, {"id": "E002", "HAAQI": 0.5}]
    path.write_text(json.dumps({"format": [], "data": rows}).replace("0.25", "0.250"))
    report = import_results(file_store, path, "cad9", source="https://page", published="2027")
    assert (report.added, report.conflicts) == (2, 0)
    found = published_results("cad9", file_store)
    assert found[["system", "value", "digits", "source", "published"]].values.tolist() == [
        ["E001", 0.25, 3, "https://page", "2027"],
        ["E002", 0.5, 1, "https://page", "2027"],
    ]
    rows[1]["HAAQI"] = 0.75
    path.write_text(json.dumps({"data": rows}))
    again = import_results(file_store, path, "cad9")
    assert (again.added, again.unchanged, again.conflicts) == (0, 1, 1)
    assert published_results("cad9", file_store)["value"].tolist() == [0.25, 0.5]
    path.write_text(json.dumps({"data": [{"id": "Demucs", "HAAQI": 0.9}]}))
    assert import_results(file_store, path, "cad1-evaluation").conflicts == 1  # what comes with the program counts too


@pytest.mark.parametrize(
    "content", ["", "[]", '{"data": 3}', '{"data": [{"HAAQI": 1}]}', '{"data": ["x"]}', "[" * 100_000]
)
def test_another_file_is_a_sentence(file_store, tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(CadenzaError, match="is not a table of results"):
        import_results(file_store, tmp_path / "x.json", "cad9")
