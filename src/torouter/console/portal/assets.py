"""Stylesheet, scripts and pictures: their addresses hold a hash of what is in them, so browsers may keep them for
ever. Each script is whole by itself: one that imported another would name an address that changes."""

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
    """Read once, at the start."""

    def __init__(self) -> None:
        self._bodies: dict[str, tuple[bytes, str]] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(_FOLDER.iterdir()):
            body = path.read_bytes()
            hashed = f"{path.stem}.{blake2b(body, digest_size=_HASH_BYTES).hexdigest()}{path.suffix}"
            self._bodies[hashed] = body, _TYPES[path.suffix]
            self._urls[path.name] = f"{_PREFIX}/{hashed}"

    def url(self, name: str) -> str:
        return self._urls[name]

    def routes(self) -> list[Route]:
        async def asset(request: Request) -> Response:
            found = self._bodies.get(request.path_params["name"])
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
            Route(f"{_PREFIX}/{{name}}", asset, methods=["GET"]),
            Route("/favicon.ico", favicon, methods=["GET"]),
        ]
