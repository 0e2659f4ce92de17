"""Media types of files by the endings of their names, for addresses that come without one."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["media_type_of"]

_BY_ENDING: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "webm": "video/webm",
}


def media_type_of(url: str) -> str:
    """ "" where the ending says nothing."""
    path = urlsplit(url).path
    return _BY_ENDING.get(path.rpartition(".")[2].lower(), "")
