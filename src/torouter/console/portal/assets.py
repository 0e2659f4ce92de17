"""Stylesheet, scripts and pictures, all below one folder whose name is a hash of everything in it: browsers may keep
them for ever, and a script names another by its place beside it."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

__all__ = ["Assets"]

_FOLDER: Final = Path(__file__).with_name("static")
_PREFIX: Final = "/assets"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HASH_BYTES: Final = 8
_DAY_S: Final = 24 * 3600


class Assets:
    """Read once, at the start. Names are paths below `static/`, as in `playground/main.js`."""

    def __init__(self) -> None:
        files = sorted(path for path in _FOLDER.rglob("*") if path.suffix in _TYPES)
        self._bodies = {
            path.relative_to(_FOLDER).as_posix(): (path.read_bytes(), _TYPES[path.suffix]) for path in files
        }
        self._hash = _hash_of(self._bodies)

    def url(self, name: str) -> str:
        """Raises `KeyError` for what is not there."""
        if name not in self._bodies:
            raise KeyError(name)
        return f"{_PREFIX}/{self._hash}/{name}"

    def routes(self) -> list[Route]:
        async def asset(request: Request) -> Response:
            folder, _, name = request.path_params["path"].partition("/")
            found = self._bodies.get(name) if folder == self._hash else None
            if found is None:
                return Response(status_code=404)
            body, media_type = found
            headers = {
                "cache-control": "public, max-age=31536000, immutable",
                "x-content-type-options": "nosniff",
                "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
            }
            return Response(body, headers=headers, media_type=media_type)

        async def favicon(request: Request) -> Response:
            """For what asks without having read a page."""
            return RedirectResponse(self.url("mark.svg"), headers={"cache-control": f"public, max-age={_DAY_S}"})

        return [
            Route(f"{_PREFIX}/{{path:path}}", asset, methods=["GET"]),
            Route("/favicon.ico", favicon, methods=["GET"]),
        ]


def _hash_of(bodies: dict[str, tuple[bytes, str]]) -> str:
    """Of every name and body; lengths keep neighbours apart."""
    hashed = blake2b(digest_size=_HASH_BYTES)
    for name, (body, _) in bodies.items():
        hashed.update(f"{name}\n{len(body)}\n".encode())
        hashed.update(body)
    return hashed.hexdigest()
