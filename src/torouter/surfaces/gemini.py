"""The Gemini surface: the model and the method stand in the path (`…/models/<model>:<verb>`).

Served under `/v1beta`, `/v1alpha` and `/v1`, doubled in any way, and without any version, on both mounts: SDKs append
their own version to a base URL that has one already (google-genai 3 appends `/v1`, its predecessors `/v1beta`; LiteLLM
and aider none; seen 2026-11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from torouter.codecs import Framing
from torouter.surfaces.endpoint import Endpoint, endpoint

__all__ = ["GeminiCall", "is_beta_path", "parse_call"]

_CALL: Final = re.compile(rb"(?:/api)?(?:/v1(?:beta|alpha)?){0,2}/(?:models/|(?=tunedModels/))(.+?)(?::|%3[aA])(\w+)")
_VERBS: Final[dict[bytes, Endpoint]] = {
    b"generateContent": endpoint("gemini", "chat"),
    b"streamGenerateContent": endpoint("gemini", "chat"),
    b"countTokens": endpoint("gemini", "count_tokens"),
    b"embedContent": endpoint("gemini", "embeddings"),
    b"batchEmbedContents": endpoint("gemini", "embeddings"),
}


@dataclass(frozen=True, slots=True)
class GeminiCall:
    """`endpoint` is `None` for a verb that is not served."""

    endpoint: Endpoint | None
    model: str
    verb: str
    framing: Framing


def is_beta_path(path: bytes) -> bool:
    """Is this one of the mounts on which `?key=` is accepted?"""
    return path.startswith((b"/v1beta/", b"/api/v1beta/", b"/v1alpha/", b"/api/v1alpha/"))


def parse_call(path: bytes, query: bytes) -> GeminiCall | None:
    """`None` if the path is not that of a method of a model."""
    match = _CALL.fullmatch(path)
    if match is None:
        return None
    verb = match[2]
    framing: Framing = "whole"
    if verb == b"streamGenerateContent":
        framing = "sse" if b"alt=sse" in query.split(b"&") else "array"
    model = unquote_to_bytes(match[1]).decode("utf-8", "replace")
    return GeminiCall(_VERBS.get(verb), model, verb.decode("ascii"), framing)
