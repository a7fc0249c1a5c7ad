"""Our own routes beside Streamlit's: the files of mixer and player, sounds, peaks, and what was exported.

A sound is asked for by the digest it is stored under and by its name, and both must be known: see
`cadenza_core.playback`. Nothing else on the disk can be reached. Pages of other sites get nothing.
"""

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from cadenza_core.submission.archive import exports_folder

from .widgets.mixer import ASSETS, ASSETS_URL
from .widgets.services import services

__all__ = ["NoDots", "routes"]

#: What lies under such an address never changes.
_FOREVER = "private, max-age=31536000, immutable"
_TYPES = {".flac": "audio/flac", ".wav": "audio/wav", ".peaks": "application/octet-stream"}
_OURS = ("/assets/", "/audio/", "/peaks/", "/exports/")
_DIGEST = re.compile("[0-9a-f]{32}")


class _Assets(StaticFiles):
    """The files of mixer and player, asked about each time: after an update no old one is used."""

    def file_response(self, full_path: Any, *args: Any, **options: Any) -> Response:
        response = super().file_response(full_path, *args, **options)
        response.headers["Cache-Control"] = "no-cache"
        if str(full_path).endswith(".js"):  # whatever this machine believes
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


class NoDots:
    """Answer 404 to addresses of ours with ``..`` in them, however it is written."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or not."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(_OURS) and ".." in path.replace("\\", "/").split("/"):
            await _nothing()(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def routes() -> list[Mount | Route]:
    """Give all of them."""
    return [
        Mount(ASSETS_URL, _Assets(directory=ASSETS)),
        Mount("/assets/player", _Assets(directory=ASSETS.parent / "player")),
        Route("/audio/{set_id}/{name}", _sound),
        Route("/peaks/{set_id}/{name}", _peaks),
        Route("/exports/{folder}/{name}", _export),
    ]


def _sound(request: Request) -> Response:
    name: str = request.path_params["name"]
    return _file(request, name) if name.endswith((".flac", ".wav")) else _nothing()


def _peaks(request: Request) -> Response:
    name: str = request.path_params["name"]
    return _file(request, f"{name}.peaks")


def _file(request: Request, file: str) -> Response:
    set_id: str = request.path_params["set_id"]
    path = services().sounds.path(set_id, file)
    if path is None or _is_foreign(request):
        return _nothing()
    tag = f'"{set_id}-{file}"'
    headers = {"ETag": tag, "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
    if tag in _tags(request):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def _export(request: Request) -> Response:
    folder, name = request.path_params["folder"], request.path_params["name"]
    place: Path = exports_folder(services().settings) / folder
    if not _DIGEST.fullmatch(folder) or not place.is_dir() or _is_foreign(request):
        return _nothing()
    path = next((file for file in place.iterdir() if file.name == name and file.is_file()), None)
    if path is None:
        return _nothing()
    return FileResponse(path, filename=name, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _tags(request: Request) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]


def _is_foreign(request: Request) -> bool:
    """Tell whether a page of another site asks; browsers say so themselves."""
    return request.headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}


def _nothing() -> Response:
    return PlainTextResponse("Nothing here.", status_code=404)
