"""Small trees, and runs of the command line as people start them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # for tests.challenge, whoever runs pytest

from cadenza_core.cli import app  # noqa: E402
from tests.challenge import tree as trees  # noqa: E402


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs for two listeners in each set, 0.6 s. Do not change it."""
    return trees.make_tree(tmp_path_factory.mktemp("tree"), seconds=0.6)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CADENZA_MUSIC", "CADENZA_LISTENERS", "CADENZA_MODELS", "CADENZA_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def call(home: Path) -> Callable[..., Result]:
    """Run ``cadenza challenge ...`` in this process (its workers are processes of their own)."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["challenge", *(str(argument) for argument in arguments)])

    return run


@pytest.fixture
def start(home: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start ``cadenza challenge ...`` as a process of its own, in a session of its own."""

    def begin(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from cadenza_core.cli import main; main()", "challenge"]
        return subprocess.Popen(
            [*command, *(str(argument) for argument in arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin


def lines(result: Result) -> list[Any]:
    """Give the JSON lines that a command printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]
