"""Where things are kept and which device computes: one object, filled from flags, environment, file, defaults.

`CADENZA_HOME` (default: the platform's user data folder) is the only place the project writes to by itself. Its
`config.toml` may set ``music`` and ``listeners`` (lists of paths), ``models`` (a path), ``device`` and ``database`` (a
path or a URL); the environment variables `CADENZA_MUSIC`, `CADENZA_LISTENERS` (paths joined as in `PATH`),
`CADENZA_MODELS`, `CADENZA_DEVICE` and `CADENZA_DATABASE` win over the file, and flags win over both. Relative paths start
at the folder of `config.toml` in that file, and at the current folder elsewhere.
"""

import os
import reprlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from .errors import CadenzaError
from .files import expand

__all__ = ["Settings"]

_KEYS = {"music", "listeners", "models", "device", "database"}


@dataclass(frozen=True)
class Settings:
    """The configuration of one run.

    Parameters
    ----------
    home : Path
        Folder of everything the project writes: cache, demo song, models, database.
    music : tuple of Path
        Folders and files searched for songs.
    listeners : tuple of Path
        Listener metadata files (Cadenza's JSON).
    models : Path
        Folder searched first for weights.
    device : str
        ``"auto"`` (CUDA if there is one, else CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    database : str
        Path of an SQLite file, or a URL (``postgresql://user@host/name``); empty: ``cadenza.sqlite`` in `home`.
    person : str
        Digest of who has signed in, for whom `own` is a folder of their own; empty: the one user.
    """

    home: Path
    models: Path
    music: tuple[Path, ...] = ()
    listeners: tuple[Path, ...] = ()
    device: str = "auto"
    database: str = ""
    person: str = ""

    @property
    def own(self) -> Path:
        """Folder of what this person alone has uploaded, typed in or saved; of the one user it is `home`."""
        return self.home / "people" / self.person if self.person else self.home

    @property
    def database_url(self) -> str:
        """URL of the database, as SQLAlchemy takes it."""
        if "://" not in self.database:
            return f"sqlite:///{self.database or self.home / 'cadenza.sqlite'}"
        scheme, _, rest = self.database.partition("://")
        return f"{'postgresql+psycopg' if scheme in {'postgres', 'postgresql'} else scheme}://{rest}"

    @property
    def cache(self) -> Path:
        """Folder of cached separations."""
        return self.home / "cache" / "separations"

    @property
    def sounds(self) -> Path:
        """Folder of the sounds that pages play."""
        return self.home / "cache" / "playback"

    @property
    def exports(self) -> Path:
        """Folder of what was exported for download; its folders are named by content."""
        return self.home / "exports"

    @classmethod
    def load(
        cls,
        *,
        home: Path | None = None,
        music: Sequence[Path] | None = None,
        listeners: Sequence[Path] | None = None,
        models: Path | None = None,
        device: str | None = None,
        database: str | None = None,
    ) -> "Settings":
        """Read the settings; an argument that is not None wins over environment and file.

        Raises
        ------
        CadenzaError
            If `config.toml` is not TOML, has an unknown key or a value of the wrong type, or a path begins with the home
            folder (``~user``) of nobody.
        """
        env = os.environ
        default_home = platformdirs.user_data_path("cadenza-studio", appauthor=False)
        home = _path(home or env.get("CADENZA_HOME") or default_home)
        file = _read_config(home / "config.toml")
        return cls(
            home,
            _path(models or env.get("CADENZA_MODELS") or home / expand(Path(file.models or "models"))),
            _paths(music, env.get("CADENZA_MUSIC"), file.music, home),
            _paths(listeners, env.get("CADENZA_LISTENERS"), file.listeners, home),
            device or env.get("CADENZA_DEVICE") or file.device or "auto",
            _database(database or env.get("CADENZA_DATABASE"), file.database, home),
        )


@dataclass(frozen=True)
class _Config:
    """What `config.toml` may set."""

    music: list[str] = field(default_factory=list)
    listeners: list[str] = field(default_factory=list)
    models: str = ""
    device: str = ""
    database: str = ""


def _path(path: Path | str) -> Path:
    return expand(Path(path)).absolute()


def _database(given: str | None, file: str, home: Path) -> str:
    if given:
        return given if "://" in given else str(_path(given))
    return str(_path(home / expand(Path(file)))) if file and "://" not in file else file


def _paths(flags: Sequence[Path] | None, env: str | None, file: list[str], home: Path) -> tuple[Path, ...]:
    if flags is not None:
        return tuple(_path(path) for path in flags)
    names = env.split(os.pathsep) if env else [home / expand(Path(name)) for name in file if name]
    return tuple(_path(name) for name in names if name)


def _read_config(path: Path) -> _Config:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return _Config()
    except (OSError, UnicodeDecodeError) as error:
        raise CadenzaError(f"{path} cannot be read as a UTF-8 text file: {error}.") from error
    try:
        config = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CadenzaError(f"{path} is not valid TOML: {error}. Correct it or move it away.") from error
    for key, value in config.items():
        if key not in _KEYS:
            raise CadenzaError(f"{path} sets {key!r}; it may set {', '.join(sorted(_KEYS))}.")
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if is_list != (key in {"music", "listeners"}) or not (is_list or isinstance(value, str)):
            wanted = "a list of strings" if key in {"music", "listeners"} else "a string"
            raise CadenzaError(f"{path}: {key!r} must be {wanted}, not {reprlib.repr(value)}.")
    return _Config(**config)
