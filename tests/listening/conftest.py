"""An empty database and settings for listening tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for tests.listening.made, whoever runs pytest

from cadenza_core.settings import Settings
from cadenza_core.store import Store


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store.open(settings) as opened:
        yield opened
