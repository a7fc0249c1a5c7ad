"""HEAR's own validator on every model that is offered: it must say "Looks good!", without a warning on timestamps.

`hearvalidator` 2021.0.6 comes from PyPI into a folder that git ignores, without its dependencies; of tensorflow, which it
imports, an empty module is enough. Where it cannot be had, the test is skipped with the reason.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "hearvalidator"

RUN = """
import sys, warnings
from hearvalidator.validate import ValidateModel
for pair in sys.argv[1:]:
    name, _, path = pair.partition("=")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ValidateModel("cadenza_core.embedding." + name, path, device="cpu")()
    texts = [str(one.message) for one in caught if "hearvalidator" in one.filename]
    # one is always given, whatever the model: that rounding may accumulate over long audio
    texts = [text for text in texts if not text.strip().startswith("IMPORTANT: A common bug")]
    print("RESULT", name, "Looks good!", texts)
"""


@pytest.fixture(scope="module")
def official() -> Path:
    if not (PLACE / "hearvalidator").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-requires-python"]
        try:
            options = {"check": True, "capture_output": True, "timeout": 120}
            subprocess.run([*command, "--target", str(PLACE), "hearvalidator==2021.0.6"], **options)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"hearvalidator 2021.0.6 cannot be installed: {error}")
    stub = PLACE / "stub" / "tensorflow" / "__init__.py"
    stub.parent.mkdir(parents=True, exist_ok=True)
    stub.write_text("class Module:\n    pass\n\n\nfloat32 = 'float32'\n")
    return PLACE


@pytest.mark.slow
def test_the_official_validator_says_looks_good_for_every_model_without_a_warning(official, checkpoints):
    names = ["naive", "logmel", *(f"{name}={checkpoints / name}" for name in ("wav2vec2", "hubert", "clap"))]
    script = f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(official)!r}, {str(official / 'stub')!r}]\n{RUN}"
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert results == [f"RESULT {name.partition('=')[0]} Looks good! []" for name in names]
