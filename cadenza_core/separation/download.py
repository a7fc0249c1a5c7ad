"""Fetch one file from the web: whole and checked, or not there at all."""

import contextlib
import hashlib
import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import filelock

from ..errors import CadenzaError
from ..files import atomic_file, disk_errors
from ..progress import Progress, silent

__all__ = ["DownloadFailed", "download", "one_at_a_time"]

_BLOCK = 1 << 18
_TIMEOUT = 30.0  # seconds without a byte after which a server counts as gone


class DownloadFailed(CadenzaError):
    """The network or the server did not give the whole file."""


def download(url: str, path: Path, *, sha256: str = "", progress: Progress = silent) -> str:
    """Fetch `url` to `path`.

    The bytes go to a temporary name beside `path` and are flushed, checked and renamed: a download that is cut off,
    wrong or cancelled leaves nothing behind.

    Parameters
    ----------
    url : str
    path : Path
        Its folder is made.
    sha256 : str
        The SHA-256 the file must have, in hexadecimal, or the first digits of it; empty: unknown.
    progress : Progress
        Called after every block; may raise Cancelled.

    Returns
    -------
    str
        The SHA-256 of what was fetched.

    Raises
    ------
    DownloadFailed
        If there is no connection, the server refuses, or the connection ends too early.
    CadenzaError
        If the digest is wrong or the file cannot be written.
    """
    with atomic_file(path) as temporary:
        digest = _stream(url, temporary, progress)
        if not digest.startswith(sha256):
            raise CadenzaError(
                f"{url} gave a file with SHA-256 {digest[:16]}..., not {sha256[:16]}...: it was changed on the way or at "
                "its source, and was thrown away. Try again later or from another network."
            )
    return digest


def _stream(url: str, target: Path, progress: Progress) -> str:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "cadenza-studio"})
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadFailed(f"{url}: {getattr(error, 'reason', None) or error}") from error
    digest, done = hashlib.sha256(), 0
    with response, target.open("wb") as file:
        total = int(response.headers.get("Content-Length") or 0)
        while True:
            try:
                block = response.read(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise DownloadFailed(f"{url}: the connection broke after {_mb(done)} of {_mb(total)}") from error
            if not block:
                break
            file.write(block)
            digest.update(block)
            done += len(block)
            progress(min(1.0, done / total) if total else 0.0, f"downloading {url.rpartition('/')[2]}, {_mb(done)}")
    if done < total:
        raise DownloadFailed(f"{url}: the connection ended after {_mb(done)} of {_mb(total)}")
    return digest.hexdigest()


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def one_at_a_time(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the right to download into `folder`; wait, showing so, while another process has it.

    What a killed download left there is deleted.

    Raises
    ------
    CadenzaError
        If the folder cannot be written to.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", timeout=0.2)
        while True:
            try:
                lock.acquire()
                break
            except filelock.Timeout:
                progress(0.0, "waiting: another process is downloading the same weights")
    try:
        for left in folder.glob(".partial-*"):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()
