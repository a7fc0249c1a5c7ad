"""``cadenza doctor``: what works on this machine, what does not, and why."""

import importlib
import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import typer

from ..catalog import all_listeners, library, listener_files
from ..errors import CadenzaError
from ..files import atomic_file
from ..separation import get_system, systems
from ..settings import Settings
from .console import JsonOption, guarded, out, settings_of, table
from .root import app

__all__: list[str] = []

Status = Literal["ok", "missing", "broken"]
_PACKAGES = ("pyclarity", "numpy", "scipy", "soundfile", "soxr", "av", "pyloudnorm", "demucs", "openunmix")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `status` is "broken" only for what everything needs. `short` is for the table."""

    name: str
    status: Status
    detail: str
    short: str = ""


@app.command()
def doctor(context: typer.Context, json_output: JsonOption = False) -> None:
    """Say what works on this machine and what does not, and why; exit status 1 if the essentials are broken."""
    with guarded(json_output=json_output):
        checks = list(examine(settings_of(context)))
        listing = table("what", "status", "detail")
        colours = {"ok": "green", "missing": "yellow", "broken": "bold red"}
        for check in checks:
            detail = check.short or check.detail
            listing.add_row(check.name, f"[{colours[check.status]}]{check.status}[/]", detail.replace("[", "\\["))
        data = [{"name": check.name, "status": check.status, "detail": check.detail} for check in checks]
        out(json_output, data, lambda console: console.print(listing))
        if any(check.status == "broken" for check in checks):
            raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Check]:
    """Look at everything that the project depends on, one thing at a time."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _PACKAGES:
        yield _guard(name, partial(importlib.metadata.version, name), "broken")
    yield _guard("torch", _torch, "broken")
    yield _guard("torchaudio", _torchaudio, "missing")
    yield _guard("libsndfile", _libsndfile, "broken")
    yield _guard("home folder", lambda: _writable(settings), "broken")
    yield _guard("songs", lambda: f"{len(library(settings))} in the catalog", "missing")
    yield _guard("listeners", lambda: f"{len(all_listeners(listener_files(settings)))} in the catalog", "missing")
    yield _guard("database", lambda: _database(settings), "missing")
    yield _guard("models folder", lambda: _models(settings), "missing")
    yield Check("network", "ok", "asked for by downloads only (`cadenza models get`); all else works without")
    for info in systems():
        reason = get_system(info.id, settings).unavailable_reason()
        short = f"weights are missing ({info.size_mb:.0f} MB): `cadenza models get {info.id}`" if info.size_mb else ""
        yield Check(f"system {info.id}", "missing" if reason else "ok", reason or info.title, short if reason else "")


def _guard(name: str, look: Callable[[], str], otherwise: Status) -> Check:
    try:
        return Check(name, "ok", look())
    except (CadenzaError, ImportError, OSError, RuntimeError) as error:
        return Check(
            name, otherwise, f"{type(error).__name__}: {error}" if not isinstance(error, CadenzaError) else str(error)
        )


def _torch() -> str:
    torch: Any = importlib.import_module("torch")
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        return f"{torch.__version__}, CUDA: {names}"
    mps = torch.backends.mps.is_available()
    return f"{torch.__version__}, {'Apple GPU (mps)' if mps else 'no GPU: separation runs on the CPU'}"


def _torchaudio() -> str:
    before = set(sys.modules)
    try:
        return str(importlib.import_module("torchaudio").__version__)
    except (ImportError, OSError) as error:
        for name in set(sys.modules) - before:
            if name.startswith("torchaudio"):
                del sys.modules[name]
        raise ImportError(f"does not import ({error}); nothing of the studio needs it") from error


def _libsndfile() -> str:
    soundfile: Any = importlib.import_module("soundfile")
    formats = soundfile.available_formats()
    known = ", ".join(name for name in ("WAV", "FLAC", "OGG", "MP3") if name in formats)
    return f"{soundfile.__libsndfile_version__}, reads {known}"


def _database(settings: Settings) -> str:
    """Tell of the database; an SQLite file that is not there yet is not made."""
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).exists():
        return f"{file}, made with the first scores"
    from ..store import Store

    with Store.open(settings) as store:
        return f"{store.place}, {'read-only' if store.is_read_only else 'writable'}"


def _models(settings: Settings) -> str:
    kept = [path for path in settings.models.rglob("*") if path.is_file() and not path.name.startswith(".")]
    size = sum(path.stat().st_size for path in kept) / 1e6
    advice = "to carry weights over from another machine, copy this folder"
    return f"{settings.models}, {len(kept)} files, {size:.0f} MB; {advice}"


def _writable(settings: Settings) -> str:
    probe = settings.home / "doctor.txt"
    with atomic_file(probe) as temporary:
        temporary.write_text("writable\n", encoding="utf-8")
    probe.unlink()
    return f"{settings.home}, {shutil.disk_usage(settings.home).free / 1e9:.1f} GB free"
