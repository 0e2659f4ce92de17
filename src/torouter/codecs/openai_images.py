"""What OpenAI's dialects take of images: PNG, JPEG, WebP and GIF (vision guide, seen 2026-11). Servers that imitate
them may take more, but hardly what iPhones write."""

from __future__ import annotations

from typing import Final

from torouter.canon.blocks import InlineMedia
from torouter.canon.losses import LossLog
from torouter.codecs.data_urls import data_url, sniff

__all__ = ["image_url"]

_UNTAKEN: Final = frozenset({"image/heic", "image/heif"})


def image_url(source: InlineMedia, path: str, log: LossLog) -> str:
    media_type = sniff(source.data) or source.media_type
    if media_type in _UNTAKEN:
        raise log.refusal(path, f"images of type `{media_type}` are not taken", "send PNG, JPEG, WebP or GIF")
    return data_url(source)
