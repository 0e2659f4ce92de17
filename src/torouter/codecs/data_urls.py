"""Data URLs (RFC 2397) and the media types that base64 data show by their first bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

from torouter.canon.blocks import InlineMedia

__all__ = ["data_url", "parse_data_url", "plain_base64", "sniff"]

_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"mif1"})
_HEAD_CHARACTERS: Final = 64
"""Enough base64 for every signature; a multiple of four."""
_ALIASES: Final = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


def parse_data_url(url: str) -> InlineMedia | None:
    """The media of a data URL in plain base64; `None` if it is none. The type may be missing, upper case, or carry
    parameters; the base64 may be URL-safe or unpadded."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    if not comma:
        return None
    media_type, *parameters = (word.strip().lower() for word in head.split(";"))
    if "base64" not in parameters:
        data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
    return InlineMedia(media_type=_ALIASES.get(media_type, media_type), data=plain_base64(data))


def data_url(media: InlineMedia) -> str:
    return f"data:{media.media_type};base64,{media.data}"


def plain_base64(data: str) -> str:
    """Base64 in the standard alphabet, padded. Text that is that already is given back as it is."""
    if "-" in data or "_" in data or "%" in data:
        data = data.replace("-", "+").replace("_", "/").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    missing = -len(data) % 4
    return data + "=" * missing if missing else data


def sniff(data: str) -> str:
    """The media type that the first bytes of base64 data show, or "" if they show none that we know."""
    try:
        head = base64.b64decode(data[:_HEAD_CHARACTERS].ljust(4, "="), validate=False)
    except (binascii.Error, ValueError):
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "image/heic"
    return next((media_type for signature, media_type in _SIGNATURES if head.startswith(signature)), "")
