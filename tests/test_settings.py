from pathlib import Path

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.settings import Settings


@pytest.fixture(autouse=True)
def home(settings, monkeypatch, tmp_path):
    """An empty CADENZA_HOME; the user's own folder and the current one are elsewhere."""
    for name in ("user", "here", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user" / "data"))
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_defaults(home):
    assert Settings.load() == Settings(home=home, models=home / "models", music=(), listeners=(), device="auto")
    assert Settings.load().cache == home / "cache" / "separations"
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_home_the_platforms_folder_is_taken(value, monkeypatch):
    monkeypatch.delenv("CADENZA_HOME")
    if value is not None:
        monkeypatch.setenv("CADENZA_HOME", value)
    assert Settings.load().home.name == "cadenza-studio"
    assert Settings.load().home.is_absolute()


def test_flags_win_over_environment_over_file_over_defaults(home, monkeypatch):
    (home / "config.toml").write_text(
        'music = ["/file/a", "/file/b"]\nlisteners = ["/file/l.json"]\nmodels = "/file/models"\ndevice = "cpu"\n'
    )
    of_file = Settings(home, Path("/file/models"), (Path("/file/a"), Path("/file/b")), (Path("/file/l.json"),), "cpu")
    assert Settings.load() == of_file
    for name, value in {"MUSIC": "", "LISTENERS": "", "MODELS": "", "DEVICE": ""}.items():
        monkeypatch.setenv(f"CADENZA_{name}", value)
    assert Settings.load() == of_file
    for name, value in {
        "MUSIC": "/env/a:/env/b:",
        "LISTENERS": "/env/l.json",
        "MODELS": "/env/m",
        "DEVICE": "mps",
    }.items():
        monkeypatch.setenv(f"CADENZA_{name}", value)
    of_environment = Settings(home, Path("/env/m"), (Path("/env/a"), Path("/env/b")), (Path("/env/l.json"),), "mps")
    assert Settings.load() == of_environment
    flags = {"music": [Path("/flag/a")], "listeners": [], "models": Path("/flag/m"), "device": "cuda:1"}
    assert Settings.load(**flags) == Settings(home, Path("/flag/m"), (Path("/flag/a"),), (), "cuda:1")


def test_a_flag_for_home_decides_which_file_is_read(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text('device = "cpu"')
    assert Settings.load(home=tmp_path / "other").device == "cpu"


def test_relative_paths_and_home_folders(home, monkeypatch, tmp_path):
    """In the file they start at the file's folder: the server may run anywhere. Elsewhere at the current one."""
    (home / "config.toml").write_text('music = ["songs", "~/songs", "", "/abs"]\nmodels = "weights"')
    user, here = tmp_path / "user", tmp_path / "here"
    assert Settings.load().music == (home / "songs", user / "songs", Path("/abs"))
    assert Settings.load().models == home / "weights"
    monkeypatch.setenv("CADENZA_MUSIC", "songs:~/songs")
    monkeypatch.setenv("CADENZA_MODELS", "~/weights")
    monkeypatch.setenv("CADENZA_HOME", "~/cadenza")
    assert Settings.load().music == (here / "songs", user / "songs")
    assert Settings.load().models == user / "weights"
    assert Settings.load().home == user / "cadenza"
    assert Settings.load(music=[Path("a"), Path("~/b")]).music == (here / "a", user / "b")
    assert Settings.load(home=Path("here")).home == here / "here"


def test_the_database_is_a_file_in_home_a_path_or_a_url(home, monkeypatch, tmp_path):
    assert Settings.load().database_url == f"sqlite:///{home}/cadenza.sqlite"
    (home / "config.toml").write_text('database = "scores.sqlite"')
    assert Settings.load().database_url == f"sqlite:///{home}/scores.sqlite"
    monkeypatch.setenv("CADENZA_DATABASE", "postgresql://me:secret@host:5433/cadenza")
    assert Settings.load().database_url == "postgresql+psycopg://me:secret@host:5433/cadenza"
    assert Settings.load(database="here.sqlite").database_url == f"sqlite:///{tmp_path}/here/here.sqlite"
    assert Settings.load(database="sqlite:////x/y").database_url == "sqlite:////x/y"


@pytest.mark.parametrize("name", ["HOME", "MUSIC", "LISTENERS", "MODELS", "DATABASE"])
def test_the_home_folder_of_nobody(name, monkeypatch):
    monkeypatch.setenv(f"CADENZA_{name}", "~nobody-of-this-name/x")
    with pytest.raises(CadenzaError, match="~nobody-of-this-name/x: there is no home folder of that name"):
        Settings.load()


BROKEN = {
    "not TOML": (b"music = [", "is not valid TOML.*Correct it or move it away"),
    "no quotes": (b"device = cpu", "is not valid TOML"),
    "twice": (b'device = "cpu"\ndevice = "cpu"', "is not valid TOML"),
    "too deep": (b"music = " + b"[" * 100_000, "is not valid TOML"),
    "not UTF-8": (b'device = "\xff\xfe"', "cannot be read as a UTF-8 text file"),
    "UTF-16": ('device = "cpu"'.encode("utf-16"), "cannot be read as a UTF-8 text file"),
    "unknown key": (b'colour = "red"', "sets 'colour'; it may set database, device, listeners, models, music"),
    "a table": (b'[cadenza]\ndevice = "cpu"', "sets 'cadenza'; it may set database, device"),
    "text for a list": (b'music = "/a"', "'music' must be a list of strings, not '/a'"),
    "numbers in a list": (b'music = ["/a", 1]', "'music' must be a list of strings"),
    "a table for a list": (b'[listeners]\na = "b"', "'listeners' must be a list of strings"),
    "list for a text": (b'models = ["/a"]', r"'models' must be a string, not \['/a'\]"),
    "number for a text": (b"device = 1", "'device' must be a string, not 1"),
    "a truth value": (b"device = true", "'device' must be a string, not True"),
    "a date": (b"device = 2024-01-01", "'device' must be a string"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_faulty_file(what, home):
    content, words = BROKEN[what]
    (home / "config.toml").write_bytes(content)
    with pytest.raises(CadenzaError, match=rf"config\.toml:? {words}"):
        Settings.load(device="cpu", music=[])


def test_empty_values_count_as_not_set(home):
    (home / "config.toml").write_text('music = []\nmodels = ""\ndevice = ""')
    assert Settings.load() == Settings(home, home / "models")


def test_an_editor_may_put_a_byte_order_mark_in_front(home):
    (home / "config.toml").write_text('device = "cpu"', encoding="utf-8-sig")
    assert Settings.load().device == "cpu"


def test_a_file_that_cannot_be_read(home, unprivileged, monkeypatch):
    (home / "config.toml").mkdir()
    with pytest.raises(CadenzaError, match=r"config\.toml cannot be read"):
        Settings.load()
    with unprivileged() as place:
        (place / "config.toml").touch(mode=0)
        with pytest.raises(CadenzaError, match=r"config\.toml cannot be read.*Permission denied"):
            Settings.load(home=place)


def test_a_home_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CadenzaError, match=r"config\.toml cannot be read.*Not a directory"):
        Settings.load(home=tmp_path / "file")
