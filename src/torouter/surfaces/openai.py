"""The OpenAI surface: one row per endpoint, under `/v1` on both mounts."""

from __future__ import annotations

from typing import Final

from torouter.surfaces.endpoint import MOUNTS, Endpoint, endpoint

__all__ = ["ROUTES"]

_ROWS: Final = {
    b"/v1/chat/completions": endpoint("openai-chat", "chat"),
    b"/v1/responses": endpoint("openai-responses", "chat"),
    b"/v1/responses/input_tokens": endpoint("openai-responses", "count_tokens"),
    b"/v1/embeddings": endpoint("openai-chat", "embeddings"),
    b"/v1/images/generations": endpoint("openai-chat", "images"),
    b"/v1/images/edits": endpoint("openai-chat", "image_edits"),
    b"/v1/audio/transcriptions": endpoint("openai-chat", "transcriptions"),
    b"/v1/audio/speech": endpoint("openai-chat", "speech"),
    b"/v1/rerank": endpoint("openai-chat", "rerank"),
}

ROUTES: Final[dict[bytes, Endpoint]] = {mount + path: row for mount in MOUNTS for path, row in _ROWS.items()}
"""Paths that are posted to."""
