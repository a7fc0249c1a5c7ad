"""Without a network: no page, and not `cadenza doctor`, so much as asks for another host, so none waits for a time-out."""

import socket
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from cadenza_core.cli import app as cli

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture
def asked(monkeypatch):
    """What hosts were asked for; asking fails at once."""
    found = []

    def refuse(self, address, *rest):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            found.append(address)
            raise OSError("no network")
        return connect(self, address, *rest)

    def resolve(host, *rest, **options):
        if host not in (None, "localhost", "127.0.0.1", "::1"):
            found.append(host)
            raise socket.gaierror("no network")
        return getaddrinfo(host, *rest, **options)

    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return found


NO_PAGES = {"__init__", "access", "navigation", "routes"}


@pytest.mark.parametrize("name", sorted({path.stem for path in PAGES.glob("*.py")} - NO_PAGES))
def test_a_page_asks_no_other_host(name, app, home, asked):
    tab = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=60).run()
    assert not tab.exception
    assert asked == []


def test_the_doctor_asks_no_other_host_and_says_where_weights_are_looked_for(home, asked):
    result = CliRunner().invoke(cli, ["--home", str(home), "doctor", "--json"])
    assert result.exit_code == 0 and asked == []
    assert str(home / "models") in result.stdout
    assert "carry" in result.stdout
